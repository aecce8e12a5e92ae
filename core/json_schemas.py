"""JSON schemas (draft 2020-12) from callers: which are accepted, and validation against them.

A schema from an untrusted caller is a program. So nothing is fetched for it, a regular expression
may run for one second, and a validation may take a limited number of steps: references can expand
a schema of a few lines beyond the memory of any machine.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import regex
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from core.errors import InvalidInput
from core.validation import is_storable

LARGEST_SCHEMA = 65_536
MOST_OBJECTS = 2_000
LONGEST_PATTERN = 1_000
MOST_STEPS = 50_000
PATTERN_SECONDS = 1.0
_LONGEST_REASON = 300

_NAMED = ("properties", "$defs", "definitions", "dependentSchemas")
_LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = (
    *("items", "additionalProperties", "contains", "not", "if", "then", "else"),
    *("propertyNames", "unevaluatedItems", "unevaluatedProperties"),
)
# With these keywords, a part of a schema could not be interpreted without the rest.
_UNSUPPORTED = ("patternProperties", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor")

Schema = dict[str, Any]
_NULL: Schema = {"type": "null"}


class _TooManySteps(Exception):
    """A validation has exceeded its number of steps."""


def check_object_schema(value: Any, *path: str | int) -> Schema:
    """Return a schema of objects without `$id` and `$schema`, which have no meaning here.

    Raises `InvalidInput` if the value is not a schema of objects, is too large, uses an unsupported
    keyword, or refers to something outside of itself.
    """
    if not isinstance(value, dict):
        raise InvalidInput("A schema must be a JSON object.", *path)
    try:
        encoded = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"A schema must be plain JSON: {error}.", *path) from None
    if len(encoded) > LARGEST_SCHEMA:
        size = f"at most {LARGEST_SCHEMA:,} bytes, it has {len(encoded):,}"
        raise InvalidInput(f"A schema must have {size}.", *path)
    if b"\\u0000" in encoded and not _is_storable(value):
        raise InvalidInput("A schema must not contain NUL characters.", *path)
    if (objects := _objects_in(value)) > MOST_OBJECTS:
        raise InvalidInput(
            f"A schema may consist of at most {MOST_OBJECTS:,} objects, it has {objects:,}.", *path
        )
    schema = {name: item for name, item in value.items() if name not in ("$id", "$schema")}
    try:
        Draft202012Validator.check_schema(schema)
        _check_parts(schema)
        _check_describes_object(schema)
    except SchemaError as error:
        raise InvalidInput(f"This is not a JSON schema: {_message(error)}.", *path) from None
    except _SchemaRejected as error:
        raise InvalidInput(str(error), *path) from None
    except (RecursionError, _TooManySteps):
        raise InvalidInput("The schema is circular or nested too deeply.", *path) from None
    return schema


def validation_problem(schema: Schema, data: Any) -> str | None:
    """Return why data does not match a checked schema, or None if it does.

    A null inside of the data is valid everywhere: it stands for an unknown value.
    """
    try:
        validator = _limited_validator(schema)
        errors = [error for error in validator.iter_errors(data) if not _is_about_nulls(error)]
    except (RecursionError, _TooManySteps):
        return "it is too large to be checked"
    except TimeoutError:
        return "it takes too long to be compared with a pattern of the schema"
    except Unresolvable:
        return "a reference cannot be resolved"
    return _message(best_match(errors)) if errors else None


def resolve_references(schema: Schema, part: Any) -> Schema:
    """Return a part of a checked schema, merged with its references and the items of its `allOf`.

    Keywords beside a reference take precedence over those of its target. A circular reference is
    followed a limited number of times.
    """
    merged: Schema = {}
    pending, visited = [part], 0
    while pending and visited < MOST_OBJECTS:
        each, visited = pending.pop(0), visited + 1
        if not isinstance(each, dict):
            continue
        for name, value in each.items():
            if name in ("properties", "$defs") and name in merged:
                merged[name] = {**value, **merged[name]}
            elif name not in ("$ref", "allOf"):
                merged.setdefault(name, value)
        if "$ref" in each:
            pending.append(_target(schema, each["$ref"]))
        pending += each.get("allOf", ())
    return merged


def with_nulls(part: Any) -> Any:
    """Return a checked schema, or a part of one, that also allows null for every property."""
    if not isinstance(part, dict):
        return part
    copy = dict(part)
    for name in _SINGLE:
        if name in copy:
            copy[name] = with_nulls(copy[name])
    for name in _NAMED:
        if name in copy:
            copy[name] = {key: with_nulls(item) for key, item in copy[name].items()}
    for name in _LISTED:
        if name in copy:
            copy[name] = [with_nulls(item) for item in copy[name]]
    if "properties" in copy:
        properties = copy["properties"].items()
        copy["properties"] = {key: {"anyOf": [each, _NULL]} for key, each in properties}
    return copy


class _SchemaRejected(Exception):
    """A valid schema that is not accepted; the message is for the caller."""


def _check_parts(schema: Schema) -> None:
    parts: dict[int, Schema] = {}
    for place, part in _parts_of(schema):
        parts[id(part)] = part
        for name in _UNSUPPORTED:
            if name in part:
                raise _SchemaRejected(f"{name} at {place} is not supported.")
        reference = part.get("$ref", "#")
        if not reference.startswith("#"):
            raise _SchemaRejected(
                f"The $ref {reference[:80]!r} at {place} must begin with #: nothing is fetched."
            )
        _check_pattern(part.get("pattern", ""), place)
    for place, part in _parts_of(schema):
        if "$ref" in part and id(_target(schema, part["$ref"])) not in parts:
            raise _SchemaRejected(
                f"The $ref {part['$ref'][:80]!r} at {place} does not refer to a schema."
            )


def _check_pattern(pattern: str, place: str) -> None:
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise _SchemaRejected(f"The pattern at {place} is not valid: {error}.") from None
    if len(pattern) > LONGEST_PATTERN:
        raise _SchemaRejected(
            f"The pattern at {place} has more than {LONGEST_PATTERN:,} characters."
        )


def _check_describes_object(schema: Schema) -> None:
    whole = resolve_references(schema, schema)
    types = whole.get("type", "object" if "properties" in whole else None)
    if types != "object" and not (isinstance(types, list) and "object" in types):
        raise _SchemaRejected(
            'The schema must describe an object: "type": "object", with "properties".'
        )
    # A first validation detects a schema that refers to itself without end.
    list(_limited_validator(schema, MOST_OBJECTS).iter_errors({}))


def _parts_of(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield each schema in a schema, itself first, with its place."""
    pending: list[tuple[str, Any]] = [("the top", schema)]
    while pending:
        place, part = pending.pop()
        if not isinstance(part, dict):
            continue
        yield place, part
        below = "" if part is schema else f"{place}."
        for name in _SINGLE:
            pending.append((f"{below}{name}", part.get(name)))
        for name in _NAMED:
            for key, item in part.get(name, {}).items():
                pending.append((f"{below}{name}.{key}"[:_LONGEST_REASON], item))
        for name in _LISTED:
            for position, item in enumerate(part.get(name, ())):
                pending.append((f"{below}{name}.{position}", item))


