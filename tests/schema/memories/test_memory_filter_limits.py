"""Filters of memories that cannot be: too deep, too long, or of what no memory can be asked."""

from typing import Any

import pytest
import pytest_asyncio

from core.filters.tree import MOST_CONDITIONS, MOST_VALUES
from tests.support.fixtures.filter_fixture import (
    ALICE,
    FIRST,
    LISTS,
    FilterFixture,
    make_filter_fixture,
    metadata,
)
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

LIST = "query ($filter: MemoryFilter) { memories(filter: $filter) { nodes { id } } }"
CATALOG = "{ project { categories { name } } }"


@pytest_asyncio.fixture(scope="module")
async def filters(deployment: Deployment) -> FilterFixture:
    """What the tests read."""
    return await make_filter_fixture(deployment)


# ---------------------------------------------------------------- limits


def nested(depth: int) -> Any:
    """Return a filter that is so many filters deep, and matches what Alice's memories do."""
    given: Any = ALICE
    for level in range(depth - 1):
        given = {"and": [given]} if level % 2 else {"or": [given]}
    return given


async def test_filters_may_be_nested_ten_deep(filters: FilterFixture) -> None:
    assert await filters.found(nested(10)) == "ac"
    await refused(
        filters,
        nested(11),
        "Filters may be nested at most 10 deep.",
        *("and", "0", "or", "0") * 5,
    )
    # The server has limits of its own, which must not be met as a defect.
    for depth in (100, 200, 300):
        error = await filters.tenant.owner.error(LIST, filter=nested(depth))
        assert error["extensions"]["code"] == "TOO_COMPLEX", depth


async def test_filters_may_have_a_hundred_conditions(filters: FilterFixture) -> None:
    n, tags = metadata("n", gt=0), metadata("tags", contains="x")
    assert await filters.found({"or": [ALICE] * MOST_CONDITIONS}) == "ac"
    assert await filters.found({"and": [n, tags] * (MOST_CONDITIONS // 2)}) == "a"
    assert await filters.found({"not": {"and": [n, tags] * (MOST_CONDITIONS // 2)}}) == "bcd"
    await refused(
        filters,
        {"and": [ALICE] * (MOST_CONDITIONS + 1)},
        "A filter may have at most 100 conditions.",
        *("and", "100", "userId", "eq"),
    )


async def test_lists_may_have_a_thousand_values(filters: FilterFixture) -> None:
    many = [*(str(n) for n in range(MOST_VALUES - 1)), "alice"]
    assert await filters.found({"userId": {"in": many}}) == "ac"
    assert await filters.found({"userId": {"in": many}, "not": {"ids": many}}) == "ac"
    for name, given in {
        "userId.in": {"userId": {"in": [*many, "bob"]}},
        "ids": {"ids": [*many, "bob"]},
        "metadata.0.in": metadata("n", in_=[*many, "bob"]),
        "timestamp.in": {"timestamp": {"in": [FIRST] * (MOST_VALUES + 1)}},
    }.items():
        await refused(filters, given, "Give at most 1,000 values.", *name.split("."))


# ---------------------------------------------------------------- bad input


async def refused(filters: FilterFixture, given: Any, message: str, *path: str) -> None:
    """Fail unless every list refuses the filter with this message at this path."""
    body = await filters.tenant.owner.answer(LISTS, filter=given, project=filters.tenant.project_id)
    errors = body["errors"]
    assert {error["message"] for error in errors} == {message}
    assert {error["extensions"]["code"] for error in errors} == {"BAD_USER_INPUT"}
    assert all(error["extensions"]["argument"] == ["filter", *path] for error in errors)
    assert body["data"] is None


UNSTORABLE = "This must not contain NUL characters or lone surrogates."
NAMES_NEED = "Give at least one of eq, ne, in and exists."
RANGES_NEED = "Give at least one of eq, ne, gt, gte, lt, lte, in and exists."


@pytest.mark.parametrize(
    ("given", "message", "path"),
    [
        ({"userId": {}}, NAMES_NEED, "userId"),
        ({"agentId": {"eq": None}}, NAMES_NEED, "agentId"),
        ({"or": [ALICE, {"runId": {}}]}, NAMES_NEED, "or.1.runId"),
        ({"text": {}}, "Give at least one of contains and icontains.", "text"),
        ({"categories": {}}, "Give at least one of in, contains and exists.", "categories"),
        ({"createdAt": {}}, RANGES_NEED, "createdAt"),
        ({"not": {"timestamp": {"lt": None}}}, RANGES_NEED, "not.timestamp"),
        ({"expirationDate": {}}, RANGES_NEED, "expirationDate"),
        (
            metadata("n"),
            "Give at least one of eq, ne, contains, in, gt, gte, lt, lte, exists and isNull.",
            "metadata.0",
        ),
        ({"userId": {"eq": "a\0"}}, UNSTORABLE, "userId.eq"),
        ({"userId": {"in": ["a", "a\0"]}}, UNSTORABLE, "userId.in.1"),
        ({"text": {"icontains": "\0"}}, UNSTORABLE, "text.icontains"),
        ({"ids": ["\0"]}, UNSTORABLE, "ids.0"),
        (metadata("n\0", eq=1), UNSTORABLE, "metadata.0.key"),
        (metadata("n", eq={"a": ["\0"]}), UNSTORABLE, "metadata.0.eq"),
    ],
)
async def test_bad_filters_are_refused(
    filters: FilterFixture, given: Any, message: str, path: str
) -> None:
    await refused(filters, given, message, *path.split("."))


@pytest.mark.parametrize(
    "given",
    [
        {"unknown": 1},
        {"userId": "alice"},
        {"userId": {"eq": 1}},
        {"userId": {"in": [None]}},
        {"userId": {"contains": "a"}},
        {"text": {"eq": "a"}},
        {"state": ["GONE"]},
        {"state": [None]},
        {"createdAt": {"eq": "2026-01-01"}},
        {"createdAt": {"eq": "2026-01-01T00:00:00"}},
        {"expirationDate": {"eq": "2026-01-01T00:00:00Z"}},
        {"expirationDate": {"eq": "2026-02-30"}},
        {"metadata": [{"eq": 1}]},
        {"metadata": [{"key": None, "eq": 1}]},
        {"and": [None]},
        [ALICE, ALICE],
        "alice",
    ],
    ids=str,
)
async def test_filters_of_the_wrong_kind_never_reach_a_resolver(
    filters: FilterFixture, given: Any
) -> None:
    error = await filters.tenant.owner.error(LIST, filter=given)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_unknown_category_is_refused_with_those_that_are_known(
    filters: FilterFixture,
) -> None:
    catalog = (await filters.tenant.owner.ask(CATALOG))["project"]["categories"]
    known = ", ".join(category["name"] for category in catalog)
    for name, given in {
        "categories.in.1": {"categories": {"in": ["food", "soup"]}},
        "not.or.0.categories.in.0": {"not": {"or": [{"categories": {"in": ["soup"]}}]}},
    }.items():
        message = f"'soup' is not in the project's catalog of categories: {known}."
        await refused(filters, given, message, *name.split("."))
    assert await filters.found({"categories": {"contains": "soup"}}) == ""
