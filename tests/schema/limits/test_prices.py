"""Every field that does work has a declared price."""

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from core.limits.settings import Limits
from schema.contract import schema
from schema.documents.preparing import Documents


def test_a_field_with_a_resolver_or_a_list_of_objects_declares_its_price() -> None:
    missing = []
    for named in schema.graphql_schema.type_map.values():
        if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in named.fields.items():
            if named.name.startswith("__"):
                continue
            definition = field.extensions["strawberry-definition"]
            is_list = isinstance(get_nullable_type(field.type), GraphQLList)
            is_list_of_objects = is_list and not is_leaf_type(get_named_type(field.type))
            works = definition.base_resolver is not None or is_list_of_objects or field.args
            if works and "price" not in definition.metadata:
                missing.append(f"{named.name}.{name}")
            assert "price" in field.extensions
    assert missing == []


def test_large_scalars_cost_a_point() -> None:
    large = {"text", "content", "metadata", "input", "data", "before", "after"}
    for named in schema.graphql_schema.type_map.values():
        for name, field in getattr(named, "fields", {}).items():
            if name in large and isinstance(named, GraphQLObjectType):
                assert field.extensions["price"].own == 1, f"{named.name}.{name}"


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("{ memories { nodes { id userId } } }", 0),
        ("{ memories(first: 3) { nodes { text } } }", 3),
        ("{ memories(first: 3) { nodes { text metadata again: text } } }", 9),
        ("{ memories(first: 3) { nodes { text @skip(if: true) metadata } } }", 3),
        (
            "{ memories(first: 3) { nodes { related(first: 5) { memory { text } } } } "
            'searchMemories(query: "tea", topK: 7) { hits { memory { text } } } }',
            3 * 5 + 7,
        ),
    ],
)
async def test_the_texts_that_a_result_may_have_are_counted(query: str, texts: int) -> None:
    prepared = await Documents(schema.graphql_schema, Limits()).prepare(query)
    assert prepared.errors == []
    (plan,) = prepared.plans
    assert plan.cost(None).texts == texts
