"""The two doors through which conversations are added: GraphQL, and mem0's REST API.

A test gives messages and options in mem0's form, which is that of model APIs, and reads the result
by GraphQL: both doors must have stored the same.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.support.fixtures.factories import Tenant

ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) { results { outcome } userErrors { code path } }
}
"""
STORED = """
{
  memories(first: 100, includeMerged: true, orderBy: {field: CREATED_AT, direction: ASC}) {
    nodes {
      text role actor userId agentId appId runId state timestamp timestampPrecision
      sources { content }
    }
  }
  project { operations(first: 1) { nodes { notes } } }
}
"""
DOORS = ("graphql", "mem0")


class Stored(NamedTuple):
    """All memories of a project, oldest first, and the notes of its last operation."""

    memories: list[dict[str, Any]]
    notes: list[str]

    @property
    def texts(self) -> list[str]:
        """The texts of all memories, including those that were replaced."""
        return [memory["text"] for memory in self.memories]

    @property
    def active(self) -> list[str]:
        """The texts of the memories that hold."""
        return [memory["text"] for memory in self.memories if memory["state"] == "ACTIVE"]

    @property
    def days(self) -> list[tuple[str, str | None]]:
        """The day of each memory, and the precision of its time."""
        return [(each["timestamp"][:10], each["timestampPrecision"]) for each in self.memories]


async def add(
    tenant: Tenant, door: str, messages: Sequence[str | dict[str, Any]], **options: Any
) -> Stored:
    """Add messages, by default of the user alice, which must succeed; return what is stored."""
    error = await add_or_fail(tenant, door, messages, **options)
    assert error is None
    found = await tenant.owner.ask(STORED)
    (operation,) = found["project"]["operations"]["nodes"]
    return Stored(found["memories"]["nodes"], operation["notes"])


async def add_or_fail(
    tenant: Tenant, door: str, messages: Sequence[str | dict[str, Any]], **options: Any
) -> tuple[str, list[str]] | None:
    """Add messages; return the code and the path, in mem0's form, of the error, or None."""
    sent = [
        {"role": "user", "content": each} if isinstance(each, str) else each for each in messages
    ]
    if not {"user_id", "agent_id", "app_id", "run_id"} & set(options):
        options["user_id"] = "alice"
    if door == "mem0":
        return await _add_by_rest(tenant, {"messages": sent, **options})
    given = {_camel(name): value for name, value in options.items()}
    body = {"query": ADD, "variables": {"input": {"messages": list(map(_input, sent)), **given}}}
    answer = await _post(tenant, "/graphql", f"Bearer {tenant.owner.key}", body)
    if "errors" in answer:
        return answer["errors"][0]["extensions"]["code"], []
    errors = answer["data"]["addMemories"]["userErrors"]
    return (errors[0]["code"], errors[0]["path"][1:]) if errors else None


async def _add_by_rest(tenant: Tenant, body: dict[str, Any]) -> tuple[str, list[str]] | None:
    answer = await _post(tenant, "/v1/memories/", f"Token {tenant.owner.key}", body)
    return (answer["code"], answer["path"]) if isinstance(answer, dict) else None


async def _post(tenant: Tenant, path: str, key: str, body: dict[str, Any]) -> Any:
    # The escapes of `json` can hold half a surrogate pair, which no UTF-8 body can.
    headers = {"Authorization": key, "Content-Type": "application/json"}
    answer = await tenant.owner.http.post(path, content=json.dumps(body), headers=headers)
    return answer.json()


def _input(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of a model API as a `MessageInput`."""
    content = message.get("content")
    given = {name: message[name] for name in ("role", "name", "timestamp") if name in message}
    if isinstance(content, list):
        return {**given, "parts": list(map(_part, content))}
    return {**given, **({"content": content} if "content" in message else {})}


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    names = {"text": "text", "image_url": "image", "file": "file"}
    name = names.get(kind, "other")
    return {name: part["text"] if name == "text" else part}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
