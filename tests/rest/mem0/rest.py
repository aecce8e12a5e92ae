"""Requests to the mem0 API as mem0's clients send them: a path, JSON, and a key in a header."""

from typing import Any

import httpx

from tests.support.clients.graphql import Client
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment


async def call(
    client: Client, method: str, path: str, json: Any = None, **query: Any
) -> httpx.Response:
    """Send a request with the key of a client. A list in the query is given as several values."""
    headers = {"Authorization": f"Token {client.key}"} if client.key else {}
    params = {name: value for name, value in query.items() if value is not None}
    # Some of mem0's deletions carry a body, which only this method of the client's can send.
    return await client.http.request(
        method, path, json=json, params=params or None, headers=headers
    )


async def ask(
    client: Client, method: str, path: str, json: Any = None, status: int = 200, **query: Any
) -> Any:
    """Send a request that must succeed with a status; return the JSON of the answer."""
    response = await call(client, method, path, json, **query)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    return response.json()


async def refused(
    client: Client, method: str, path: str, json: Any = None, **query: Any
) -> tuple[int, str, list[str]]:
    """Send a request that must be rejected; return the status, code and path of the error."""
    response = await call(client, method, path, json, **query)
    body = response.json()
    assert body.keys() == {"detail", "error", "message", "code", "path"}, response.text
    # Each of mem0's clients and documents reads the sentence under another name.
    assert body["detail"]
    assert body["detail"] == body["error"] == body["message"]
    return response.status_code, body["code"], body["path"]


async def cost(client: Client, deployment: Deployment, *request: Any, **query: Any) -> int:
    """Return how many statements a request costs."""
    # That a key is in use is noted once in a while, and is no part of the cost.
    await ask(client, "GET", "/v1/ping/")
    with deployment.counted_statements() as statements:
        await ask(client, *request, **query)
    return len(statements)


async def assert_refused(
    tenant: Tenant,
    client: Client,
    expected: tuple[int, str, list[str]],
    method: str,
    path: str,
    json: Any = None,
    **query: Any,
) -> None:
    """Assert that a request is rejected with exactly this error and writes nothing."""
    with unchanged(tenant.deployment):
        assert await refused(client, method, path, json, **query) == expected


# What is refused to whoever has no key.
NOBODY = (401, "UNAUTHENTICATED", list[str]())
FORBIDDEN = (403, "FORBIDDEN", list[str]())


def missing(*path: str) -> tuple[int, str, list[str]]:
    """Return the error about an object that does not exist for the caller."""
    return 404, "NOT_FOUND", list(path)


def invalid(*path: str) -> tuple[int, str, list[str]]:
    """Return the error about an invalid value."""
    return 400, "INVALID_INPUT", list(path)
