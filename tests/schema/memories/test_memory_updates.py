"""Changing memories: what changes, what the log says of it, and who wins when many change one.

The trap: `true` equals 1 in Python, so JSON that differs is compared here as it is written.
"""

import asyncio
import hashlib
from typing import Any

import orjson
import pytest

from core.ids import uuid7
from core.validation import LARGEST_METADATA, LONGEST_TEXT
from tests.support.fixtures.factories import Tenant

ERRORS = """
userErrors {
  __typename code message path
  ... on NotFoundError { id } ... on VersionConflictError { currentVersion }
}
"""
MEMORY = """
id text version metadata categories timestamp expirationDate hash createdAt updatedAt immutable
"""
UPDATE = f"""
mutation ($id: ID!, $input: UpdateMemoryInput!) {{
  updateMemory(id: $id, input: $input) {{ memory {{ {MEMORY} }} {ERRORS} }}
}}
"""
UPDATE_MANY = f"""
mutation ($inputs: [UpdateMemoriesItem!]!) {{
  updateMemories(inputs: $inputs) {{ results {{ memory {{ {MEMORY} }} {ERRORS} }} {ERRORS} }}
}}
"""
READ = f"""
query ($id: ID!) {{
  memory(id: $id) {{
    {MEMORY}
    history(first: 100) {{ nodes {{ sequence type oldText newText before after actor createdAt }} }}
  }}
}}
"""
TOTALS = "{ entities { nodes { name totalMemories updatedAt } } }"
LOG = """
{ memories { totalCount } project { history { nodes { type memoryId oldText newText } } } }
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { message } } }"

FULL = {
    "metadata": {"a": 1},
    "timestamp": "2026-03-01T10:00:00.000000Z",
    "expirationDate": "9999-12-31",
}


async def read(tenant: Tenant, id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a memory and its history."""
    memory = (await tenant.owner.ask(READ, id=id))["memory"]
    return memory, memory.pop("history")["nodes"]


async def full_memory(tenant: Tenant) -> dict[str, Any]:
    """Return a memory at version 2 that has everything an update can clear."""
    (added,) = await tenant.add("Tea", **FULL)
    payload = await tenant.owner.do(UPDATE, id=added["id"], input={"categories": ["food"]})
    memory: dict[str, Any] = payload["memory"]
    assert memory["version"] == 2
    return memory


CHANGES: list[Any] = [
    pytest.param({"text": "Coffee ☕"}, {"text": "Coffee ☕"}, {}, id="text"),
    pytest.param({"text": "x" * LONGEST_TEXT}, {"text": "x" * LONGEST_TEXT}, {}, id="longest text"),
    pytest.param({"text": " Tea "}, {"text": " Tea "}, {}, id="white space alone"),
    pytest.param({"metadata": {"b": [None]}}, None, {"metadata": {"b": [None]}}, id="metadata"),
    pytest.param({"metadata": {}}, None, {"metadata": {}}, id="metadata emptied"),
    pytest.param({"metadata": None}, {"metadata": {}}, {"metadata": {}}, id="metadata cleared"),
    pytest.param({"metadata": {"a": True}}, None, {"metadata": {"a": True}}, id="1 to true"),
    pytest.param({"metadata": {"a": "1"}}, None, {"metadata": {"a": "1"}}, id="1 to a text"),
    pytest.param(
        {"metadata": {"k": "x" * (LARGEST_METADATA - 8)}},
        None,
        {"metadata": {"k": "x" * (LARGEST_METADATA - 8)}},
        id="largest metadata",
    ),
    pytest.param(
        {"categories": ["travel", "misc"]},
        None,
        {"categories": ["travel", "misc"]},
        id="categories",
    ),
    pytest.param({"categories": []}, None, {"categories": []}, id="categories emptied"),
    pytest.param(
        {"categories": None}, {"categories": []}, {"categories": []}, id="categories cleared"
    ),
    pytest.param(
        {"timestamp": "2026-03-01T10:00:00.000001+00:00"},
        {"timestamp": "2026-03-01T10:00:00.000001Z"},
        {"timestamp": "2026-03-01T10:00:00.000001+00:00"},
        id="timestamp",
    ),
    pytest.param({"timestamp": None}, None, {"timestamp": None}, id="timestamp cleared"),
    pytest.param(
        {"expirationDate": "2000-01-01"}, None, {"expirationDate": "2000-01-01"}, id="expiration"
    ),
    pytest.param(
        {"expirationDate": None}, None, {"expirationDate": None}, id="expiration date cleared"
    ),
    pytest.param(
        {"text": "Mate", "metadata": None, "categories": None, "timestamp": None},
        {"text": "Mate", "metadata": {}, "categories": [], "timestamp": None},
        {"metadata": {}, "categories": [], "timestamp": None},
        id="many at once",
    ),
]


