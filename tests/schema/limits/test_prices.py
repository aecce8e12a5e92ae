"""Every field that does work has a declared price."""

from graphql import (
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
)

from schema.contract import schema


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
