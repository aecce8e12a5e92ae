"""Random documents over the whole schema, for the comparison of executors.

They have aliases, fields that are merged, inline and named fragments, fragments on interfaces,
`__typename`, `@skip` and `@include` with constants and variables, and arguments from variables and
literals, many of which their fields refuse.
"""

import random
from collections.abc import Mapping
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    get_named_type,
    is_abstract_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

from schema.contract import schema

GRAPH = schema.graphql_schema
# Two executions differ in these: each search is an operation of its own, and takes its own time.
_DIFFERENT = {"operationId", "tookMs", "timing"}
# A preview asks models, and introspection is not executed by levels.
_LEFT_OUT = {"previewMemories"}
_TEXTS = ("alice", "tea", "", "no such thing")
_NUMBERS = (0, 1, 2, 5, 100, 101, -1)
_DEEPEST = 7


class DocumentMaker:
    """Makes the document of a seed. `ids` are those of existing objects."""

    def __init__(self, seed: int, ids: Mapping[str, str]) -> None:
        self._random = random.Random(seed)
        self._ids = sorted(ids.values())
        self._variables: dict[str, tuple[str, Any]] = {}
        self._fragments: list[str] = []
        self._names = 0
        self._left = 60

    def make(self) -> tuple[str, dict[str, Any]]:
        """Return a query and its variables."""
        query = GRAPH.query_type
        assert query is not None
        names = sorted(set(query.fields) - _LEFT_OUT)
        roots = [
            self._field(name, query.fields[name], 0, query)
            for name in self._random.choices(names, k=self._random.choice((1, 1, 1, 2)))
        ]
        body = " ".join(root for root in roots if root) or "__typename"
        declared = ", ".join(f"${name}: {type}" for name, (type, _) in self._variables.items())
        head = f"query Made({declared})" if declared else "query Made"
        text = "\n".join([f"{head} {{ {body} }}", *self._fragments])
        return text, {name: value for name, (_, value) in self._variables.items()}

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def _selection(self, type: Any, depth: int) -> str:
        """Return what is selected of a type, in braces."""
        chosen = self._random
        parts = ["__typename"] if chosen.random() < 0.3 else []
        if is_abstract_type(type):
            for possible in chosen.sample(GRAPH.get_possible_types(type), 3):
                parts.append(f"... on {possible.name} {self._selection(possible, depth)}")
        fields = sorted(set(type.fields) - _DIFFERENT - _LEFT_OUT)
        for name in chosen.choices(fields, k=chosen.randint(2, 6)):
            part = self._field(name, type.fields[name], depth, type)
            kind = chosen.random()
            if not part:
                continue
            if kind < 0.1:
                part = f"... on {type.name}{self._directive()} {{ {part} }}"
            elif kind < 0.2:
                fragment = self._name("F")
                self._fragments.append(f"fragment {fragment} on {type.name} {{ {part} }}")
                part = f"...{fragment}{self._directive()}"
            elif kind < 0.25:
                part = f"... {{ {part} }}"
            parts.append(part)
        return f"{{ {' '.join(parts) or '__typename'} }}"

    def _field(self, name: str, field: GraphQLField, depth: int, parent: GraphQLNamedType) -> str:
        named = get_named_type(field.type)
        self._left -= 1
        if not is_leaf_type(named) and (depth >= _DEEPEST or self._left < 0):
            return ""
        arguments, is_simple = self._arguments(field)
        # Fields are merged if all that differs is what is selected of them.
        alias = self._name("a") + ": " if not is_simple or self._random.random() < 0.2 else ""
        selection = "" if is_leaf_type(named) else " " + self._selection(named, depth + 1)
        return f"{alias}{name}{arguments}{self._directive()}{selection}"

    def _directive(self) -> str:
        if self._random.random() > 0.1:
            return ""
        kind, value = self._random.choice(("skip", "include")), self._random.random() < 0.5
        if self._random.random() < 0.5:
            return f" @{kind}(if: {'true' if value else 'false'})"
        return f" @{kind}(if: ${self._variable('Boolean!', value)})"

    def _variable(self, type: str, value: Any) -> str:
        name = self._name("v")
        self._variables[name] = (type, value)
        return name

    def _arguments(self, field: GraphQLField) -> tuple[str, bool]:
        """Return the arguments in parentheses, and whether there are none."""
        parts = []
        for name, argument in field.args.items():
            if not is_non_null_type(argument.type) and self._random.random() < 0.6:
                continue
            value = self._value(name, argument.type)
            if self._random.random() < 0.3:
                parts.append(f"{name}: ${self._variable(str(argument.type), value)}")
            else:
                parts.append(f"{name}: {_literal(argument.type, value)}")
        return (f"({', '.join(parts)})" if parts else ""), not parts

    def _value(self, name: str, type: Any) -> Any:
        """Return a JSON value of an input type."""
        chosen = self._random
        if is_non_null_type(type):
            return self._value(name, type.of_type)
        if is_list_type(type):
            return [self._value(name, type.of_type) for _ in range(chosen.randint(1, 3))]
        if is_enum_type(type):
            return chosen.choice(sorted(type.values))
        if is_input_object_type(type):
            names = sorted(type.fields)
            required = [each for each in names if is_non_null_type(type.fields[each].type)]
            wanted = {*required, *chosen.sample(names, 1)} if required else chosen.sample(names, 1)
            return {each: self._value(each, type.fields[each].type) for each in sorted(wanted)}
        scalars = {
            "ID": self._ids,
            "Int": _NUMBERS[:4] if chosen.random() < 0.8 else _NUMBERS,
            "Float": (0.0, 0.5, 2.0),
            "Boolean": (True, False),
            "DateTime": ("2020-03-01T09:30:00Z", "2099-01-01T00:00:00Z"),
            "Date": ("2020-03-01", "2099-01-01"),
            "Cursor": ("MQ==",),
            "JSON": ("tea", 1, True),
        }
        return chosen.choice(list(scalars.get(type.name, _TEXTS)))


def _literal(type: Any, value: Any) -> str:
    """Return a value of an input type in the syntax of a document."""
    if is_non_null_type(type):
        return _literal(type.of_type, value)
    if is_list_type(type):
        return f"[{', '.join(_literal(type.of_type, item) for item in value)}]"
    if is_enum_type(type):
        return str(value)
    if is_input_object_type(type):
        fields = (f"{key}: {_literal(type.fields[key].type, item)}" for key, item in value.items())
        return f"{{{', '.join(fields)}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else f'"{value}"'
