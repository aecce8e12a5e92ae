"""What writing memories refuses: each refusal is typed, names its field, and changes nothing."""

from typing import Any

import orjson
import pytest

from core.ids import uuid7
from core.validation import LARGEST_METADATA, LONGEST_NAME, LONGEST_TEXT
from tests.support.fixtures.factories import Tenant

ERRORS = "userErrors { __typename code message path ... on NotFoundError { id } }"
ADD = f"""
mutation ($input: AddMemoriesInput!, $projectId: ID) {{
  addMemories(input: $input, projectId: $projectId) {{ memories {{ id }} {ERRORS} }}
}}
"""
UPDATE = f"""
mutation ($id: ID!, $input: UpdateMemoryInput!) {{
  updateMemory(id: $id, input: $input) {{ memory {{ id }} {ERRORS} }}
}}
"""
UPDATE_MANY = f"""
mutation ($inputs: [UpdateMemoriesItem!]!) {{
  updateMemories(inputs: $inputs) {{ results {{ memory {{ id }} }} {ERRORS} }}
}}
"""
MAKE_PROJECT = """
mutation { createProject(input: {name: "Two"}) { project { id } userErrors { message } } }
"""
DELETE = f"mutation ($id: ID!) {{ deleteMemory(id: $id) {{ deletedId {ERRORS} }} }}"
DELETE_MANY = f"""
mutation ($ids: [ID!], $projectId: ID) {{
  deleteMemories(ids: $ids, projectId: $projectId) {{ deletedIds count {ERRORS} }}
}}
"""
STATE = """
{
  memories(showExpired: true, first: 100) {
    totalCount nodes { id text version metadata categories timestamp expirationDate updatedAt }
  }
  entities { totalCount nodes { id name totalMemories metadata updatedAt } }
  project { history(first: 100) { totalCount nodes { id sequence type newText after } } }
}
"""


async def unchanged_since(tenant: Tenant, before: Any) -> None:
    """Fail unless the project is as it was, the next number of its log included."""
    assert await tenant.owner.ask(STATE) == before
    await tenant.add("What is remembered next")
    log = (await tenant.owner.ask(STATE))["project"]["history"]
    assert log["nodes"][-1]["sequence"] == before["project"]["history"]["totalCount"] + 1


def is_invalid(error: dict[str, Any], *path: str) -> None:
    """Fail unless the error is an `InvalidInputError` at this path with a sentence for people."""
    found = {name: error[name] for name in ("__typename", "code", "path")}
    assert found == {
        "__typename": "InvalidInputError",
        "code": "INVALID_INPUT",
        "path": list(path),
    }
    assert error["message"].endswith(".")


def is_missing(error: dict[str, Any], id: str, *path: str) -> None:
    """Fail unless the error is a `NotFoundError` about this id at this path."""
    found = {name: error[name] for name in ("__typename", "code", "path", "id")}
    assert found == {
        "__typename": "NotFoundError",
        "code": "NOT_FOUND",
        "path": list(path),
        "id": id,
    }


def message(content: Any = "Hello", **others: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **others}


def filled(size: int) -> dict[str, str]:
    """Return metadata of so many bytes."""
    return {"k": "x" * (size - len(orjson.dumps({"k": ""})))}


GOOD = {"infer": False, "messages": [message()], "userId": "alice"}
THREE = [message(), message(), message()]
TOO_LONG = "n" * (LONGEST_NAME + 1)
BLANKS = ["", " ", "\t\r\n", "\u2003\u3000"]

