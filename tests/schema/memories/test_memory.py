"""Memories through the front door: storing, reading, expiring and deleting them.

The trap: `addMemories` answers with what it was about to store; what is stored is asked for again.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import orjson
import pytest

from core.validation import LARGEST_METADATA, LONGEST_NAME
from server import create_app
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import ADD, Tenant

MEMORY = """
query ($id: ID!) {
  memory(id: $id) {
    id text version userId agentId appId runId actor role metadata categories immutable hash
    timestamp expirationDate expired createdAt updatedAt
    project { id } user { type name } agent { type name } app { type name } run { type name }
  }
}
"""
LISTS = """
query ($all: Boolean!, $projectId: ID!) {
  memories(showExpired: $all) { totalCount nodes { text } }
  project(id: $projectId) { memories(showExpired: $all) { totalCount nodes { text } } }
  entity(type: USER, name: "alice") { memories(showExpired: $all) { totalCount nodes { text } } }
  searchMemories(query: "tea", threshold: 0, showExpired: $all) { hits { memory { text } } }
}
"""
TEXTS = "{ memories(first: 100) { nodes { text } } }"
EVERYTHING = """
{
  memories(showExpired: true) { totalCount nodes { id } }
  entities { nodes { name totalMemories } }
  project { history(first: 100) { nodes { sequence type memoryId oldText newText before after } } }
}
"""
MAKE_PROJECT = """
mutation { createProject(input: {name: "Two"}) { project { id } userErrors { message } } }
"""
COUNTS = """
query ($id: ID) { memories { totalCount } there: memories(projectId: $id) { totalCount } }
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { message } } }"
DELETE_MANY = """
mutation ($ids: [ID!], $projectId: ID) {
  deleteMemories(ids: $ids, projectId: $projectId) { deletedIds count userErrors { message } }
}
"""


