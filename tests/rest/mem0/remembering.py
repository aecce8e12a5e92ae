"""Helpers for tests of memories in the mem0 API."""

import asyncio
from datetime import datetime
from typing import Any

from tests.rest.mem0.rest import ask
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import Tenant

BY_GRAPHQL = """
query ($id: ID!) {
  memory(id: $id) {
    id text userId agentId appId runId actor role metadata categories immutable timestamp
    expirationDate createdAt updatedAt state version
  }
}
"""
# What REST calls each field that GraphQL has.
NAMES = {
    "id": "id",
    "text": "memory",
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "actor": "actor_id",
    "role": "role",
    "metadata": "metadata",
    "categories": "categories",
    "immutable": "immutable",
    "timestamp": "timestamp",
    "expirationDate": "expiration_date",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "version": "version",
}


def moments_read(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with parsed times: GraphQL and REST write UTC differently."""
    moments = ("timestamp", "created_at", "updated_at")
    return {
        name: datetime.fromisoformat(value) if name in moments and value else value
        for name, value in row.items()
    }


async def finished(tenant: Tenant, event_id: str) -> dict[str, Any]:
    """Wait until the operation of an event has ended; return the event."""
    for _ in range(400):
        await tenant.deployment.run_jobs()
        event: dict[str, Any] = await ask(tenant.owner, "GET", f"/v1/event/{event_id}/")
        if event["status"] not in ("PENDING", "RUNNING"):
            return event
        await asyncio.sleep(0.05)
    raise AssertionError(f"It did not end: {event}")


async def assert_same(client: Client, shown: dict[str, Any]) -> None:
    """Assert that REST and GraphQL return the same memory."""
    found = (await client.ask(BY_GRAPHQL, id=shown["id"]))["memory"]
    state = found.pop("state")
    expected = {NAMES[name]: value for name, value in found.items()}
    assert moments_read(expected) == moments_read({name: shown[name] for name in NAMES.values()})
    assert shown["lifecycle_state"] == state.lower()
    assert shown["session_id"] == shown["run_id"]


async def added(tenant: Tenant, *texts: str, **options: Any) -> list[str]:
    """Store messages without inference, by default of the user alice; return the ids."""
    named = {"user_id", "agent_id", "app_id", "run_id"} & set(options)
    body = {"infer": False, **({} if named else {"user_id": "alice"}), **options}
    messages = [{"role": "user", "content": text} for text in texts]
    answer = await ask(tenant.owner, "POST", "/v3/memories/add/", {"messages": messages, **body})
    assert answer["status"] == "SUCCEEDED"
    assert [result["memory"] for result in answer["results"]] == list(texts)
    return [result["id"] for result in answer["results"]]
