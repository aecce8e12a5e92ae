"""Entities: how memories bring them about, how they are found, described and erased."""

import asyncio
import itertools
from typing import Any

import orjson
import pytest

from core.ids import uuid7
from core.validation import LARGEST_METADATA, LONGEST_NAME
from tests.support.fixtures.factories import ADD, Tenant

ERRORS = "userErrors { __typename code message path ... on NotFoundError { id } }"
ENTITY = "id type name metadata totalMemories createdAt updatedAt project { id }"
FIND = f"""
query ($type: EntityType!, $name: String!) {{
  entity(type: $type, name: $name) {{ {ENTITY} }}
}}
"""
LIST = """
query ($type: EntityType, $nameContains: String) {
  entities(type: $type, nameContains: $nameContains, first: 100) {
    totalCount nodes { type name totalMemories }
  }
}
"""
UPDATE = f"""
mutation ($id: ID!, $input: UpdateEntityInput!) {{
  updateEntity(id: $id, input: $input) {{ entity {{ {ENTITY} }} {ERRORS} }}
}}
"""
DELETE = f"mutation ($id: ID!) {{ deleteEntity(id: $id) {{ deletedId {ERRORS} }} }}"
DELETE_MEMORY = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { message } } }"
REWRITE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { message } }
}
"""
STATE = """
{
  memories(showExpired: true, first: 100) { totalCount nodes { text } }
  entities(first: 100) { totalCount nodes { type name totalMemories metadata updatedAt } }
  project { history(first: 100) { totalCount nodes {
    sequence type memoryId oldText newText before after memory { id }
  } } }
}
"""
KINDS = {"USER": "userId", "AGENT": "agentId", "APP": "appId", "RUN": "runId"}


async def find(tenant: Tenant, type: str, name: str) -> Any:
    return (await tenant.owner.ask(FIND, type=type, name=name))["entity"]


async def totals(tenant: Tenant) -> dict[str, int]:
    """Return how many memories each entity has, by name."""
    nodes = (await tenant.owner.ask(LIST))["entities"]["nodes"]
    return {entity["name"]: entity["totalMemories"] for entity in nodes}


async def test_a_memory_creates_the_entities_it_names(tenant: Tenant) -> None:
    names = dict.fromkeys(KINDS.values(), "the same name")
    (memory,) = await tenant.add("Tea", **names)
    found = [await find(tenant, type, "the same name") for type in KINDS]
    assert len({entity["id"] for entity in found}) == 4
    for type, entity in zip(KINDS, found, strict=True):
        assert entity == {
            "id": entity["id"],
            "type": type,
            "name": "the same name",
            "metadata": {},
            "totalMemories": 1,
            "createdAt": memory["createdAt"],
            "updatedAt": memory["createdAt"],
            "project": {"id": tenant.project_id},
        }


async def test_an_entity_is_the_same_for_later_memories(tenant: Tenant) -> None:
    await tenant.add("Tea")
    before = await find(tenant, "USER", "alice")
    (latest,) = (await tenant.add("Coffee", "Mate", agentId="butler", userId="alice"))[1:]
    after = await find(tenant, "USER", "alice")
    assert after == before | {"totalMemories": 3, "updatedAt": latest["createdAt"]}
    assert after["updatedAt"] > before["updatedAt"]
    assert await totals(tenant) == {"alice": 3, "butler": 2}


async def test_an_unknown_entity_is_not_found(tenant: Tenant) -> None:
    await tenant.add("Tea")
    theirs = {"infer": False, "messages": [{"role": "user", "content": "Tea"}], "userId": "mallory"}
    await tenant.stranger.do(ADD, input=theirs)
    for type, name in [
        ("AGENT", "alice"),
        ("USER", "Alice"),
        ("USER", "alice "),
        ("USER", ""),
        ("USER", "al\0ice"),
        ("USER", "x" * 10_000),
        ("USER", "mallory"),
    ]:
        assert await find(tenant, type, name) is None, (type, name)


async def test_entities_of_different_projects_are_different(tenant: Tenant) -> None:
    (mine,) = await tenant.add("Tea")
    theirs = {
        "infer": False,
        "messages": [{"role": "user", "content": "Coffee"}],
        "userId": "alice",
    }
    await tenant.stranger.do(ADD, input=theirs)
    entity = await find(tenant, "USER", "alice")
    assert (entity["totalMemories"], entity["createdAt"]) == (1, mine["createdAt"])
    (error,) = await tenant.stranger.refused(DELETE, id=entity["id"])
    assert (error["__typename"], error["id"]) == ("NotFoundError", entity["id"])


@pytest.mark.parametrize("type", [None, *KINDS])
async def test_entities_are_listed_by_type(tenant: Tenant, type: str | None) -> None:
    for field in KINDS.values():
        await tenant.add("Tea", **{field: f"{field} one"})
        await tenant.add("Tea", **{field: f"{field} two"})
    listed = (await tenant.owner.ask(LIST, type=type))["entities"]
    kinds = KINDS.items() if type is None else [(type, KINDS[type])]
    wanted = [(kind, f"{field} {n}") for kind, field in kinds for n in ("one", "two")]
    found = [(entity["type"], entity["name"]) for entity in listed["nodes"]]
    assert found == sorted(wanted, key=lambda pair: pair[1])
    assert listed["totalCount"] == len(wanted)


ODD_NAMES = ["100%", "100x", "a_b", "aXb", "a\\b", "a\\\\b"]
ODD_NAMES += ["it's", '"q"', "Ärger", "ärger", "🦊 fox"]
ODD_PARTS = ["%", "%%", "_", "*", "\\", "\\\\", "'", '"', "a", "A", "Ä", "ä", "🦊", "fo"]
ODD_PARTS += [" ", "", "100", "x"]


async def test_part_of_a_name_is_plain_text(tenant: Tenant) -> None:
    for start in range(0, len(ODD_NAMES), 4):
        names = zip(KINDS.values(), ODD_NAMES[start : start + 4], strict=False)
        await tenant.add("Tea", **dict(names))
    for part in ODD_PARTS:
        listed = (await tenant.owner.ask(LIST, nameContains=part))["entities"]
        found = [entity["name"] for entity in listed["nodes"]]
        assert found == sorted(name for name in ODD_NAMES if part in name), part
        assert listed["totalCount"] == len(found), part


@pytest.mark.parametrize("part", ["a\0", "x" * (LONGEST_NAME + 1)], ids=["NUL", "too long"])
async def test_a_part_no_name_can_have_is_refused(tenant: Tenant, part: str) -> None:
    error = await tenant.owner.error(LIST, nameContains=part)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == ["nameContains"]


# ---------------------------------------------------------------- metadata


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="empty"),
        pytest.param({"a": {"b": [1, 2.5, "x", None, True]}}, id="nested"),
        pytest.param({"emoji 🦊": "שלום", "": "'; --"}, id="odd texts"),
        pytest.param({"k": "x" * (LARGEST_METADATA - 8)}, id="largest"),
    ],
)
async def test_metadata_is_replaced(tenant: Tenant, metadata: dict[str, Any]) -> None:
    await tenant.add("Tea")
    before = await find(tenant, "USER", "alice")
    await tenant.owner.do(UPDATE, id=before["id"], input={"metadata": {"old": 1}})
    payload = await tenant.owner.do(UPDATE, id=before["id"], input={"metadata": metadata})
    after = await find(tenant, "USER", "alice")
    assert payload["entity"] == after
    assert after == before | {"metadata": metadata, "updatedAt": after["updatedAt"]}
    assert after["updatedAt"] > before["updatedAt"]
    assert (await tenant.owner.ask(STATE))["project"]["history"]["totalCount"] == 1


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param([], id="a list"),
        pytest.param("x", id="a text"),
        pytest.param(0, id="a number"),
        pytest.param({"k": "x" * (LARGEST_METADATA - 7)}, id="too large"),
        pytest.param({"k": ["\0"]}, id="NUL"),
        pytest.param({"\0": 1}, id="NUL in a key"),
    ],
)
async def test_bad_metadata_is_refused(tenant: Tenant, metadata: Any) -> None:
    await tenant.add("Tea")
    before = await find(tenant, "USER", "alice")
    (error,) = await tenant.owner.refused(UPDATE, id=before["id"], input={"metadata": metadata})
    assert (error["__typename"], error["path"]) == ("InvalidInputError", ["input", "metadata"])
    assert await find(tenant, "USER", "alice") == before


async def test_metadata_that_is_null_never_reaches_a_resolver(tenant: Tenant) -> None:
    await tenant.add("Tea")
    before = await find(tenant, "USER", "alice")
    error = await tenant.owner.error(UPDATE, id=before["id"], input={"metadata": None})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert await find(tenant, "USER", "alice") == before


# ---------------------------------------------------------------- erasing


async def test_an_entity_is_erased_with_its_memories(tenant: Tenant) -> None:
    """Its memories are gone, those of others stay, and so does the log, but for what it said."""
    secret = {"metadata": {"secret": "secret"}, "userId": "alice"}
    shared = await tenant.add("secret 1", "secret 2", agentId="butler", **secret)
    await tenant.owner.do(REWRITE, id=shared[0]["id"], input={"text": "secret 3"})
    kept = await tenant.add("Bob", userId="bob", agentId="butler")
    await tenant.add("Expired secret", expirationDate="2000-01-01", **secret)
    entity = await find(tenant, "USER", "alice")
    payload = await tenant.owner.do(DELETE, id=entity["id"])
    assert payload["deletedId"] == entity["id"]
    assert await find(tenant, "USER", "alice") is None
    assert await totals(tenant) == {"bob": 1, "butler": 1}
    state = await tenant.owner.ask(STATE)
    assert state["memories"] == {"totalCount": 1, "nodes": [{"text": "Bob"}]}
    assert "secret" not in orjson.dumps(state).decode().lower()
    events = state["project"]["history"]["nodes"]
    assert [event["sequence"] for event in events] == list(range(1, 9))
    types = [event["type"] for event in events]
    assert types == ["ADD", "ADD", "UPDATE", "ADD", "ADD", "DELETE", "DELETE", "DELETE"]
    assert {event["memoryId"] for event in events[5:]} == {
        *(memory["id"] for memory in shared),
        events[4]["memoryId"],
    }
    for event in events:
        told = [event[name] for name in ("oldText", "newText", "before", "after", "memory")]
        if event["memoryId"] == kept[0]["id"]:
            assert (told[1], told[4]) == ("Bob", {"id": kept[0]["id"]})
        else:
            assert told == [None] * 5


async def test_earlier_deletions_are_erased_with_the_entity(tenant: Tenant) -> None:
    (first, second) = await tenant.add("secret 1", "Tea")
    await tenant.owner.do(DELETE_MEMORY, id=first["id"])
    entity = await find(tenant, "USER", "alice")
    await tenant.owner.do(DELETE, id=entity["id"])
    state = await tenant.owner.ask(STATE)
    events = state["project"]["history"]["nodes"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    assert [event["memoryId"] for event in events] == [
        memory["id"] for memory in (first, second, first, second)
    ]
    assert "secret" not in orjson.dumps(state).decode()


@pytest.mark.parametrize(("type", "field"), KINDS.items())
async def test_any_kind_of_entity_is_erased(tenant: Tenant, type: str, field: str) -> None:
    names = {other: f"my {other}" for other in KINDS.values()}
    await tenant.add("Tea", **names)
    entity = await find(tenant, type, f"my {field}")
    await tenant.owner.do(DELETE, id=entity["id"])
    del names[field]
    assert await totals(tenant) == dict.fromkeys(names.values(), 0)
    assert (await tenant.owner.ask(STATE))["memories"]["totalCount"] == 0


async def test_an_entity_of_many_memories_is_erased(tenant: Tenant) -> None:
    await tenant.add(*map(str, range(700)), agentId="butler", userId="alice")
    entity = await find(tenant, "USER", "alice")
    await tenant.owner.do(DELETE, id=entity["id"])
    assert await totals(tenant) == {"butler": 0}
    log = "{ project { history(last: 1, types: [DELETE]) { totalCount nodes { sequence } } } }"
    history = (await tenant.owner.ask(log))["project"]["history"]
    assert history == {"totalCount": 700, "nodes": [{"sequence": 1400}]}


async def test_an_erased_name_can_be_used_again(tenant: Tenant) -> None:
    await tenant.add("Tea")
    before = await find(tenant, "USER", "alice")
    await tenant.owner.do(UPDATE, id=before["id"], input={"metadata": {"old": 1}})
    await tenant.owner.do(DELETE, id=before["id"])
    (memory,) = await tenant.add("Coffee")
    after = await find(tenant, "USER", "alice")
    assert after["id"] != before["id"]
    assert (after["totalMemories"], after["metadata"]) == (1, {})
    assert after["createdAt"] == memory["createdAt"]
    events = (await tenant.owner.ask(STATE))["project"]["history"]["nodes"]
    assert [event["newText"] for event in events] == [None, None, "Coffee"]


async def test_an_entity_without_memories_is_erased(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    await tenant.owner.do(DELETE_MEMORY, id=memory["id"])
    entity = await find(tenant, "USER", "alice")
    assert entity["totalMemories"] == 0
    await tenant.owner.do(DELETE, id=entity["id"])
    assert await totals(tenant) == {}


async def test_unknown_entity_ids_are_rejected(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    theirs = {"infer": False, "messages": [{"role": "user", "content": "Tea"}], "userId": "mallory"}
    await tenant.stranger.do(ADD, input=theirs)
    foreign = await tenant.stranger.ask(FIND, type="USER", name="mallory")
    before = await tenant.owner.ask(STATE)
    for id in (
        uuid7(),
        "",
        "alice",
        memory["id"],
        tenant.project_id,
        foreign["entity"]["id"],
    ):
        for document, input in ((UPDATE, {"input": {"metadata": {}}}), (DELETE, {})):
            (error,) = await tenant.owner.refused(document, id=id, **input)
            assert (error["__typename"], error["path"]) == ("NotFoundError", ["id"])
            assert error["id"] == id
    assert await tenant.owner.ask(STATE) == before


# ---------------------------------------------------------------- at the same time


async def test_concurrent_adds_create_one_entity(tenant: Tenant) -> None:
    await asyncio.gather(*(tenant.add(f"Tea {n}", userId="alice", runId="r") for n in range(12)))
    assert await totals(tenant) == {"alice": 12, "r": 12}


async def test_adding_to_an_entity_while_it_is_erased_leaves_sound_totals(tenant: Tenant) -> None:
    await tenant.add("Tea", userId="alice", agentId="butler")

    async def erase() -> None:
        entity = await find(tenant, "USER", "alice")
        if entity:
            await tenant.owner.ask(DELETE, id=entity["id"])

    async def add() -> None:
        await tenant.add("Tea", "Coffee", userId="alice", agentId="butler")

    await asyncio.gather(*(call() for _ in range(6) for call in (add, erase)))
    await add()
    state = await tenant.owner.ask(STATE)
    kept = state["memories"]["totalCount"]
    assert await totals(tenant) == {"alice": kept, "butler": kept}
    events = state["project"]["history"]["nodes"]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    alive = [event for event in events if event["memory"]]
    gone = [event for event in events if event["memory"] is None]
    assert len(alive) == kept
    assert [event["type"] for event in gone].count("ADD") * 2 == len(gone)
    texts = itertools.chain.from_iterable((e["oldText"], e["newText"]) for e in gone)
    assert set(texts) <= {None}
