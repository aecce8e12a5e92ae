"""The fields of a JSON schema.

The trap is a schema that refers to itself and so has infinitely many fields: only a few levels are
followed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.errors import InvalidInput
from core.json_schemas import Schema, resolve_references

MOST_FIELDS = 200
DEEPEST = 6
_MOST_ITEMS = 10
_LONGEST_WORDS = 1_000

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_JOINT = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Field:
    """A property, nested ones included, with one value or a list of up to `most` values.

    The value, or each value of the list, must match one of the `options`; without options only null
    is possible. `words` describe the field in plain words.
    """

    path: tuple[str, ...]
    words: str
    options: tuple[Schema, ...]
    most: int | None = None
    least: int = 0

    @property
    def name(self) -> str:
        """The name of the property in plain words."""
        return plain_words(self.path[-1])


def fields_of(schema: Schema, *path: str | int) -> list[Field]:
    """Return the fields of a checked schema of objects, in the schema's order.

    Raises `InvalidInput` if there are more than 200.
    """
    fields: list[Field] = []
    for field in _fields(schema, resolve_references(schema, schema), (), ()):
        if len(fields) == MOST_FIELDS:
            raise InvalidInput(f"A schema may have at most {MOST_FIELDS} fields.", *path)
        fields.append(field)
    return fields


def build_object(values: list[tuple[Field, Any]]) -> dict[str, Any]:
    """Return the object whose fields have these values."""
    whole: dict[str, Any] = {}
    for field, value in values:
        at = whole
        for step in field.path[:-1]:
            at = at.setdefault(step, {})
        at[field.path[-1]] = value
    return whole


def plain_words(name: str) -> str:
    """Return the name of a property as words: "favoriteColor" as "favorite color"."""
    return " ".join(_JOINT.sub(" ", _HUMP.sub(" ", name)).lower().split())


def _fields(
    whole: Schema, schema: Schema, path: tuple[str, ...], words: tuple[str, ...]
) -> Iterator[Field]:
    for name, part in schema.get("properties", {}).items():
        options = _options(whole, part)
        described = (*words, *_words(name, resolve_references(whole, part)))
        here = (*path, name)
        objects = [option for option in options if _is_object(option)]
        if len(options) == 1 and objects and objects[0].get("properties") and len(here) < DEEPEST:
            yield from _fields(whole, objects[0], here, (*words, plain_words(name)))
        elif len(options) == 1 and _type(options[0]) == "array":
            yield _list(whole, options[0], here, _joined(described))
        else:
            yield Field(here, _joined(described), _single(options))


def _list(whole: Schema, schema: Schema, path: tuple[str, ...], words: str) -> Field:
    options = _options(whole, schema.get("items", {}))
    most = min(schema.get("maxItems", _MOST_ITEMS), _MOST_ITEMS)
    return Field(path, words, _single(options), int(most), int(schema.get("minItems", 0)))


def _single(options: list[Schema]) -> tuple[Schema, ...]:
    """Return the options that are neither objects nor lists."""
    return tuple(
        option for option in options if not _is_object(option) and _type(option) != "array"
    )


def _options(whole: Schema, part: Any) -> list[Schema]:
    """Return the alternatives of a value other than null, each with at most one type."""
    schema = resolve_references(whole, part)
    alternatives = schema.get("anyOf") or schema.get("oneOf") or [{}]
    own = {name: value for name, value in schema.items() if name not in ("anyOf", "oneOf")}
    options: list[Schema] = []
    for alternative in alternatives:
        option = {**own, **resolve_references(whole, alternative)}
        types = option.get("type")
        for type in types if isinstance(types, list) else [types]:
            if type != "null":
                options.append({**option, "type": type} if type else option)
    return options


def _type(schema: Schema) -> str | None:
    type: str | None = schema.get("type")
    if type is None and "items" in schema:
        return "array"
    return type


def _is_object(schema: Schema) -> bool:
    return _type(schema) == "object" or (_type(schema) is None and "properties" in schema)


def _words(name: str, schema: Schema) -> Iterator[str]:
    yield plain_words(name)
    for key in ("title", "description"):
        text = schema.get(key)
        if isinstance(text, str) and plain_words(text) != plain_words(name):
            yield text.strip()


def _joined(words: tuple[str, ...]) -> str:
    return " ".join(word for word in words if word)[:_LONGEST_WORDS]
