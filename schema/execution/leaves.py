"""The output of leaf types: functions that serialize values, and expressions for generated code.

Both return exactly what graphql-core would. What they cannot serialize raises an exception.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

# By the name of a type, the test of a value, to be inserted, that is sent as it is.
_SENT_AS_IT_IS = {
    GraphQLString.name: "type({}) is str",
    GraphQLID.name: "type({}) is str",
    GraphQLBoolean.name: "type({}) is bool",
    GraphQLInt.name: f"(type({{}}) is int and {-(2**31)} <= v < {2**31})",
    "JSON": "type({}) is dict",
}

Serialize = Callable[[Any], Any]


class Unusual(Exception):
    """A value that graphql-core has to complete: an error, a forbidden null, a wrong type."""


def is_leaf_output(type: Any) -> bool:
    """Return whether values of a type are leaves, or lists of leaves."""
    inner = type.of_type if is_non_null_type(type) else type
    return is_leaf_output(inner.of_type) if is_list_type(inner) else is_leaf_type(inner)


def serializer(type: Any) -> Serialize:
    """Return the function that serializes the values of a type of leaves."""
    if is_non_null_type(type):
        return _of_list(type.of_type) if is_list_type(type.of_type) else _of_leaf(type.of_type)
    present = _of_list(type) if is_list_type(type) else _of_leaf(type)
    return lambda value: None if value is None else present(value)


def _of_leaf(type: GraphQLLeafType) -> Serialize:
    coerce = type.coerce_output_value

    def serialize(value: Any) -> Any:
        if value is None or value is Undefined or isinstance(value, Exception):
            raise Unusual
        result = coerce(value)
        if result is None or result is Undefined:
            raise Unusual
        return result

    return serialize


def _of_list(list_type: Any) -> Serialize:
    item = serializer(list_type.of_type)

    def serialize(values: Any) -> Any:
        if type(values) is not list:
            raise Unusual
        return [item(value) for value in values]

    return serialize


def expression(type: Any, value: str, name: str, namespace: dict[str, Any]) -> str:
    """Return the Python expression that serializes `value`, which is an expression.

    It uses the variable `v`, and what it adds to the namespace under names that begin with `name`.
    """
    serialize = namespace[name] = serializer(type)
    nullable = not is_non_null_type(type)
    leaf = type if nullable else type.of_type
    taken = f"v := {value}"
    if is_enum_type(leaf):
        members = getattr(leaf, "wrapped_cls", ())
        namespace[f"{name}_names"] = {member: serialize(member) for member in members}
        return f"({name}_names.get({taken}) or {name}(v))"
    if is_list_type(leaf):
        return f"{name}({value})"
    if leaf.name == "DateTime":
        namespace[f"{name}_print"], namespace["datetime"] = leaf.coerce_output_value, datetime
        return f"({name}_print(v) if type({taken}) is datetime else {name}(v))"
    test = _SENT_AS_IT_IS.get(leaf.name)
    if test is None:
        return f"{name}({value})"
    if nullable:
        return f"(v if ({taken}) is None or {test.format('v')} else {name}(v))"
    return f"(v if {test.format(taken)} else {name}(v))"
