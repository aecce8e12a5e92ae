"""Filters of memories through the front door: each operator reached by its name, in every list.

What operators mean for odd values is tested in tests/storage/sql/test_filters.py, and what filters
may not be in test_memory_filter_limits.py.
"""

from typing import Any

import pytest
import pytest_asyncio

from core.ids import uuid7
from tests.support.fixtures.filter_fixture import (
    ALICE,
    FIRST,
    LISTS,
    SECOND,
    TEA,
    FilterFixture,
    make_filter_fixture,
    metadata,
)
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

LIST = "query ($filter: MemoryFilter) { memories(filter: $filter) { nodes { id } } }"


@pytest_asyncio.fixture(scope="module")
async def filters(deployment: Deployment) -> FilterFixture:
    """What the tests read."""
    return await make_filter_fixture(deployment)


FOUND: list[tuple[Any, str]] = [
    (None, "abcd"),
    ({}, "abcd"),
    # Names.
    ({"userId": {"eq": "alice"}}, "ac"),
    ({"userId": {"eq": "Alice"}}, ""),
    ({"userId": {"ne": "alice"}}, "bd"),
    ({"userId": {"in": ["alice", "bob", "nobody"]}}, "abc"),
    ({"userId": {"in": ["alice", "alice"]}}, "ac"),
    ({"userId": {"in": []}}, ""),
    ({"userId": {"exists": True}}, "abc"),
    ({"userId": {"exists": False}}, "d"),
    ({"userId": {"eq": "alice", "ne": "alice"}}, ""),
    ({"userId": {"eq": "alice", "in": None}}, "ac"),
    ({"agentId": {"eq": "butler"}}, "abd"),
    ({"agentId": {"in": ["butler"]}, "userId": {"ne": "bob"}}, "ad"),
    ({"appId": {"eq": "house"}}, "d"),
    ({"runId": {"eq": "monday"}}, "c"),
    ({"runId": {"ne": "monday"}}, "abd"),
    ({"userId": {"eq": "x" * 1000}}, ""),
    # Texts.
    ({"text": {"contains": "tea"}}, "b"),
    ({"text": {"contains": "Tea"}}, "a"),
    ({"text": {"icontains": "tEA"}}, "ab"),
    ({"text": {"contains": ""}}, "abcd"),
    ({"text": {"contains": "%"}}, "a"),
    ({"text": {"contains": "_"}}, "b"),
    ({"text": {"contains": "*"}}, ""),
    ({"text": {"contains": "\\"}}, "d"),
    ({"text": {"contains": "🦊"}}, "c"),
    ({"text": {"icontains": "i\u0307stanbul 🦊"}}, "c"),
    ({"text": {"contains": "Tea", "icontains": "GREEN"}}, "a"),
    # Categories.
    ({"categories": {"in": ["food"]}}, "ab"),
    ({"categories": {"in": ["travel", "music"]}}, "b"),
    ({"categories": {"in": []}}, ""),
    ({"categories": {"contains": "OO"}}, "ab"),
    ({"categories": {"contains": "foo%"}}, ""),
    ({"categories": {"exists": True}}, "ab"),
    ({"categories": {"exists": False}}, "cd"),
    # Metadata.
    (metadata("n", eq=1), "a"),
    (metadata("n", eq=1.0), "a"),
    (metadata("n", eq="1"), "c"),
    (metadata("n", eq=True), ""),
    (metadata("n", ne=1), "bcd"),
    (metadata("n", in_=[1, "1"]), "ac"),
    (metadata("n", in_=[]), ""),
    (metadata("n", gt=1), "b"),
    (metadata("n", gte=1), "ab"),
    (metadata("n", lt=2.5), "a"),
    (metadata("n", lte=2.5), "ab"),
    (metadata("n", gt="0", lt="2"), "c"),
    (metadata("n", gt=True), ""),
    (metadata("n", exists=True), "abc"),
    (metadata("n", exists=False), "d"),
    (metadata("nothing", exists=True), ""),
    (metadata("nothing", ne=1), "abcd"),
    (metadata("flag", eq=True), "b"),
    (metadata("flag", eq=False), ""),
    (metadata("tags", contains="x"), "a"),
    (metadata("tags", contains={"deep": [1.0]}), "a"),
    (metadata("tags", contains="deep"), ""),
    (metadata("tags", eq=["x", {"deep": [1]}]), "a"),
    (metadata("deep.er.n", eq="low"), "a"),
    (metadata("deep.er.n", contains="ow"), "a"),
    (metadata("deep.er", eq=5), "c"),
    (metadata("deep", eq={"er": {"n": "low"}}), "a"),
    (metadata("tags.0", exists=True), ""),
    (metadata("🦊.'", eq='"'), "c"),
    ({"metadata": [{"key": "n", "eq": 1}, {"key": "n", "lt": 1}]}, ""),
    ({"metadata": []}, "abcd"),
    # States, moments and days.
    ({"state": ["ACTIVE"]}, "abcd"),
    ({"state": ["MERGED", "SUPERSEDED"]}, ""),
    ({"state": []}, ""),
    ({"timestamp": {"eq": FIRST}}, "a"),
    ({"timestamp": {"eq": SECOND}}, "b"),
    ({"timestamp": {"ne": FIRST}}, "bcd"),
    ({"timestamp": {"gt": FIRST}}, "b"),
    ({"timestamp": {"gte": FIRST}}, "ab"),
    ({"timestamp": {"lt": SECOND}}, "a"),
    ({"timestamp": {"lte": SECOND, "gt": FIRST}}, "b"),
    ({"timestamp": {"in": [FIRST, SECOND]}}, "ab"),
    ({"timestamp": {"exists": False}}, "cd"),
    ({"createdAt": {"gt": "2020-01-01T00:00:00Z"}}, "abcd"),
    ({"createdAt": {"lt": "2020-01-01T00:00:00Z"}}, ""),
    ({"updatedAt": {"exists": True, "gte": "2020-01-01T00:00:00Z"}}, "abcd"),
    ({"updatedAt": {"in": []}}, ""),
    ({"expirationDate": {"eq": "9999-01-01"}}, "a"),
    ({"expirationDate": {"ne": "9999-01-01"}}, "bcd"),
    ({"expirationDate": {"gt": "9999-01-01"}}, "c"),
    ({"expirationDate": {"gte": "9999-01-01", "lt": "9999-12-31"}}, "a"),
    ({"expirationDate": {"lte": "9999-12-31"}}, "ac"),
    ({"expirationDate": {"in": ["9999-01-01"]}}, "a"),
    ({"expirationDate": {"exists": False}}, "bd"),
    # Together.
    ({**ALICE, **TEA}, "a"),
    ({"and": [ALICE, TEA]}, "a"),
    ({"and": []}, "abcd"),
    ({"or": [ALICE, TEA]}, "abc"),
    ({"or": []}, ""),
    ({"or": [{}]}, "abcd"),
    ({"not": ALICE}, "bd"),
    ({"not": {}}, ""),
    ({"not": {"not": ALICE}}, "ac"),
    ({"not": {"or": [ALICE, TEA]}}, "d"),
    ({"not": {"and": [ALICE, TEA]}}, "bcd"),
    ({"or": [ALICE], "not": TEA}, "c"),
    ({"and": None, "or": None, "not": None, "ids": None, **ALICE}, "ac"),
    ({"or": [{"and": [TEA, {"not": ALICE}]}, {"appId": {"eq": "house"}}]}, "bd"),
]