def says(*contents: str, **others: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": content, **others} for content in contents]


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


async def test_a_memory_has_what_it_was_added_with(tenant: Tenant) -> None:
    before = datetime.now(UTC)
    message = {"role": "assistant", "name": "Tony", "content": "Alice loves hiking"}
    payload = await tenant.owner.do(
        ADD,
        input={
            "infer": False,
            "messages": [message],
            "userId": "alice",
            "agentId": "butler",
            "appId": "house",
            "runId": "monday",
            "metadata": {"source": "chat", "tags": ["a", 1, None, {"b": 1.5}]},
            "timestamp": "2026-03-01T10:30:00+01:00",
            "expirationDate": "9999-12-31",
            "immutable": True,
        },
    )
    (added,) = payload["memories"]
    memory = (await tenant.owner.ask(MEMORY, id=added["id"]))["memory"]
    assert before <= moment(memory["createdAt"]) <= datetime.now(UTC)
    assert memory == {
        "id": added["id"],
        "text": "Alice loves hiking",
        "version": 1,
        "userId": "alice",
        "agentId": "butler",
        "appId": "house",
        "runId": "monday",
        "actor": "Tony",
        "role": "assistant",
        "metadata": {"source": "chat", "tags": ["a", 1, None, {"b": 1.5}]},
        "categories": [],
        "immutable": True,
        "hash": hashlib.sha256(b"Alice loves hiking").hexdigest(),
        "timestamp": "2026-03-01T09:30:00.000000Z",
        "expirationDate": "9999-12-31",
        "expired": False,
        "createdAt": added["createdAt"],
        "updatedAt": added["createdAt"],
        "project": {"id": tenant.project_id},
        "user": {"type": "USER", "name": "alice"},
        "agent": {"type": "AGENT", "name": "butler"},
        "app": {"type": "APP", "name": "house"},
        "run": {"type": "RUN", "name": "monday"},
    }


@pytest.mark.parametrize("field", ["userId", "agentId", "appId", "runId"])
async def test_a_memory_has_nothing_it_was_not_given(tenant: Tenant, field: str) -> None:
    (added,) = await tenant.add("I love hiking", **{field: "alice"})
    memory = (await tenant.owner.ask(MEMORY, id=added["id"]))["memory"]
    empty = ["userId", "agentId", "appId", "runId", "user", "agent", "app", "run"]
    empty.remove(field)
    empty.remove(field.removesuffix("Id"))
    assert memory[field] == "alice"
    assert memory[field.removesuffix("Id")]["name"] == "alice"
    assert [memory[name] for name in empty] == [None] * 6
    assert (memory["metadata"], memory["categories"], memory["immutable"]) == ({}, [], False)
    assert (memory["timestamp"], memory["expirationDate"]) == (None, None)
    assert (memory["actor"], memory["role"]) == (None, "user")


async def test_each_message_is_one_memory_in_order_save_for_context(tenant: Tenant) -> None:
    messages = [
        {"role": "system", "content": "Be kind"},
        {"role": "user", "content": "Hello"},
        {"role": "developer", "content": "Be brief"},
        {"role": "assistant", "content": "Good day"},
        {"role": "user", "content": "Hello again"},
        {"role": "tool", "content": "It rains"},
    ]
    payload = await tenant.owner.do(
        ADD, input={"infer": False, "messages": messages, "userId": "alice"}
    )
    said = ["Hello", "Good day", "Hello again", "It rains"]
    assert [memory["text"] for memory in payload["memories"]] == said
    assert len({memory["id"] for memory in payload["memories"]}) == 4
    data = await tenant.owner.ask(TEXTS)
    assert [memory["text"] for memory in data["memories"]["nodes"]] == said[::-1]


async def test_lists_have_the_newest_memory_first(tenant: Tenant) -> None:
    for text in ("one", "two", "three"):
        await tenant.add(text)
    data = await tenant.owner.ask(LISTS, all=False, projectId=tenant.project_id)
    newest_first = {"totalCount": 3, "nodes": [{"text": t} for t in ("three", "two", "one")]}
    assert data["memories"] == newest_first
    assert data["project"]["memories"] == newest_first
    assert data["entity"]["memories"] == newest_first


async def test_a_thousand_messages_are_taken(tenant: Tenant) -> None:
    texts = [str(n) for n in range(1000)]
    added = await tenant.add(*texts)
    assert [memory["text"] for memory in added] == texts
    assert (await tenant.owner.ask("{ memories { totalCount } }"))["memories"]["totalCount"] == 1000


async def test_a_message_says_when_better_than_the_input(tenant: Tenant) -> None:
    messages = [
        {"role": "user", "content": "a", "timestamp": "2020-02-29T23:59:59.123456-12:00"},
        {"role": "user", "content": "b"},
        {"role": "user", "content": "c", "timestamp": None},
    ]
    wanted = {
        "infer": False,
        "messages": messages,
        "userId": "alice",
        "timestamp": "1969-07-20T20:17:40Z",
    }
    payload = await tenant.owner.do(ADD, input=wanted)
    data = await tenant.owner.ask("{ memories { nodes { id text timestamp } } }")
    kept = {memory["text"]: memory["timestamp"] for memory in data["memories"]["nodes"]}
    assert len(payload["memories"]) == 3
    assert kept == {
        "a": "2020-03-01T11:59:59.123456Z",
        "b": "1969-07-20T20:17:40.000000Z",
        "c": "1969-07-20T20:17:40.000000Z",
    }


@pytest.mark.parametrize("character", ["n", "ñ", "🦊"])
async def test_names_may_have_256_characters(tenant: Tenant, character: str) -> None:
    name = character * LONGEST_NAME
    messages = [*says("Hello", name=name), {"role": name, "content": "Hi"}]
    names = dict.fromkeys(("userId", "agentId", "appId", "runId"), name)
    payload = await tenant.owner.do(ADD, input={"infer": False, "messages": messages, **names})
    first, second = payload["memories"]
    memory = (await tenant.owner.ask(MEMORY, id=first["id"]))["memory"]
    assert {field: memory[field] for field in names} == names
    assert memory["actor"] == name
    assert (await tenant.owner.ask(MEMORY, id=second["id"]))["memory"]["role"] == name


async def test_metadata_may_have_64_kilobytes(tenant: Tenant) -> None:
    metadata = {"k": "x" * (LARGEST_METADATA - len(orjson.dumps({"k": ""})))}
    assert len(orjson.dumps(metadata)) == LARGEST_METADATA
    (added,) = await tenant.add("Hello", metadata=metadata)
    assert (await tenant.owner.ask(MEMORY, id=added["id"]))["memory"]["metadata"] == metadata


async def test_the_hash_overlooks_white_space_and_unicode_forms(tenant: Tenant) -> None:
    texts = ("caf\u00e9 noir", "  cafe\u0301\n\tnoir ", "Cafe\u0301 noir")
    hashes = [
        (await tenant.owner.ask(MEMORY, id=added["id"]))["memory"]["hash"]
        for added in await tenant.add(*texts)
    ]
    assert hashes[0] == hashes[1] == hashlib.sha256("caf\u00e9 noir".encode()).hexdigest()
    assert hashes[2] != hashes[0]


async def test_another_project_can_be_named(tenant: Tenant) -> None:
    project_id = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    payload = await tenant.owner.do(
        ADD,
        projectId=project_id,
        input={"infer": False, "messages": says("Hello"), "userId": "alice"},
    )
    (added,) = payload["memories"]
    memory = (await tenant.owner.ask(MEMORY, id=added["id"]))["memory"]
    assert memory["project"] == {"id": project_id}
    data = await tenant.owner.ask(
        COUNTS,
        id=project_id,
    )
    assert data == {"memories": {"totalCount": 0}, "there": {"totalCount": 1}}


# ---------------------------------------------------------------- expiry


@asynccontextmanager
async def at(tenant: Tenant, when: datetime) -> AsyncIterator[Client]:
    """The owner at another moment: the same deployment behind a clock that stands still."""
    services = replace(tenant.deployment.services, clock=lambda: when)
    transport = httpx.ASGITransport(create_app(services, tenant.deployment.settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://then.localhost") as http:
        yield Client(http, tenant.owner.key)


LAST_DAY = date(2031, 12, 31)


@pytest.mark.parametrize(
    ("when", "expired"),
    [
        pytest.param(datetime(2031, 1, 1, tzinfo=UTC), False, id="before the day"),
        pytest.param(datetime.combine(LAST_DAY, time.min, UTC), False, id="as the day begins"),
        pytest.param(datetime.combine(LAST_DAY, time.max, UTC), False, id="as the day ends"),
        pytest.param(
            datetime.combine(LAST_DAY, time.max, UTC) + timedelta(microseconds=1), True, id="after"
        ),
    ],
)
async def test_an_expired_memory_is_shown_to_those_who_ask(
    tenant: Tenant, when: datetime, expired: bool
) -> None:
    await tenant.add("Green tea")
    (added,) = await tenant.add("Black tea", expirationDate=LAST_DAY.isoformat())
    shown = ["Green tea"] if expired else ["Black tea", "Green tea"]
    async with at(tenant, when) as owner:
        assert (await owner.ask(MEMORY, id=added["id"]))["memory"]["expired"] is expired
        for all, wanted in ((False, shown), (True, ["Black tea", "Green tea"])):
            data = await owner.ask(LISTS, all=all, projectId=tenant.project_id)
            page = {"totalCount": len(wanted), "nodes": [{"text": text} for text in wanted]}
            assert data["memories"] == page
            assert data["project"]["memories"] == page
            assert data["entity"]["memories"] == page
            hits = [hit["memory"]["text"] for hit in data["searchMemories"]["hits"]]
            assert sorted(hits) == wanted


async def test_a_memory_may_be_stored_expired(tenant: Tenant) -> None:
    (added,) = await tenant.add("Old tea", expirationDate="1999-12-31")
    assert (await tenant.owner.ask(MEMORY, id=added["id"]))["memory"]["expired"] is True
    data = await tenant.owner.ask(EVERYTHING)
    assert data["memories"]["totalCount"] == 1
    assert data["entities"]["nodes"] == [{"name": "alice", "totalMemories": 1}]
    assert (await tenant.owner.ask(TEXTS))["memories"]["nodes"] == []


# ---------------------------------------------------------------- deleting


async def test_a_deleted_memory_is_gone_and_its_history_stays(tenant: Tenant) -> None:
    kept, gone = await tenant.add("Tea", "Coffee", agentId="butler", userId="alice")
    payload = await tenant.owner.do(DELETE, id=gone["id"])
    assert payload["deletedId"] == gone["id"]
    error = await tenant.owner.error(MEMORY, id=gone["id"])
    assert error["extensions"]["code"] == "NOT_FOUND"
    data = await tenant.owner.ask(EVERYTHING)
    assert data["memories"] == {"totalCount": 1, "nodes": [{"id": kept["id"]}]}
    totals = {entity["name"]: entity["totalMemories"] for entity in data["entities"]["nodes"]}
    assert totals == {"alice": 1, "butler": 1}
    *_, added, deleted = data["project"]["history"]["nodes"]
    assert (added["type"], added["memoryId"], added["newText"]) == ("ADD", gone["id"], "Coffee")
    assert deleted == {
        "sequence": 3,
        "type": "DELETE",
        "memoryId": gone["id"],
        "oldText": "Coffee",
        "newText": None,
        "before": added["after"],
        "after": None,
    }


async def test_an_immutable_memory_can_be_deleted(tenant: Tenant) -> None:
    (added,) = await tenant.add("Tea", immutable=True)
    assert (await tenant.owner.do(DELETE, id=added["id"]))["deletedId"] == added["id"]
    assert (await tenant.owner.ask(EVERYTHING))["memories"]["totalCount"] == 0


@pytest.mark.parametrize("named", [False, True], ids=["by ids alone", "with their project"])
async def test_many_memories_are_deleted_at_once(tenant: Tenant, named: bool) -> None:
    ids = [memory["id"] for memory in await tenant.add(*map(str, range(120)))]
    (kept,) = await tenant.add("Tea")
    wanted = [*ids[::-1], ids[0]]
    project_id = tenant.project_id if named else None
    payload = await tenant.owner.do(DELETE_MANY, ids=wanted, projectId=project_id)
    assert (payload["deletedIds"], payload["count"]) == (ids[::-1], 120)
    data = await tenant.owner.ask(EVERYTHING)
    assert data["memories"]["nodes"] == [{"id": kept["id"]}]
    assert data["entities"]["nodes"] == [{"name": "alice", "totalMemories": 1}]
    log = "{ project { history(last: 100, types: [DELETE]) { totalCount nodes { sequence } } } }"
    history = (await tenant.owner.ask(log))["project"]["history"]
    assert history["totalCount"] == 120
    assert [event["sequence"] for event in history["nodes"]] == list(range(142, 242))


async def test_memories_of_several_projects_are_deleted_at_once(tenant: Tenant) -> None:
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    add = {"infer": False, "messages": says("There"), "userId": "alice"}
    (there,) = (await tenant.owner.do(ADD, projectId=other, input=add))["memories"]
    (here,) = await tenant.add("Here")
    payload = await tenant.owner.do(DELETE_MANY, ids=[there["id"], here["id"]])
    assert (payload["deletedIds"], payload["count"]) == ([there["id"], here["id"]], 2)
    counts = await tenant.owner.ask(
        COUNTS,
        id=other,
    )
    assert counts == {"memories": {"totalCount": 0}, "there": {"totalCount": 0}}
