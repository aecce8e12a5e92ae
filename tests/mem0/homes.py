"""A project of one test alone on a server that many share, and what GraphQL says of it.

Everything a client is told is compared with this: the same rows, asked for through the other door.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from harness.process import PATIENCE, Process, wait_until

MEMORY = """
fragment Whole on Memory {
  id text hash userId agentId appId runId actor role metadata categories immutable state
  timestamp expirationDate createdAt updatedAt supersededBy { id } feedback { value reason }
}
"""
_MEMORY = f"query ($id: ID!) {{ memory(id: $id) {{ ...Whole }} }} {MEMORY}"
_MEMORIES = f"""
query ($filter: MemoryFilter) {{
  memories(filter: $filter, first: 100, showExpired: true) {{ totalCount nodes {{ ...Whole }} }}
}}
{MEMORY}
"""
_MAKE_PROJECT = """
mutation ($name: String!) {
  createProject(input: {name: $name}) { project { id organization { id } } userErrors { message } }
}
"""
_MAKE_KEY = """
mutation ($id: ID!) {
  createApiKey(input: {name: "clients", projectId: $id, permission: ADMIN}) {
    secret userErrors { message }
  }
}
"""
_MOMENTS = ("timestamp", "created_at", "updated_at")


@dataclass(frozen=True)
class Home:
    """A project, its organization, and a key that is confined to it."""

    server: Process
    organization_id: str
    project_id: str
    key: str

    def ask(self, document: str, **variables: Any) -> Any:
        """Ask GraphQL with this key; return the data."""
        response = self.server.post(document, key=self.key, **variables)
        body = response.json()
        assert "errors" not in body, body["errors"]
        return body["data"]

    def memory(self, id: str) -> dict[str, Any] | None:
        """Return a memory as GraphQL shows it; none if it is gone."""
        response = self.server.post(_MEMORY, key=self.key, id=id)
        found: dict[str, Any] | None = response.json()["data"]["memory"]
        return found

    def memories(self, filter: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return all memories that match, newest first."""
        found = self.ask(_MEMORIES, filter=filter)["memories"]
        assert found["totalCount"] == len(found["nodes"])
        nodes: list[dict[str, Any]] = found["nodes"]
        return nodes

    def texts(self) -> list[str]:
        """Return the texts of all memories, in the order of the alphabet."""
        return sorted(memory["text"] for memory in self.memories())

    def event(self, id: str) -> dict[str, Any]:
        """Ask for an event, as mem0's manual tells its users to, until it is over."""

        def get() -> dict[str, Any]:
            headers = {"Authorization": f"Token {self.key}"}
            url = f"{self.server.url}/v1/event/{id}/"
            answer = httpx.get(url, headers=headers, timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        wait_until(lambda: get()["status"] not in ("PENDING", "RUNNING"), "the end of an event")
        return get()


def make_home(server: Process, name: str) -> Home:
    """Make a project with a key."""
    project = server.do(_MAKE_PROJECT, name=name)["project"]
    key = server.do(_MAKE_KEY, id=project["id"])["secret"]
    return Home(server, project["organization"]["id"], project["id"], key)


def agree(shown: Mapping[str, Any], memory: Mapping[str, Any] | None) -> None:
    """Check that a memory as a client has it is the one that GraphQL shows."""
    assert memory is not None
    successor = memory["supersededBy"]
    expected = {
        "id": memory["id"],
        "memory": memory["text"],
        "hash": memory["hash"],
        "user_id": memory["userId"],
        "agent_id": memory["agentId"],
        "app_id": memory["appId"],
        "run_id": memory["runId"],
        "session_id": memory["runId"],
        "actor_id": memory["actor"],
        "role": memory["role"],
        "metadata": memory["metadata"],
        "categories": memory["categories"],
        "immutable": memory["immutable"],
        "lifecycle_state": memory["state"].lower(),
        "replaced_by": successor and successor["id"],
        "timestamp": memory["timestamp"],
        "expiration_date": memory["expirationDate"],
        "created_at": memory["createdAt"],
        "updated_at": memory["updatedAt"],
    }
    assert _parsed(shown, expected) == _parsed(expected, expected)


def _parsed(given: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of these names, moments as such: they may be written in several ways."""
    found = {name: given[name] for name in names}
    moments = {name: datetime.fromisoformat(found[name]) for name in _MOMENTS if found[name]}
    return found | moments