@pytest.mark.parametrize(("change", "becomes", "logged"), CHANGES)
async def test_a_change_is_made_and_logged(
    tenant: Tenant, change: dict[str, Any], becomes: dict[str, Any] | None, logged: dict[str, Any]
) -> None:
    before = await full_memory(tenant)
    totals = await tenant.owner.ask(TOTALS)
    payload = await tenant.owner.do(UPDATE, id=before["id"], input=change)
    after, history = await read(tenant, before["id"])
    wanted = before | (change if becomes is None else becomes)
    wanted["version"] = 3
    wanted["hash"] = hashlib.sha256(" ".join(wanted["text"].split()).encode()).hexdigest()
    wanted["updatedAt"] = after["updatedAt"]
    assert orjson.dumps(after) == orjson.dumps(wanted)
    assert after["updatedAt"] > before["updatedAt"]
    assert orjson.dumps(payload["memory"]) == orjson.dumps(after)
    kind = "CATEGORIZE" if change.keys() == {"categories"} else "UPDATE"
    assert [event["type"] for event in history] == ["ADD", "CATEGORIZE", kind]
    was = before | {"timestamp": "2026-03-01T10:00:00+00:00"}
    wanted_event = {
        "sequence": 3,
        "type": kind,
        "oldText": "Tea",
        "newText": wanted["text"],
        "before": {name: was[name] for name in logged},
        "after": logged,
        "actor": tenant.owner_email,
        "createdAt": after["updatedAt"],
    }
    assert orjson.dumps(history[-1], option=orjson.OPT_SORT_KEYS) == orjson.dumps(
        wanted_event, option=orjson.OPT_SORT_KEYS
    )
    assert await tenant.owner.ask(TOTALS) == totals


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"expectedVersion": 2}, id="the version alone"),
        pytest.param({"text": "Tea"}, id="the same text"),
        pytest.param(
            {
                "text": "Tea",
                "metadata": {"a": 1},
                "categories": ["food"],
                "timestamp": "2026-03-01T11:00:00+01:00",
                "expirationDate": "9999-12-31",
                "expectedVersion": 2,
            },
            id="the same of everything",
        ),
    ],
)
async def test_an_update_that_changes_nothing_is_not_logged(
    tenant: Tenant, change: dict[str, Any]
) -> None:
    memory = await full_memory(tenant)
    before = await read(tenant, memory["id"])
    payload = await tenant.owner.do(UPDATE, id=memory["id"], input=change)
    assert payload["memory"] == memory
    assert await read(tenant, memory["id"]) == before


async def test_an_immutable_memory_cannot_be_changed(tenant: Tenant) -> None:
    (added,) = await tenant.add("Tea", immutable=True, metadata={"a": 1})
    before = await read(tenant, added["id"])
    for change in ({"text": "Coffee"}, {"metadata": None}, {"expirationDate": "2000-01-01"}):
        (error,) = await tenant.owner.refused(UPDATE, id=added["id"], input=change)
        assert (error["__typename"], error["code"]) == ("ImmutableMemoryError", "IMMUTABLE")
        assert error["path"] == ["id"]
    assert await read(tenant, added["id"]) == before


