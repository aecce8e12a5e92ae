"""Schemas of strangers: which are taken, and what a value is held to be worth by them."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.errors import InvalidInput
from core.json_schemas import (
    LARGEST_SCHEMA,
    MOST_OBJECTS,
    check_object_schema,
    resolve_references,
    validation_problem,
    with_nulls,
)

NAME = {"type": "string"}
TEXTS = {"type": "array", "items": NAME}


def asking(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = NAME
    for _ in range(depth):
        schema = {"not": schema}
    return asking(a=schema)


def doubling(levels: int) -> dict[str, Any]:
    """Return a schema of a few lines that is 2 ** levels schemas long when it is followed."""
    names = [f"#/$defs/a{level + 1}" for level in range(levels)]
    parts: dict[str, Any] = {
        f"a{level}": {"allOf": [{"$ref": name}, {"$ref": name}]} for level, name in enumerate(names)
    }
    return {
        "type": "object",
        "$defs": {**parts, f"a{levels}": {}},
        "allOf": [{"$ref": "#/$defs/a0"}],
    }


BAD: dict[str, tuple[Any, str]] = {
    "true": (True, "A schema must be a JSON object."),
    "a list": ([], "A schema must be a JSON object."),
    "nothing": ({}, "The schema must describe an object"),
    "a text": (NAME, "The schema must describe an object"),
    "a list of objects": (
        {"type": "array", "items": asking()},
        "The schema must describe an object",
    ),
    "an unknown type": (
        {"type": "objekt"},
        "This is not a JSON schema: type: 'objekt' is not valid",
    ),
    "a wrong keyword deep down": (
        asking(a={"minLength": "x"}),
        "This is not a JSON schema: properties.a.minLength: 'x' is not of type 'integer'.",
    ),
    "an address": (
        asking(a={"$ref": "https://example.com/a.json"}),
        "The $ref 'https://example.com/a.json' at properties.a must begin with #",
    ),
    "a file": (
        asking(a={"items": {"$ref": "file:///etc/passwd"}}),
        "The $ref 'file:///etc/passwd' at",
    ),
    "a name": (asking(a={"$ref": "other.json"}), "The $ref 'other.json' at properties.a must"),
    "nowhere": (
        asking(a={"$ref": "#/$defs/b"}),
        "The $ref '#/$defs/b' at properties.a does not refer",
    ),
    "what is no schema": (
        {**asking(a={"$ref": "#/x"}), "x": {"patternProperties": {"(a+)+$": {}}}},
        "The $ref '#/x' at properties.a does not refer to a schema.",
    ),
    "another base": (
        asking(a={"$id": "https://example.com/"}),
        "$id at properties.a is not supported",
    ),
    "a dynamic reference": (
        asking(a={"$dynamicRef": "#a"}),
        "$dynamicRef at properties.a is not supported",
    ),
    "names by a pattern": (
        asking(a={"patternProperties": {"^x": {}}}),
        "patternProperties at properties.a is not",
    ),
    "no pattern": (asking(a={"pattern": "("}), "This is not a JSON schema: properties.a.pattern"),
    "a long pattern": (asking(a={"pattern": "a" * 1_001}), "The pattern at properties.a has more"),
    "a circle": ({"type": "object", "$ref": "#"}, "The schema is circular"),
    "a bomb": (doubling(40), "The schema is circular or nested too deeply."),
    "depth": (nested(400), "A schema must be plain JSON"),
    "NUL": (asking(a={"title": "\0"}), "A schema must not contain NUL characters."),
    "a long one": ({"type": "object", "title": "x" * LARGEST_SCHEMA}, "A schema must have at most"),
    "a large one": (
        asking(**{f"p{n}": {} for n in range(MOST_OBJECTS)}),
        "A schema may consist of at most 2,000 objects, it has 2,002.",
    ),
    "what is no JSON": ({"type": "object", "default": {1, 2}}, "A schema must be plain JSON"),
}


@pytest.mark.parametrize(("schema", "said"), BAD.values(), ids=BAD)
def test_refusals_name_the_reason(schema: Any, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_object_schema(schema, "input", "schema")
    assert caught.value.path == ("input", "schema")
    assert caught.value.message.startswith(said), caught.value.message
    assert len(caught.value.message) < 500


GOOD = {
    "properties alone": {"properties": {"a": NAME}},
    "an object or nothing": {"type": ["object", "null"], "properties": {"a": NAME}},
    "definitions": {
        "$ref": "#/$defs/A",
        "$defs": {"A": asking(a={"$ref": "#/$defs/B"}), "B": NAME},
    },
    "a tree": {"$ref": "#/$defs/T", "$defs": {"T": asking(next={"$ref": "#/$defs/T"}, n=NAME)}},
    "names that are keywords": asking(**{"$ref": NAME, "$id": NAME, "patternProperties": NAME}),
    "a pattern": asking(a={"type": "string", "pattern": "^(a+)+$"}),
    "many": asking(**{f"p{n}": {} for n in range(MOST_OBJECTS - 2)}),
    "a conjunction": {"allOf": [asking(a=NAME)]},
}


@pytest.mark.parametrize("schema", GOOD.values(), ids=GOOD)
def test_accepted_schemas_stay_unchanged(schema: dict[str, Any]) -> None:
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://a.b/c", **schema}
    assert check_object_schema(whole) == schema


PERSON = {
    **asking(
        name={"type": "string", "maxLength": 5},
        home=asking(city=NAME) | {"required": ["city"]},
        age={"anyOf": [{"type": "integer"}, {"enum": ["unknown"]}]},
        pets={"type": "array", "items": asking(name=NAME)},
        code={"type": "string", "pattern": "^(a+)+$"},
        place={"oneOf": [asking(x=NAME) | {"required": ["x"]}, NAME]},
    ),
    "required": ["name", "age"],
    "additionalProperties": False,
}
RIGHT: list[Any] = [
    {"name": "Anna", "age": 5},
    {"name": "Anna", "age": "unknown", "home": {"city": "Rome"}, "pets": [{"name": "Rex"}]},
    {"name": None, "age": None},
    {"name": "Anna", "age": None, "home": {"city": None}, "pets": [{"name": None}]},
    {"name": "Anna", "age": None, "pets": None, "place": {"x": None}, "code": "aaa"},
]
WRONG: list[tuple[Any, str]] = [
    (None, "None is not of type 'object'"),
    ([], "[] is not of type 'object'"),
    ({"name": "Anna"}, "'age' is a required property"),
    ({"name": "Annabel", "age": 1}, "name: 'Annabel' is too long"),
    ({"name": "Anna", "age": 1.5}, "age: 1.5 is not valid under any of the given schemas"),
    ({"name": "Anna", "age": 1, "pets": [{"name": 7}]}, "pets.0.name: 7 is not of type 'string'"),
    ({"name": "Anna", "age": 1, "home": {}}, "home: 'city' is a required property"),
    ({"name": "Anna", "age": 1, "place": {"x": 7}}, "place.x: 7 is not of type 'string'"),
    ({"name": "Anna", "age": 1, "size": None}, "Additional properties are not allowed"),
    ({"name": "Anna", "age": 1, "code": "b"}, "code: 'b' does not match '^(a+)+$'"),
]


@pytest.mark.parametrize("data", RIGHT)
def test_nulls_do_not_break_a_match(data: Any) -> None:
    assert validation_problem(PERSON, data) is None


@pytest.mark.parametrize(("data", "said"), WRONG)
def test_mismatches_are_reported(data: Any, said: str) -> None:
    problem = validation_problem(PERSON, data)
    assert problem is not None
    assert problem.startswith(said), problem


def test_endless_validation_is_refused() -> None:
    many = {**PERSON, "properties": {"l": {"type": "array", "items": asking(a=NAME)}}}
    data = {"name": 1, "age": 1, "l": [{"a": "b"}] * 30_000}
    assert validation_problem(many, data) == "it is too large to be checked"
    slow = asking(a={"type": "string", "pattern": r"^(\w+\s?)*(x|y\b)*z$"})
    assert validation_problem(slow, {"a": "a" * 200}) is not None


def test_only_null_is_added_to_a_schema() -> None:
    relaxed = Draft202012Validator(with_nulls(PERSON))
    assert all(relaxed.is_valid(data) for data in RIGHT)
    assert not any(relaxed.is_valid(data) for data, _ in WRONG)


def test_keywords_beside_a_reference_come_first() -> None:
    whole = {
        "$defs": {"A": {"type": "string", "title": "A"}, "B": {"$ref": "#/$defs/A", "maxLength": 3}}
    }
    part = {"allOf": [{"$ref": "#/$defs/B"}], "title": "Mine"}
    assert resolve_references(whole, part) == {"type": "string", "title": "Mine", "maxLength": 3}
    assert resolve_references({**whole, "$ref": "#"}, {"$ref": "#"})["$defs"] == whole["$defs"]
