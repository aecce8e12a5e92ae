"""Trees of filters: what they may hold, and what they say without a database."""

from typing import Any

import pytest

from core.enums import EntityType, MemoryState
from core.errors import InvalidInput
from core.filters.metadata import LONGEST_PATH, metadata_matches
from core.filters.tree import (
    DEEPEST,
    MOST_CONDITIONS,
    MOST_VALUES,
    And,
    Condition,
    Field,
    Filter,
    Not,
    Operator,
    Or,
    categories_named,
    names_scope,
    names_state,
    pinned_entity,
)
from tests.support.fixtures.filters import tree

Given = dict[str, Any]
ALICE = {"userId": {"eq": "alice"}}
FOOD = {"categories": {"in": ["food"]}}


def refused(given: Given) -> tuple[tuple[str, ...], str]:
    """Return the path and the message of the refusal of a filter."""
    with pytest.raises(InvalidInput) as caught:
        tree(given)
    return caught.value.path, caught.value.message


def nested(depth: int, name: str = "not", innermost: Given = ALICE) -> Given:
    """Return a filter that is so many filters deep."""
    given = innermost
    for _ in range(depth - 1):
        given = {name: given if name == "not" else [given]}
    return given


# ---------------------------------------------------------------- trees


def test_a_tree_has_a_condition_for_each_operator() -> None:
    path = ("filter", "userId")
    assert tree({"userId": {"eq": "a", "ne": "b", "in": ["c", "d"], "exists": False}}) == And(
        (
            Condition(Field.USER_ID, Operator.EQ, "a"),
            Not(Condition(Field.USER_ID, Operator.EQ, "b")),
            Condition(Field.USER_ID, Operator.IN, ("c", "d")),
            Not(Condition(Field.USER_ID, Operator.EXISTS)),
        )
    )
    (condition,) = tree(ALICE).parts  # type: ignore[union-attr]
    assert condition == Condition(Field.USER_ID, Operator.EQ, "alice", path=(*path, "eq"))
    assert condition.path == (*path, "eq")  # type: ignore[union-attr]


def test_trees_that_say_the_same_are_the_same() -> None:
    assert tree({"and": [ALICE]}) == tree({"and": [ALICE]})
    assert len({tree({"and": [ALICE]}), tree({"and": [ALICE]}), tree({"or": [ALICE]})}) == 2
    one: Given = {"metadata": [{"key": "k", "eq": {"a": 1, "b": 2}}]}
    other: Given = {"metadata": [{"key": "k", "eq": {"b": 2, "a": 1}}]}
    assert tree(one) == tree(other)


@pytest.mark.parametrize("pair", [(1, True), (0, False), (1, "1"), ([], {}), (1, [1])])
def test_operands_that_differ_in_json_make_different_trees(pair: tuple[Any, Any]) -> None:
    one, other = (tree({"metadata": [{"key": "k", "eq": value}]}) for value in pair)
    assert one != other


def test_null_operators_are_none() -> None:
    given = {"userId": {"eq": "a", "ne": None, "in": None, "exists": None}}
    assert tree(given) == tree({"userId": {"eq": "a"}})


@pytest.mark.parametrize(
    ("given", "path", "operators"),
    [
        ({"userId": {}}, ("userId",), "eq, ne, in and exists"),
        ({"runId": {"eq": None}}, ("runId",), "eq, ne, in and exists"),
        ({"text": {}}, ("text",), "contains and icontains"),
        ({"categories": {}}, ("categories",), "in, contains and exists"),
        (
            {"createdAt": {}},
            ("createdAt",),
            "eq, ne, gt, gte, lt, lte, in and exists",
        ),
        (
            {"or": [{}, {"not": {"metadata": [{"key": "k", "eq": None}]}}]},
            ("or", "1", "not", "metadata", "0"),
            "eq, ne, contains, in, gt, gte, lt, lte, exists and isNull",
        ),
    ],
)
def test_an_object_without_operators_is_refused(
    given: Given, path: tuple[str, ...], operators: str
) -> None:
    assert refused(given) == (("filter", *path), f"Give at least one of {operators}.")


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("name", ["and", "or", "not"])
def test_filters_are_nested_so_deep_and_no_deeper(name: str) -> None:
    tree(nested(DEEPEST, name))
    steps = ["filter"] + ([name] if name == "not" else [name, "0"]) * DEEPEST
    assert refused(nested(DEEPEST + 1, name)) == (
        tuple(steps),
        "Filters may be nested at most 10 deep.",
    )