@pytest.mark.parametrize("expected", [-1, 0, 1, 3, 2_147_483_647])
async def test_another_version_than_expected_keeps_the_memory(
    tenant: Tenant, expected: int
) -> None:
    memory = await full_memory(tenant)
    before = await read(tenant, memory["id"])
    change = {"text": "Coffee", "expectedVersion": expected}
    (error,) = await tenant.owner.refused(UPDATE, id=memory["id"], input=change)
    assert error.pop("message")
    assert error == {
        "__typename": "VersionConflictError",
        "code": "VERSION_CONFLICT",
        "path": ["input", "expectedVersion"],
        "currentVersion": 2,
    }
    assert await read(tenant, memory["id"]) == before


async def test_categories_are_those_of_the_project(tenant: Tenant) -> None:
    (added,) = await tenant.add("Tea")
    own = """
    mutation { updateProject(input: {customCategories: [{name: "soup"}, {name: "🍲"}]}) {
      userErrors { message }
    } }
    """
    await tenant.owner.do(own)
    change = {"categories": ["🍲", "soup"]}
    payload = await tenant.owner.do(UPDATE, id=added["id"], input=change)
    assert payload["memory"]["categories"] == ["🍲", "soup"]
    (error,) = await tenant.owner.refused(UPDATE, id=added["id"], input={"categories": ["food"]})
    assert (error["__typename"], error["path"]) == (
        "InvalidInputError",
        ["input", "categories", "0"],
    )


# ---------------------------------------------------------------- many at once


async def test_each_of_many_updates_has_its_own_outcome(tenant: Tenant) -> None:
    tea, coffee = await tenant.add("Tea", "Coffee")
    (stone,) = await tenant.add("Stone", immutable=True)
    missing = uuid7()
    inputs = [
        {"id": tea["id"], "input": {"text": "Green tea"}},
        {"id": missing, "input": {"text": "x"}},
        {"id": stone["id"], "input": {"text": "Sand"}},
        {"id": coffee["id"], "input": {"text": " "}},
        {"id": coffee["id"], "input": {"categories": ["food", "soup"]}},
        {"id": coffee["id"], "input": {"text": "Mate", "expectedVersion": 7}},
        {"id": tea["id"], "input": {"metadata": {"n": 1}, "expectedVersion": 2}},
        {"id": "abc", "input": {}},
        {"id": tea["id"], "input": {}},
        {"id": tenant.project_id, "input": {"text": "x"}},
        {"id": tea["id"], "input": {"text": None}},
    ]
    payload = await tenant.owner.do(UPDATE_MANY, inputs=inputs)
    found = [
        [(error["__typename"], error["path"]) for error in result["userErrors"]]
        or (result["memory"]["text"], result["memory"]["version"])
        for result in payload["results"]
    ]
    assert found == [
        ("Green tea", 2),
        [("NotFoundError", ["inputs", "1", "id"])],
        [("ImmutableMemoryError", ["inputs", "2", "id"])],
        [("InvalidInputError", ["inputs", "3", "input", "text"])],
        [("InvalidInputError", ["inputs", "4", "input", "categories", "1"])],
        [("VersionConflictError", ["inputs", "5", "input", "expectedVersion"])],
        ("Green tea", 3),
        [("NotFoundError", ["inputs", "7", "id"])],
        ("Green tea", 3),
        [("NotFoundError", ["inputs", "9", "id"])],
        [("InvalidInputError", ["inputs", "10", "input", "text"])],
    ]
    refused = [result for result in payload["results"] if result["userErrors"]]
    assert all(result["memory"] is None for result in refused)
    assert refused[0]["userErrors"][0]["id"] == missing
    assert refused[4]["userErrors"][0]["currentVersion"] == 1
    memory, history = await read(tenant, tea["id"])
    assert (memory["text"], memory["metadata"]) == ("Green tea", {"n": 1})
    assert [event["sequence"] for event in history] == [1, 4, 5]
    for untouched in (coffee, stone):
        memory, history = await read(tenant, untouched["id"])
        assert (memory["text"], memory["version"], len(history)) == (untouched["text"], 1, 1)