def _target(schema: Schema, reference: str) -> Any:
    """Return the target of a reference, or None if it cannot be resolved."""
    resource = DRAFT202012.create_resource(schema)
    try:
        return Registry().with_resource("", resource).resolver().lookup(reference).contents
    except (Unresolvable, ValueError):
        return None


def _limited_validator(schema: Schema, steps: int = MOST_STEPS) -> Any:
    """Return a validator that raises `_TooManySteps` after a number of steps."""
    left = steps

    def counted(check: Any) -> Any:
        def run(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise _TooManySteps
            return check(*arguments)

        return run

    checks = {name: counted(check) for name, check in _CHECKS.items()}
    return extend(Draft202012Validator, checks)(schema, registry=Registry())


def _pattern(_validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(text, str) and not regex.search(pattern, text, timeout=PATTERN_SECONDS):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


_CHECKS: Mapping[str, Any] = {**Draft202012Validator.VALIDATORS, "pattern": _pattern}


def _is_about_nulls(error: ValidationError) -> bool:
    """Return whether an error is only about nulls."""
    if error.instance is None:
        return bool(error.absolute_path)
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        return False
    branches: dict[Any, list[ValidationError]] = {}
    for each in error.context:
        branches.setdefault(each.schema_path[0], []).append(each)
    return any(all(map(_is_about_nulls, errors)) for errors in branches.values())


def _message(error: Any) -> str:
    place = ".".join(str(step) for step in error.absolute_path)
    # The library's message repeats the value, which can be long.
    message = error.message
    if len(message) > _LONGEST_REASON:
        half = _LONGEST_REASON // 2
        message = f"{message[:half]} … {message[-half:]}"
    return f"{place}: {message}" if place else message


def _objects_in(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects_in, value.values()))
    return sum(map(_objects_in, value)) if isinstance(value, list) else 0


def _is_storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(is_storable(key) and _is_storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_storable, value))
    return not isinstance(value, str) or is_storable(value)