BAD_MESSAGES = {
    "no messages": ([], ()),
    "1,001 messages": ([message(str(n)) for n in range(1001)], ()),
    "only context": ([message(role="system"), message(role="developer")], ()),
    "text too long": ([*THREE, message("x" * (LONGEST_TEXT + 1))], ("3", "content")),
    "wide text too long": ([message("🦊" * (LONGEST_TEXT + 1))], ("0", "content")),
    "nothing but NUL": ([message("\0")], ("0", "content")),
    "context too long": (
        [message(), message("x" * (LONGEST_TEXT + 1), role="system")],
        ("1", "content"),
    ),
    "blank role": ([message(role=" ")], ("0", "role")),
    "role too long": ([message(role=TOO_LONG)], ("0", "role")),
    "NUL in role": ([message(role="user\0")], ("0", "role")),
    "blank name": ([message(), message(name="")], ("1", "name")),
    "name too long": ([message(name=TOO_LONG)], ("0", "name")),
    "NUL in name": ([message(name="\0")], ("0", "name")),
    "no content": ([{"role": "user"}], ("0", "content")),
    "null content": ([message(None)], ("0", "content")),
    **{f"blank text {blank!r}": ([message(blank)] * 2, ("0", "content")) for blank in BLANKS},
}
BAD_METADATA = {
    "a list": ["x"],
    "a text": "x",
    "a number": 1,
    "a truth": True,
    "too large": filled(LARGEST_METADATA + 1),
    "too large in bytes": {"k": "ñ" * (LARGEST_METADATA // 2)},
    "NUL in a value": {"k": "a\0"},
    "NUL in a key": {"k\0": 1},
    "NUL deep inside": {"a": [1, {"b": [{"c": "\0"}]}]},
    "NUL in a deep key": {"a": [{"b\0": None}]},
}
ENTITIES = ("userId", "agentId", "appId", "runId")
BAD_NAMES = {**{f"{blank!r}": blank for blank in BLANKS}, "long": TOO_LONG, "NUL": "al\0ice"}

ADDITIONS: list[Any] = [
    pytest.param(
        {"infer": False, "messages": messages, "userId": "alice"}, ("messages", *path), id=case
    )
    for case, (messages, path) in BAD_MESSAGES.items()
]
ADDITIONS += [
    pytest.param({**GOOD, "metadata": metadata}, ("metadata",), id=f"metadata: {case}")
    for case, metadata in BAD_METADATA.items()
]
ADDITIONS += [
    pytest.param({"infer": False, "messages": [message()]}, ("userId",), id="about nobody"),
    pytest.param(
        {"infer": False, "messages": [message()], **dict.fromkeys(ENTITIES)},
        ("userId",),
        id="about nulls",
    ),
]


@pytest.mark.parametrize(("input", "path"), ADDITIONS)
async def test_bad_additions_are_refused(
    tenant: Tenant, input: dict[str, Any], path: tuple[str, ...]
) -> None:
    await tenant.add("Tea", metadata={"k": 1})
    before = await tenant.owner.ask(STATE)
    (error,) = await tenant.owner.refused(ADD, input=input)
    is_invalid(error, "input", *path)
    await unchanged_since(tenant, before)


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
async def test_bad_names_of_entities_are_refused(tenant: Tenant, name: str) -> None:
    before = await tenant.owner.ask(STATE)
    for field in ENTITIES:
        (error,) = await tenant.owner.refused(ADD, input={**GOOD, field: name})
        is_invalid(error, "input", field)
    await unchanged_since(tenant, before)


async def test_the_first_refusal_leaves_no_project_traces(tenant: Tenant) -> None:
    before = await tenant.owner.ask(STATE)
    input = {
        "infer": False,
        "messages": [message(), message("x" * (LONGEST_TEXT + 1))],
        "userId": "alice",
        "agentId": "butler",
    }
    (error,) = await tenant.owner.refused(ADD, input=input)
    is_invalid(error, "input", "messages", "1", "content")
    assert before["entities"]["totalCount"] == before["memories"]["totalCount"] == 0
    await unchanged_since(tenant, before)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"timestamp": "2026-03-01"}, id="a day for a moment"),
        pytest.param({"timestamp": "2026-03-01T10:00:00"}, id="a moment without offset"),
        pytest.param({"timestamp": 1772355600}, id="a number for a moment"),
        pytest.param({"timestamp": "0001-01-01T00:00:00+01:00"}, id="a moment out of range"),
        pytest.param({"expirationDate": "2026-02-30"}, id="a day that is none"),
        pytest.param({"expirationDate": "2026-03-01T00:00:00Z"}, id="a moment for a day"),
        pytest.param({"infer": False, "messages": [{"content": "x"}]}, id="no role"),
        pytest.param({"infer": False, "messages": [message(7)]}, id="a number for a text"),
        pytest.param(
            {"infer": False, "messages": [message(parts=[{"text": "a", "file": {}}])]},
            id="a part that is two things",
        ),
        pytest.param({"infer": False, "messages": [message(parts=[{}])]}, id="an empty part"),
        pytest.param({"userId": 7}, id="a number for a name"),
        pytest.param({"unknown": 1}, id="an unknown field"),
    ],
)
async def test_values_of_the_wrong_kind_never_reach_a_resolver(
    tenant: Tenant, wrong: dict[str, Any]
) -> None:
    before = await tenant.owner.ask(STATE)
    error = await tenant.owner.error(ADD, input={**GOOD, **wrong})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    await unchanged_since(tenant, before)


