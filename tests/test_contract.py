"""The GraphQL schema: the committed file is current, in_sdl, and compatible with the design.

`contract.graphql` is the design. It is compared member by member: additions are allowed, changes of
a type, an argument or a default are not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLInputField,
    GraphQLNonNull,
    build_schema,
    is_required_argument,
    is_required_input_field,
    parse,
    print_ast,
)

from schema.contract import print_schema

HERE = Path(__file__).parent
COMMITTED = HERE.parent / "schema" / "schema.graphql"
DESIGNED = HERE / "contract.graphql"
PAGING = ["first", "after", "last", "before"]


def members_of(node: Any) -> list[Any]:
    """Return the fields, values and arguments of a definition or a field."""
    parts = (getattr(node, name, None) or () for name in ("fields", "values", "arguments"))
    return [member for part in parts for member in part]


def in_sdl(node: Any) -> str:
    """Return a member in SDL, without its arguments."""
    text = str(node.name.value)
    if hasattr(node, "type"):
        text += f": {print_ast(node.type)}"
    if getattr(node, "default_value", None) is not None:
        text += f" = {print_ast(node.default_value)}"
    return text


def facts(document: DocumentNode) -> set[str]:
    """Return all facts of a schema, one line for each."""
    found = set()
    for definition in document.definitions:
        type: Any = definition
        name = type.name.value
        found.add(f"{type.kind} {name}")
        for interface in getattr(type, "interfaces", None) or ():
            found.add(f"{name} implements {interface.name.value}")
        for member in members_of(type):
            found.add(f"{name}.{in_sdl(member)}")
            for argument in members_of(member):
                found.add(f"{name}.{member.name.value}({in_sdl(argument)})")
    return found


def without_description(node: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the paths of members without a description."""
    here = (*path, node.name.value)
    if node.description is None or not node.description.value.strip():
        yield ".".join(here)
    for member in members_of(node):
        yield from without_description(member, here)


def test_the_committed_schema_is_current() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == print_schema(), "run `make schema`"


def test_everything_has_a_description() -> None:
    definitions = parse(print_schema()).definitions
    found = [name for definition in definitions for name in without_description(definition)]
    assert found == []


def test_the_schema_contains_the_design() -> None:
    designed = facts(parse(DESIGNED.read_text(encoding="utf-8")))
    assert len(designed) > 500
    assert sorted(designed - facts(parse(print_schema()))) == []


def required(sdl: str) -> set[str]:
    """Return the arguments and input fields that a caller cannot leave out."""
    found = set()
    for name, type in build_schema(sdl).type_map.items():
        for field_name, field in getattr(type, "fields", {}).items():
            if isinstance(field, GraphQLInputField) and is_required_input_field(field):
                found.add(f"{name}.{field_name}")
            for argument_name, argument in getattr(field, "args", {}).items():
                if is_required_argument(argument):
                    found.add(f"{name}.{field_name}({argument_name})")
    return found


def test_nothing_beyond_the_design_is_required() -> None:
    """A query written for the design stays valid."""
    designed = required(DESIGNED.read_text(encoding="utf-8"))
    assert "Query.node(id)" in designed
    assert "MessageInput.role" in designed
    assert required(print_schema()) - designed == set()


def test_every_list_has_the_same_paging_arguments() -> None:
    types = build_schema(print_schema()).type_map
    pages = [
        (f"{name}.{field_name}", list(field.args))
        for name, type in types.items()
        for field_name, field in getattr(type, "fields", {}).items()
        if str(getattr(field, "type", "")).endswith("Connection!")
    ]
    assert len(pages) >= 12
    assert [name for name, arguments in pages if arguments[-4:] != PAGING] == []


def test_every_mutation_returns_user_errors() -> None:
    schema = build_schema(print_schema())
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        payload: Any = field.type
        assert isinstance(payload, GraphQLNonNull), name
        fields = payload.of_type.fields
        assert payload.of_type.name == f"{name[0].upper()}{name[1:]}Payload"
        assert str(fields.pop("userErrors").type) == "[UserError!]!", name
        assert fields, name
        # A rejected mutation returns null, an empty list, or a count of 0.
        for member in fields.values():
            type_text = str(member.type)
            assert not type_text.endswith("!") or type_text.endswith("]!") or type_text == "Int!", (
                name,
                type_text,
            )


def test_subscriptions_never_return_null() -> None:
    """A subscription that cannot continue ends with an error instead."""
    schema = build_schema(print_schema())
    assert schema.subscription_type is not None
    fields = schema.subscription_type.fields
    assert fields.keys() == {"memoryEvents", "operationUpdates"}
    assert [
        name for name, field in fields.items() if not isinstance(field.type, GraphQLNonNull)
    ] == []