@pytest.mark.parametrize("one", [ALICE, {}, {"and": []}, {"or": []}, {"ids": []}, FOOD])
def test_filters_have_so_many_conditions_and_no_more(one: Given) -> None:
    tree({"or": [one] * MOST_CONDITIONS})
    path, message = refused({"or": [one] * (MOST_CONDITIONS + 1)})
    assert path[:3] == ("filter", "or", "100")
    assert message == "A filter may have at most 100 conditions."


def test_every_operator_is_a_condition() -> None:
    one = {"userId": {"eq": "a", "ne": "b"}, "not": {"text": {"contains": "a", "icontains": "b"}}}
    tree({"and": [one] * 25})
    assert refused({"and": [*[one] * 25, ALICE]})[0] == ("filter", "and", "25", "userId", "eq")


@pytest.mark.parametrize(
    "given",
    [
        {"userId": {"in": ["a"] * (MOST_VALUES + 1)}},
        {"ids": ["a"] * (MOST_VALUES + 1)},
        {"categories": {"in": ["a"] * (MOST_VALUES + 1)}},
        {"metadata": [{"key": "k", "in": [1] * (MOST_VALUES + 1)}]},
    ],
)
def test_lists_have_so_many_values_and_no_more(given: Given) -> None:
    path, message = refused(given)
    assert path[:2] == ("filter", next(iter(given)))
    assert message == "Give at most 1,000 values."
    tree({"userId": {"in": ["a"] * MOST_VALUES}})


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("text", ["a\0", "\ud83e", "\udd8a a"])
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("userId.eq", lambda text: {"userId": {"eq": text}}),
        ("userId.ne", lambda text: {"userId": {"ne": text}}),
        ("userId.in.1", lambda text: {"userId": {"in": ["a", text]}}),
        ("ids.0", lambda text: {"ids": [text]}),
        ("text.icontains", lambda text: {"text": {"icontains": text}}),
        ("categories.in.0", lambda text: {"categories": {"in": [text]}}),
        ("metadata.0.key", lambda text: {"metadata": [{"key": text, "eq": 1}]}),
        ("metadata.0.eq", lambda text: {"metadata": [{"key": "k", "eq": text}]}),
        ("metadata.0.ne", lambda text: {"metadata": [{"key": "k", "ne": [{"a": text}]}]}),
        ("metadata.0.in", lambda text: {"metadata": [{"key": "k", "in": [{text: 1}]}]}),
    ],
)
def test_texts_that_no_database_can_hold_are_refused(name: str, made: Any, text: str) -> None:
    assert refused(made(text))[0] == ("filter", *name.split("."))


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [2**64, float("inf"), float("nan"), deep(600), {1: 2}, {"a": [1, {"b": -(2**63) - 1}]}],
    ids=["too large", "infinite", "no number", "too deep", "a number for a key", "too small"],
)
def test_operands_that_json_cannot_hold_are_refused(value: Any) -> None:
    given = {"metadata": [{"key": "k", "eq": value}]}
    assert refused(given)[0] == ("filter", "metadata", "0", "eq")


# ---------------------------------------------------------------- what a filter says


@pytest.mark.parametrize(
    ("given", "pinned"),
    [
        (None, None),
        ({}, None),
        (ALICE, (EntityType.USER, "alice")),
        ({"userId": {"in": ["alice"]}}, (EntityType.USER, "alice")),
        ({"userId": {"in": ["alice", "alice"]}}, (EntityType.USER, "alice")),
        ({"runId": {"eq": "monday"}}, (EntityType.RUN, "monday")),
        ({"and": [FOOD, {"and": [{"appId": {"eq": "house"}}]}]}, (EntityType.APP, "house")),
        ({**FOOD, **ALICE}, (EntityType.USER, "alice")),
        ({"userId": {"in": []}}, None),
        ({"userId": {"in": ["alice", "bob"]}}, None),
        ({"userId": {"ne": "alice"}}, None),
        ({"userId": {"exists": True}}, None),
        ({"or": [ALICE]}, None),
        ({"not": ALICE}, None),
        ({"not": {"not": ALICE}}, None),
    ],
)
def test_the_entity_that_a_filter_pins(given: Given | None, pinned: Any) -> None:
    assert pinned_entity(None if given is None else tree(given)) == pinned