async def test_a_thousand_updates_are_made_in_order(tenant: Tenant) -> None:
    ids = [memory["id"] for memory in await tenant.add(*(f"Tea {n}" for n in range(20)))]
    inputs = [{"id": ids[n % 20], "input": {"metadata": {"n": n}}} for n in range(1000)]
    payload = await tenant.owner.do(UPDATE_MANY, inputs=inputs)
    found = [(item["memory"]["metadata"], item["memory"]["version"]) for item in payload["results"]]
    assert found == [({"n": n}, n // 20 + 2) for n in range(1000)]
    memory, history = await read(tenant, ids[7])
    assert (memory["version"], memory["metadata"]) == (51, {"n": 987})
    assert [event["after"]["metadata"] for event in history[1:]] == [
        {"n": n} for n in range(7, 1000, 20)
    ]


async def test_no_updates_have_no_results(tenant: Tenant) -> None:
    payload = await tenant.owner.do(UPDATE_MANY, inputs=[])
    assert payload["results"] == []


# ---------------------------------------------------------------- at the same time


async def test_ten_updates_at_once_all_happen_one_after_the_other(tenant: Tenant) -> None:
    (added,) = await tenant.add("Tea 0")
    answers = await asyncio.gather(
        *(
            tenant.owner.answer(UPDATE, id=added["id"], input={"text": f"Tea {n}"})
            for n in range(1, 11)
        )
    )
    assert [answer.get("errors") for answer in answers] == [None] * 10
    payloads = [answer["data"]["updateMemory"] for answer in answers]
    assert [payload["userErrors"] for payload in payloads] == [[]] * 10
    assert sorted(payload["memory"]["version"] for payload in payloads) == list(range(2, 12))
    memory, history = await read(tenant, added["id"])
    assert memory["version"] == 11
    assert [event["sequence"] for event in history] == list(range(1, 12))
    texts = [event["newText"] for event in history]
    assert [event["oldText"] for event in history] == [None, *texts[:-1]]
    assert sorted(texts) == sorted(f"Tea {n}" for n in range(11))
    assert memory["text"] == texts[-1]


async def test_one_of_ten_updates_of_one_version_wins(tenant: Tenant) -> None:
    (added,) = await tenant.add("Tea 0")
    change = {"expectedVersion": 1}
    answers = await asyncio.gather(
        *(
            tenant.owner.ask(UPDATE, id=added["id"], input={"text": f"Tea {n}", **change})
            for n in range(1, 11)
        )
    )
    payloads = [answer["updateMemory"] for answer in answers]
    (winner,) = [payload["memory"] for payload in payloads if payload["memory"]]
    losers = [error for payload in payloads for error in payload["userErrors"]]
    assert [error["__typename"] for error in losers] == ["VersionConflictError"] * 9
    assert {error["currentVersion"] for error in losers} == {2}
    memory, history = await read(tenant, added["id"])
    assert (memory, len(history)) == (winner, 2)


async def test_an_update_and_a_deletion_at_once_leave_a_sound_log(tenant: Tenant) -> None:
    added = await tenant.add(*(f"Tea {n}" for n in range(6)))
    calls = []
    for memory in added:
        change = {"text": f"More {memory['text']}"}
        calls.append(tenant.owner.ask(UPDATE, id=memory["id"], input=change))
        calls.append(tenant.owner.do(DELETE, id=memory["id"]))
    answers = await asyncio.gather(*calls)
    data = await tenant.owner.ask(LOG)
    assert data["memories"]["totalCount"] == 0
    for memory, answer in zip(added, answers[::2], strict=True):
        events = [e for e in data["project"]["history"]["nodes"] if e["memoryId"] == memory["id"]]
        errors = answer["updateMemory"]["userErrors"]
        if errors:
            assert [error["__typename"] for error in errors] == ["NotFoundError"]
            assert [event["type"] for event in events] == ["ADD", "DELETE"]
        else:
            assert [event["type"] for event in events] == ["ADD", "UPDATE", "DELETE"]
        assert events[-1]["oldText"] == events[-2]["newText"]