async def test_adding_to_what_is_no_project_is_refused(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    before = await tenant.owner.ask(STATE)
    for id in (
        uuid7(),
        "",
        "abc",
        tenant.stranger_project_id,
        tenant.organization_id,
        memory["id"],
    ):
        (error,) = await tenant.owner.refused(ADD, input=GOOD, projectId=id)
        is_missing(error, id, "projectId")
    await unchanged_since(tenant, before)


# ---------------------------------------------------------------- updating

BAD_CHANGES: list[Any] = [
    pytest.param({"text": None}, ("text",), id="text: null"),
    pytest.param({"text": "x" * (LONGEST_TEXT + 1)}, ("text",), id="text: too long"),
    pytest.param({"text": "a\0b"}, ("text",), id="text: NUL"),
    pytest.param({"expectedVersion": None}, ("expectedVersion",), id="null version"),
    pytest.param({"categories": ["soup"]}, ("categories", "0"), id="unknown category"),
    pytest.param({"categories": ["food", "FOOD"]}, ("categories", "1"), id="category in capitals"),
    pytest.param({"categories": ["food", ""]}, ("categories", "1"), id="blank category"),
]
BAD_CHANGES += [pytest.param({"text": blank}, ("text",), id=f"text: {blank!r}") for blank in BLANKS]
BAD_CHANGES += [
    pytest.param({"metadata": metadata}, ("metadata",), id=f"metadata: {case}")
    for case, metadata in BAD_METADATA.items()
]


@pytest.mark.parametrize(("change", "path"), BAD_CHANGES)
async def test_bad_changes_are_refused(
    tenant: Tenant, change: dict[str, Any], path: tuple[str, ...]
) -> None:
    (memory,) = await tenant.add("Tea", metadata={"k": 1})
    before = await tenant.owner.ask(STATE)
    # What is right in the same call is not done either.
    change = {"text": "Coffee", "metadata": {"k": 2}, "timestamp": None} | change
    (error,) = await tenant.owner.refused(UPDATE, id=memory["id"], input=change)
    is_invalid(error, "input", *path)
    await unchanged_since(tenant, before)


async def test_more_than_a_thousand_updates_are_refused(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    before = await tenant.owner.ask(STATE)
    inputs = [{"id": memory["id"], "input": {"metadata": {"n": n}}} for n in range(1001)]
    (error,) = await tenant.owner.refused(UPDATE_MANY, inputs=inputs)
    is_invalid(error, "inputs")
    await unchanged_since(tenant, before)


# ---------------------------------------------------------------- ids that are none


async def ids_of_no_memory(tenant: Tenant) -> list[str]:
    """Return ids that name no memory, or none that the owner can see."""
    (mine,) = await tenant.add("Tea")
    foreign = await tenant.stranger.do(ADD, input=GOOD)
    data = await tenant.owner.ask(STATE)
    return [
        uuid7(),
        "",
        " ",
        "abc",
        f" {mine['id']}",
        "0" * 5000,
        foreign["memories"][0]["id"],
        tenant.project_id,
        tenant.organization_id,
        data["entities"]["nodes"][0]["id"],
        data["project"]["history"]["nodes"][0]["id"],
    ]


async def test_changing_what_is_no_memory_is_refused(tenant: Tenant) -> None:
    wrong = await ids_of_no_memory(tenant)
    before = await tenant.owner.ask(STATE)
    for id in wrong:
        (error,) = await tenant.owner.refused(UPDATE, id=id, input={"text": "Coffee"})
        is_missing(error, id, "id")
        (error,) = await tenant.owner.refused(DELETE, id=id)
        is_missing(error, id, "id")
    await unchanged_since(tenant, before)


async def test_a_wrong_id_among_many_keeps_all(tenant: Tenant) -> None:
    wrong = await ids_of_no_memory(tenant)
    good = [memory["id"] for memory in await tenant.add("Green tea", "Black tea")]
    before = await tenant.owner.ask(STATE)
    for id in wrong:
        (error,) = await tenant.owner.refused(DELETE_MANY, ids=[*good, id])
        is_missing(error, id, "ids", "2")
    (error,) = await tenant.owner.refused(DELETE_MANY, ids=[wrong[1], *good, wrong[0]])
    is_missing(error, wrong[1], "ids", "0")
    await unchanged_since(tenant, before)


async def test_a_memory_of_another_project_than_the_named_one_keeps_all(tenant: Tenant) -> None:
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    there = await tenant.owner.do(ADD, input=GOOD, projectId=other)
    (here,) = await tenant.add("Tea")
    before = await tenant.owner.ask(STATE)
    ids = [there["memories"][0]["id"], here["id"]]
    (error,) = await tenant.owner.refused(DELETE_MANY, ids=ids, projectId=other)
    is_missing(error, here["id"], "ids", "1")
    for id in (uuid7(), "abc", tenant.stranger_project_id):
        (error,) = await tenant.owner.refused(DELETE_MANY, ids=ids, projectId=id)
        is_missing(error, id, "projectId")
    await unchanged_since(tenant, before)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({}, id="no ids"),
        pytest.param({"ids": None}, id="null"),
        pytest.param({"ids": [uuid7() for _ in range(1001)]}, id="1,001 ids"),
    ],
)
async def test_lists_of_ids_that_cannot_be_are_refused(
    tenant: Tenant, arguments: dict[str, Any]
) -> None:
    await tenant.add("Tea")
    before = await tenant.owner.ask(STATE)
    (error,) = await tenant.owner.refused(DELETE_MANY, **arguments)
    is_invalid(error, "ids")
    await unchanged_since(tenant, before)


async def test_metadata_nested_without_end_changes_nothing(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    before = await tenant.owner.ask(STATE)
    metadata: dict[str, Any] = {}
    for _ in range(600):
        metadata = {"k": metadata}
    error = await tenant.owner.error(UPDATE, id=memory["id"], input={"metadata": metadata})
    assert error["extensions"]["code"] == "TOO_COMPLEX"
    await unchanged_since(tenant, before)