def test_a_filter_names_the_state_at_any_depth() -> None:
    named: Given = {"state": [MemoryState.ACTIVE]}
    assert not names_state(None)
    for given in ({}, ALICE, {"or": [ALICE, {"not": FOOD}]}):
        assert not names_state(tree(given))
    for given in (named, {"state": []}, {"not": {"or": [ALICE, {"and": [named]}]}}):
        assert names_state(tree(given))


def test_categories_are_named_with_their_paths() -> None:
    assert categories_named(None) == []
    given = {
        "categories": {"in": ["food", "soup"], "contains": "part", "exists": True},
        "not": {"or": [ALICE, {"categories": {"in": ["tea"]}}]},
    }
    assert sorted(categories_named(tree(given))) == [
        ("food", ("filter", "categories", "in", 0)),
        ("soup", ("filter", "categories", "in", 1)),
        ("tea", ("filter", "not", "or", 1, "categories", "in", 0)),
    ]


SCOPED: list[Given] = [
    ALICE,
    {"agentId": {"in": ["butler", "maid"]}},
    {"appId": {"in": []}},
    {"runId": {"exists": True}},
    {"ids": ["1"]},
    {"ids": []},
    {**FOOD, **ALICE},
    {"and": [FOOD, ALICE]},
    {"or": [ALICE, {"and": [FOOD, {"ids": ["1"]}]}]},
    {"userId": {"ne": "bob", "exists": True}},
]
UNSCOPED: list[Given] = [
    {},
    FOOD,
    {"and": []},
    {"or": []},
    {"state": [MemoryState.MERGED]},
    {"userId": {"ne": "alice"}},
    {"userId": {"exists": False}},
    {"or": [ALICE, FOOD]},
    {"or": [ALICE, {}]},
    {"not": ALICE},
    {"not": {"not": ALICE}},
    {"not": {"userId": {"exists": False}}},
    {"metadata": [{"key": "userId", "eq": "alice"}]},
]


@pytest.mark.parametrize(
    ("given", "scoped"),
    [*((given, True) for given in SCOPED), *((given, False) for given in UNSCOPED)],
)
def test_a_filter_names_a_scope_in_every_way_it_can_match(given: Given, scoped: bool) -> None:
    wanted: Filter = tree(given)
    assert names_scope(wanted) is scoped
    assert names_scope(And((wanted, tree(FOOD)))) is scoped
    assert names_scope(Or((wanted, tree(FOOD)))) is False
    assert names_scope(Or((wanted, tree(ALICE)))) is scoped


# ---------------------------------------------------------------- metadata


@pytest.mark.parametrize(
    ("metadata", "key", "operand", "equal"),
    [
        ('{"a": 1}', "a", "1.0", True),
        ('{"a": 1}', "a", "true", False),
        ('{"a": false}', "a", "0", False),
        ('{"a": null}', "a", "null", True),
        ('{"a": {"b": [1, {"c": 2.0}]}}', "a.b", '[1.0,{"c":2}]', True),
        ('{"a.b": 1, "a": {"b": 2}}', "a.b", "1", True),
        ('{"a.b": null, "a": {"b": 2}}', "a.b", "2", False),
        ('{"a": [2]}', "a.0", "2", False),
        ('{"a": {"": {"b": 2}}}', "a..b", "2", True),
        ('{"": 3}', "", "3", True),
        ('{"a": 9007199254740993}', "a", "9007199254740992.0", False),
        ('{"a": "x"}', "b", "null", False),
    ],
)
def test_metadata_is_compared_as_json(metadata: str, key: str, operand: str, equal: bool) -> None:
    assert metadata_matches(metadata, key, "eq", operand) is equal


def test_a_path_that_is_longer_than_any_metadata_is_deep_leads_nowhere() -> None:
    path = ".".join(["a"] * (LONGEST_PATH + 1))
    assert metadata_matches("{}", path, "exists", None) is False
    assert metadata_matches(f'{{"{path}": 1}}', path, "exists", None) is True