@pytest.mark.parametrize(("given", "wanted"), FOUND, ids=[str(given) for given, _ in FOUND])
async def test_lists_have_what_matches(filters: FilterFixture, given: Any, wanted: str) -> None:
    assert await filters.found(given) == wanted
    if given:
        others = "".join(letter for letter in "abcd" if letter not in wanted)
        assert await filters.found({"not": given}) == others


async def test_memories_are_found_by_their_ids(filters: FilterFixture) -> None:
    ids = filters.ids
    assert await filters.found({"ids": [ids["a"], ids["d"], ids["a"]]}) == "ad"
    assert await filters.found({"ids": []}) == ""
    assert await filters.found({"ids": ["abc", uuid7(), "", "x" * 5000]}) == ""
    assert await filters.found({"not": {"ids": [ids["a"]]}}) == "bcd"
    assert await filters.found({"ids": [ids["a"]], "userId": {"eq": "bob"}}) == ""
    memory = {"memories": {"nodes": [{"id": ids["a"]}]}}
    alone = f'{{ids: "{ids["a"]}", userId: {{in: "alice"}}}}'
    document = f"{{ memories(filter: {alone}) {{ nodes {{ id }} }} }}"
    assert await filters.tenant.owner.ask(document) == memory


async def test_filters_may_be_written_into_the_document(filters: FilterFixture) -> None:
    written = """
    {
      memories(filter: {
        metadata: [{key: "tags", contains: {deep: [1.0]}}, {key: "n", lt: 2, ne: "1"}]
        or: [{userId: {eq: "alice"}}, {state: MERGED}]
        timestamp: {gte: "2026-01-01T00:00:00Z"}
      }) { nodes { id } }
    }
    """
    data = await filters.tenant.owner.ask(written)
    assert data == {"memories": {"nodes": [{"id": filters.ids["a"]}]}}


# ---------------------------------------------------------------- who sees what


async def test_a_reader_filters_like_an_owner(filters: FilterFixture) -> None:
    assert await filters.found(ALICE, filters.tenant.reader) == "ac"
    assert await filters.found({"ids": list(filters.ids.values())}, filters.tenant.reader) == "abcd"


async def test_no_filter_lets_a_stranger_see(filters: FilterFixture) -> None:
    stranger, ids = filters.tenant.stranger, list(filters.ids.values())
    for given in (
        {"ids": ids},
        {"or": [{"ids": ids}, {"ids": [ids[0]]}]},
        {"agentId": {"eq": "butler"}},
    ):
        data = await stranger.ask(LIST, filter=given)
        assert data == {"memories": {"nodes": []}}, given
    everything = (await stranger.ask(LIST, filter={"or": [{}, ALICE]}))["memories"]["nodes"]
    assert len(everything) == 1
    assert everything[0]["id"] not in ids
    body = await stranger.answer(LISTS, filter=ALICE, project=filters.tenant.project_id)
    assert {error["extensions"]["code"] for error in body["errors"]} == {"NOT_FOUND"}


# ---------------------------------------------------------------- what it costs


async def test_a_filter_costs_no_statement(filters: FilterFixture) -> None:
    costs = []
    for given in (None, ALICE, {"or": [TEA, {"not": metadata("n", gt=1)}], "state": ["ACTIVE"]}):
        await filters.tenant.owner.ask("{ __typename }")
        with filters.tenant.deployment.counted_statements() as statements:
            await filters.found(given)
        costs.append(len(statements))
    assert costs == [costs[0]] * 3
