"""Clients that change memories continuously, and the log events that the changes must produce."""

import random
import time
from collections import defaultdict
from typing import Any, NamedTuple

import httpx

USERS = ("alice", "bob", "carol")
_ADD = """
mutation ($user: String!, $messages: [MessageInput!]!) {
  addMemories(input: {infer: false, userId: $user, messages: $messages}) {
    memories { id } userErrors { message }
  }
}
"""
_CHANGE_ONE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { userErrors { message } }
}
"""
_CHANGE = """
mutation ($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) {
    results { userErrors { message } } userErrors { message }
  }
}
"""
_DELETE = "mutation ($ids: [ID!]!) { deleteMemories(ids: $ids) { userErrors { message } } }"
_LOG = """
query ($after: Cursor) {
  project {
    history(first: 100, after: $after) {
      nodes { sequence memoryId oldText newText } pageInfo { hasNextPage endCursor }
    }
  }
}
"""
_MOST = 8


class Logged(NamedTuple):
    """An event of the log, and the user of its memory."""

    sequence: int
    memory_id: str
    user: str


class Writer:
    """Adds, changes and deletes memories, and records when each change was acknowledged.

    Most changes are of metadata. They need no embedding and cost a quarter of an addition, so two
    cores can serve several writers.
    """

    def __init__(self, http: httpx.AsyncClient, key: str, name: str) -> None:
        self.events = 0
        # By memory id, in the order of the changes.
        self.acknowledged: dict[str, list[float]] = defaultdict(list)
        self._http = http
        self._key = key
        self._name = name
        self._random = random.Random(name)
        self._living: list[str] = []
        self._text_count = 0

    async def write(self, url: str) -> int:
        """Make some changes in one request; return how many events they produce.

        Raises `httpx.TransportError` when the server does not answer. The request may have been
        executed or not, so the writer does not use the existing memories from then on.
        """
        turn = self._random.random()
        changed: list[str]
        try:
            if len(self._living) < 2 * _MOST or turn < 0.15:
                changed = await self._add(url)
            elif turn < 0.3:
                changed = await self._delete(url)
            else:
                changed = await self._change(url)
        except httpx.TransportError:
            self._living.clear()
            raise
        moment = time.perf_counter()
        for id in changed:
            self.acknowledged[id].append(moment)
        self.events += len(changed)
        return len(changed)

    async def _add(self, url: str) -> list[str]:
        user = self._random.choice(USERS)
        messages = []
        for _ in range(self._random.randint(1, _MOST)):
            self._text_count += 1
            content = f"{user} was told thing {self._text_count} by {self._name}"
            messages.append({"role": "user", "content": content})
        payload = await self._do(url, _ADD, user=user, messages=messages)
        added = [memory["id"] for memory in payload["memories"]]
        self._living += added
        return added

    async def _change(self, url: str) -> list[str]:
        ids = self._random.sample(self._living, self._random.randint(1, 10))
        input = {"metadata": {"change": self.events}}
        if len(ids) == 1:
            await self._do(url, _CHANGE_ONE, id=ids[0], input=input)
        else:
            inputs = [{"id": id, "input": input} for id in ids]
            payload = await self._do(url, _CHANGE, inputs=inputs)
            assert not any(result["userErrors"] for result in payload["results"]), payload
        return ids

    async def _delete(self, url: str) -> list[str]:
        ids = self._random.sample(self._living, self._random.randint(1, _MOST))
        await self._do(url, _DELETE, ids=ids)
        self._living = [id for id in self._living if id not in ids]
        return ids

    async def _do(self, url: str, document: str, **variables: Any) -> Any:
        (payload,) = (await ask(self._http, url, self._key, document, **variables)).values()
        assert payload["userErrors"] == [], payload
        return payload


async def ask(http: httpx.AsyncClient, url: str, key: str, document: str, **variables: Any) -> Any:
    """Send a document that must succeed; return its data."""
    response = await http.post(
        f"{url}/graphql",
        json={"query": document, "variables": variables},
        headers={"Authorization": f"Bearer {key}"},
    )
    body = response.json()
    assert "errors" not in body, body["errors"]
    return body["data"]


async def whole_log(http: httpx.AsyncClient, url: str, key: str) -> list[Logged]:
    """Return all events of the key's default project, from its `history` list."""
    found: list[Logged] = []
    after = None
    while True:
        data = await ask(http, url, key, _LOG, after=after)
        history = data["project"]["history"]
        for node in history["nodes"]:
            text = node["newText"] or node["oldText"]
            found.append(Logged(node["sequence"], node["memoryId"], text.split()[0]))
        if not history["pageInfo"]["hasNextPage"]:
            return found
        after = history["pageInfo"]["endCursor"]


def expected_of(log: list[Logged], user: str | None) -> list[int]:
    """Return the sequence numbers of the events of a user's memories, or of all without a user."""
    return [event.sequence for event in log if user in (None, event.user)]
