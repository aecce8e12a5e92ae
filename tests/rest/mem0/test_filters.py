"""mem0's filter language: what each condition becomes, what is refused, and what is found."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from core.errors import InvalidInput
from core.filters.tree import And, Condition, Field, Filter, Not, Operator, Or
from rest.mem0.filters import entity_filter, parse_filter, parse_literal
from tests.rest.mem0.remembering import added
from tests.rest.mem0.rest import ask
from tests.support.fixtures.factories import Tenant

ANA = Condition(Field.USER_ID, Operator.EQ, "Ana")
R1 = Condition(Field.RUN_ID, Operator.EQ, "r1")
START = datetime(2024, 7, 1, tzinfo=UTC)
END = datetime(2024, 7, 1, 23, 59, 59, 999_999, tzinfo=UTC)
NINE = datetime(2024, 7, 1, 9, tzinfo=UTC)


def created(operator: Operator, value: Any) -> Condition:
    """Return a condition on when a memory was stored."""
    return Condition(Field.CREATED_AT, operator, value)


def a(operator: Operator, value: str) -> Condition:
    """Return a condition on the metadata `a`, whose operand is JSON."""
    return Condition(Field.METADATA, operator, value, "a")


WITHIN = And((created(Operator.GTE, START), created(Operator.LTE, END)))
TRANSLATED: list[tuple[dict[str, Any], Filter]] = [
    ({"user_id": "Ana"}, ANA),
    ({"user_id": {"eq": "Ana"}}, ANA),
    ({"user_id": {"ne": "Ana"}}, Not(ANA)),
    ({"user_id": {"in": ["a", "b"]}}, Condition(Field.USER_ID, Operator.IN, ("a", "b"))),
    ({"agent_id": "*"}, Condition(Field.AGENT_ID, Operator.EXISTS)),
    ({"app_id": {"ne": "*"}}, Not(Condition(Field.APP_ID, Operator.EXISTS))),
    ({"user_id": "Ana", "run_id": "r1"}, And((ANA, R1))),
    ({"AND": [{"user_id": "Ana"}, {"run_id": "r1"}]}, And((ANA, R1))),
    ({"OR": [{"user_id": "Ana"}, {"run_id": "r1"}]}, Or((ANA, R1))),
    ({"AND": [{"user_id": "Ana"}], "OR": [{"run_id": "r1"}]}, And((And((ANA,)), Or((R1,))))),
    ({"NOT": {"user_id": "Ana"}}, Not(ANA)),
    ({"NOT": [{"user_id": "Ana"}, {"run_id": "r1"}]}, Not(Or((ANA, R1)))),
    ({"created_at": "2024-07-01T09:00:00Z"}, created(Operator.EQ, NINE)),
    ({"created_at": {"gt": "2024-07-01T09:00:00"}}, created(Operator.GT, NINE)),
    ({"created_at": {"ne": "2024-07-01T11:00:00+02:00"}}, Not(created(Operator.EQ, NINE))),
    ({"created_at": "2024-07-01"}, WITHIN),
    ({"created_at": {"ne": "2024-07-01"}}, Not(WITHIN)),
    ({"created_at": {"gt": "2024-07-01"}}, created(Operator.GT, END)),
    ({"created_at": {"gte": "2024-07-01"}}, created(Operator.GTE, START)),
    ({"created_at": {"lt": "2024-07-01"}}, created(Operator.LT, START)),
    ({"created_at": {"lte": "2024-07-01"}}, created(Operator.LTE, END)),
    (
        {"created_at": {"in": ["2024-07-01", "2024-07-01T09:00:00Z"]}},
        Or((WITHIN, created(Operator.EQ, NINE))),
    ),
    (
        {"created_at": {"gte": "2024-07-01", "lte": "2024-07-01"}},
        And((created(Operator.GTE, START), created(Operator.LTE, END))),
    ),
    (
        {"updated_at": {"lt": "2024-07-01T09:00:00Z"}},
        Condition(Field.UPDATED_AT, Operator.LT, NINE),
    ),
    (
        {"timestamp": {"lte": "2024-07-01T09:00:00Z"}},
        Condition(Field.TIMESTAMP, Operator.LTE, NINE),
    ),
    (
        {"expiration_date": {"lte": "2024-07-01"}},
        Condition(Field.EXPIRATION_DATE, Operator.LTE, date(2024, 7, 1)),
    ),
    (
        {"expiration_date": "2024-07-01"},
        Condition(Field.EXPIRATION_DATE, Operator.EQ, date(2024, 7, 1)),
    ),
    ({"keywords": "tea"}, Condition(Field.TEXT, Operator.ICONTAINS, "tea")),
    ({"keywords": {"contains": "Tea"}}, Condition(Field.TEXT, Operator.CONTAINS, "Tea")),
    ({"text": {"icontains": "Tea"}}, Condition(Field.TEXT, Operator.ICONTAINS, "Tea")),
    ({"keywords_search": "tea"}, Condition(Field.TEXT, Operator.ICONTAINS, "tea")),
    ({"categories": "food"}, Condition(Field.CATEGORIES, Operator.IN, ("food",))),
    ({"categories": ["food"]}, Condition(Field.CATEGORIES, Operator.IN, ("food",))),
    ({"categories": {"in": ["food"]}}, Condition(Field.CATEGORIES, Operator.IN, ("food",))),
    ({"categories": {"contains": "oo"}}, Condition(Field.CATEGORIES, Operator.CONTAINS, "oo")),
    ({"metadata": {"a": 1}}, a(Operator.EQ, "1")),
    ({"metadata": {"a": {"b": 1}}}, a(Operator.EQ, '{"b":1}')),
    ({"metadata": {"a": {"contains": "x"}}}, a(Operator.CONTAINS, '"x"')),
    ({"metadata": {"a": {"ne": True}}}, Not(a(Operator.EQ, "true"))),
    ({"memory_ids": ["7"]}, Condition(Field.IDS, Operator.IN, ("7",))),
    ({"memory_ids": {"in": ["7"]}}, Condition(Field.IDS, Operator.IN, ("7",))),
    ({}, And(())),
]


@pytest.mark.parametrize(
    ("given", "expected"), TRANSLATED, ids=[str(case[0]) for case in TRANSLATED]
)
def test_each_condition_has_its_translation(given: dict[str, Any], expected: Filter) -> None:
    assert parse_filter(given, "filters", scoped=False) == expected


REFUSED: list[tuple[Any, list[str]]] = [
    ([], []),
    ("user_id", []),
    ({"what": 1}, ["what"]),
    ({"userId": "Ana"}, ["userId"]),
    ({"user_id": 7}, ["user_id"]),
    ({"user_id": None}, ["user_id"]),
    ({"user_id": {}}, ["user_id"]),
    ({"user_id": {"nin": ["a"]}}, ["user_id", "nin"]),
    ({"user_id": {"contains": "a"}}, ["user_id", "contains"]),
    ({"user_id": {"in": "a"}}, ["user_id"]),
    ({"user_id": {"in": [7]}}, ["user_id"]),
    ({"AND": {"user_id": "a"}}, ["AND"]),
    ({"AND": ["a"]}, ["AND", "0"]),
    ({"OR": [{"user_id": "a"}, {"what": 1}]}, ["OR", "1", "what"]),
    ({"NOT": "a"}, ["NOT"]),
    ({"created_at": {"eq": "2024-07-01"}}, ["created_at", "eq"]),
    ({"created_at": {">=": "2024-07-01"}}, ["created_at", ">="]),
    ({"created_at": {"gte": "soon"}}, ["created_at"]),
    ({"created_at": {"gte": 7}}, ["created_at"]),
    ({"expiration_date": "soon"}, ["expiration_date"]),
    ({"categories": {"eq": "food"}}, ["categories", "eq"]),
    ({"categories": {"ne": "food"}}, ["categories", "ne"]),
    ({"categories": 7}, ["categories"]),
    ({"metadata": {}}, ["metadata"]),
    ({"metadata": "a"}, ["metadata"]),
    *(({"metadata": {"a": {name: 1}}}, ["metadata", "a"]) for name in ("in", "gt", "lt", "nin")),
    ({"metadata": {"a": None}}, ["metadata", "a"]),
    ({"keywords": {"eq": "a"}}, ["keywords", "eq"]),
    ({"keywords": "\0"}, ["keywords", "icontains"]),
    ({"memory_ids": "7"}, ["memory_ids"]),
    ({"memory_ids": [7]}, ["memory_ids"]),
    ({"OR": [{"user_id": str(n)} for n in range(101)]}, ["OR", "100", "user_id", "eq"]),
]


@pytest.mark.parametrize(("given", "path"), REFUSED, ids=[str(case[0])[:60] for case in REFUSED])
def test_unknown_conditions_are_named_in_the_error(given: Any, path: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_filter(given, "filters", scoped=False)
    assert refused.value.path == ("filters", *path)


def test_a_filter_is_not_too_deep() -> None:
    given: dict[str, Any] = {"user_id": "Ana"}
    for _ in range(10):
        given = {"AND": [given]}
    with pytest.raises(InvalidInput):
        parse_filter(given, "filters", scoped=False)


@pytest.mark.parametrize(
    "given", [None, {}, {"text": "x"}, {"NOT": {"user_id": "Ana"}}, {"user_id": {"ne": "Ana"}}]
)
def test_an_entity_is_required_where_it_matters(given: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_filter(given, "filters", scoped=True)
    assert refused.value.path == ("filters",)


@pytest.mark.parametrize(
    "given", [{"user_id": "*"}, {"OR": [{"text": "x"}, {"AND": [{"run_id": "r1"}]}]}]
)
def test_an_entity_may_be_named_anywhere(given: Any) -> None:
    assert parse_filter(given, "filters", scoped=True) == parse_filter(given, scoped=False)


def test_entities_alone() -> None:
    assert entity_filter({}) is None
    assert entity_filter({"user_id": "Ana", "run_id": "r1"}) == And((ANA, R1))


def test_a_query_may_be_json_or_python() -> None:
    assert parse_literal("{'user_id': 'x', 'a': None}") == {"user_id": "x", "a": None}
    assert parse_literal('{"user_id": null}') == {"user_id": None}
    for text in (
        "open('x')",
        "{",
        "{1: 2}",
        "{[]: 1}",
        "{'a': b'x'}",
        "{1, 2}",
        "(" * 500,
        "x" * 70_000,
        "[" * 60_000,
    ):
        with pytest.raises(InvalidInput):
            parse_literal(text)


FOUND: list[tuple[dict[str, Any], str]] = [
    ({"user_id": "Ana"}, "12"),
    ({"user_id": "*"}, "123"),
    ({"OR": [{"run_id": "r1"}, {"user_id": "Bo"}]}, "234"),
    ({"user_id": "*", "NOT": {"run_id": "r1"}}, "13"),
    ({"user_id": "*", "NOT": [{"run_id": "r1"}, {"user_id": "Bo"}]}, "1"),
    ({"user_id": "*", "AND": [{"run_id": {"ne": "r1"}}]}, "13"),
    ({"AND": [{"user_id": "*"}], "OR": [{"metadata": {"a": 1}}, {"run_id": "r1"}]}, "12"),
    ({"user_id": "*", "metadata": {"a": {"ne": 1}}}, "23"),
    ({"user_id": "*", "keywords": {"contains": "Tea"}}, "1"),
    ({"user_id": "*", "keywords": {"icontains": "TEA"}}, "13"),
    ({"user_id": "*", "timestamp": "2024-07-01"}, "1"),
    ({"user_id": "*", "timestamp": {"lte": "2024-07-01"}}, "1"),
    ({"user_id": "*", "timestamp": {"gt": "2024-07-01"}}, "2"),
    ({"user_id": "*", "timestamp": {"gte": "0001-01-01", "lte": "9999-12-31"}}, "12"),
    ({"user_id": "*", "expiration_date": {"gte": "2999-01-01"}}, "3"),
    ({"user_id": "*", "created_at": {"lt": "2020-01-01"}}, ""),
]


@pytest.mark.parametrize(("given", "expected"), FOUND, ids=[str(case[0]) for case in FOUND])
async def test_filters_find_the_matching_memories(
    tenant: Tenant, given: dict[str, Any], expected: str
) -> None:
    day, other = "2024-07-01T23:59:59Z", "2024-07-02T00:00:00Z"
    await added(tenant, "1 Tea", user_id="Ana", metadata={"a": 1}, timestamp=day)
    await added(tenant, "2 coffee", user_id="Ana", run_id="r1", timestamp=other)
    await added(tenant, "3 tea", user_id="Bo", expiration_date="2999-01-01")
    await added(tenant, "4 milk", run_id="r1", agent_id="Max")
    found = await ask(tenant.owner, "POST", "/v2/memories/", {"filters": given})
    assert "".join(sorted(memory["memory"][0] for memory in found)) == expected
