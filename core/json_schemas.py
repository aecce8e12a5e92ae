"""JSON schemas (draft 2020-12) that callers give: which are taken, and what does not match one.

A schema of a stranger is a program. Nothing is fetched for it, a regular expression of it has a
second, and a validation a number of steps: references can make a schema of some lines larger than
any machine.
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
# They would make a schema mean something else for whoever reads it in parts.
_UNSUPPORTED = ("patternProperties", "$dynamicRef", "$id", "$anchor", "$dynamicAnchor")

Schema = dict[str, Any]
_NULL: Schema = {"type": "null"}


class _TooMuch(Exception):
    """A validation has taken all of its steps."""


def check_object_schema(value: Any, *path: str | int) -> Schema:
    """Return a schema of objects without its `$id` and `$schema`, which say nothing here.

    Raises `InvalidInput` for what is no such schema, is too large, or refers beyond itself.
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
        raise InvalidInput(f"This is no JSON schema: {_told(error)}.", *path) from None
    except _Refused as error:
        raise InvalidInput(str(error), *path) from None
    except (RecursionError, _TooMuch):
        raise InvalidInput("The schema goes round in circles, or too deep.", *path) from None
    return schema


def validation_problem(schema: Schema, data: Any) -> str | None:
    """Return what is wrong with data by a checked schema, None when nothing is.

    A null inside of it is right everywhere: it stands for what nobody knows.
    """
    try:
        errors = [error for error in _bounded(schema).iter_errors(data) if not _forgiven(error)]
    except (RecursionError, _TooMuch):
        return "it is too large to be checked"
    except TimeoutError:
        return "it takes too long to be compared with a pattern of the schema"
    except Unresolvable:
        return "a reference leads to nothing"
    return _told(best_match(errors)) if errors else None


def resolve_references(schema: Schema, part: Any) -> Schema:
    """Return a part of a checked schema with its references and conjunctions put in.

    What stands beside a reference comes before what it leads to. What goes round in circles ends as
    what it has been so far.
    """
    found: Schema = {}
    waiting, seen = [part], 0
    while waiting and seen < MOST_OBJECTS:
        each, seen = waiting.pop(0), seen + 1
        if not isinstance(each, dict):
            continue
        for name, value in each.items():
            if name in ("properties", "$defs") and name in found:
                found[name] = {**value, **found[name]}
            elif name not in ("$ref", "allOf"):
                found.setdefault(name, value)
        if "$ref" in each:
            waiting.append(_target(schema, each["$ref"]))
        waiting += each.get("allOf", ())
    return found


def with_nulls(part: Any) -> Any:
    """Return a checked schema, or a part of one, that takes null for every property as well."""
    if not isinstance(part, dict):
        return part
    found = dict(part)
    for name in _SINGLE:
        if name in found:
            found[name] = with_nulls(found[name])
    for name in _NAMED:
        if name in found:
            found[name] = {key: with_nulls(item) for key, item in found[name].items()}
    for name in _LISTED:
        if name in found:
            found[name] = [with_nulls(item) for item in found[name]]
    if "properties" in found:
        properties = found["properties"].items()
        found["properties"] = {key: {"anyOf": [each, _NULL]} for key, each in properties}
    return found


class _Refused(Exception):
    """A schema that is one, but is not taken."""


def _check_parts(schema: Schema) -> None:
    parts: dict[int, Schema] = {}
    for place, part in _parts_of(schema):
        parts[id(part)] = part
        for name in _UNSUPPORTED:
            if name in part:
                raise _Refused(f"{name} is not supported, and stands at {place}.")
        reference = part.get("$ref", "#")
        if not reference.startswith("#"):
            raise _Refused(
                f"The $ref {reference[:80]!r} at {place} must begin with #: nothing is fetched."
            )
        _check_pattern(part.get("pattern", ""), place)
    for place, part in _parts_of(schema):
        if "$ref" in part and id(_target(schema, part["$ref"])) not in parts:
            raise _Refused(f"The $ref {part['$ref'][:80]!r} at {place} leads to no schema.")


def _check_pattern(pattern: str, place: str) -> None:
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise _Refused(f"The pattern at {place} cannot be read: {error}.") from None
    if len(pattern) > LONGEST_PATTERN:
        raise _Refused(f"The pattern at {place} has more than {LONGEST_PATTERN:,} characters.")


def _check_describes_object(schema: Schema) -> None:
    whole = resolve_references(schema, schema)
    types = whole.get("type", "object" if "properties" in whole else None)
    if types != "object" and not (isinstance(types, list) and "object" in types):
        raise _Refused('The schema must describe an object: "type": "object", with "properties".')
    # One that refers to itself without end is found by whatever it is asked first.
    list(_bounded(schema, MOST_OBJECTS).iter_errors({}))


def _parts_of(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield each schema in a schema, itself first, with the place where it stands."""
    waiting: list[tuple[str, Any]] = [("the top", schema)]
    while waiting:
        place, part = waiting.pop()
        if not isinstance(part, dict):
            continue
        yield place, part
        below = "" if part is schema else f"{place}."
        for name in _SINGLE:
            waiting.append((f"{below}{name}", part.get(name)))
        for name in _NAMED:
            for key, item in part.get(name, {}).items():
                waiting.append((f"{below}{name}.{key}"[:_LONGEST_REASON], item))
        for name in _LISTED:
            for position, item in enumerate(part.get(name, ())):
                waiting.append((f"{below}{name}.{position}", item))


def _target(schema: Schema, reference: str) -> Any:
    """Return what a reference leads to, None when that is nothing."""
    resource = DRAFT202012.create_resource(schema)
    try:
        return Registry().with_resource("", resource).resolver().lookup(reference).contents
    except (Unresolvable, ValueError):
        return None


def _bounded(schema: Schema, steps: int = MOST_STEPS) -> Any:
    """Return a validator that raises `_TooMuch` when it would take more steps."""
    left = steps

    def counted(check: Any) -> Any:
        def run(*arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise _TooMuch
            return check(*arguments)

        return run

    checks = {name: counted(check) for name, check in _CHECKS.items()}
    return extend(Draft202012Validator, checks)(schema, registry=Registry())


def _pattern(_validator: Any, pattern: str, text: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(text, str) and not regex.search(pattern, text, timeout=PATTERN_SECONDS):
        yield ValidationError(f"{text!r} does not match {pattern!r}")


_CHECKS: Mapping[str, Any] = {**Draft202012Validator.VALIDATORS, "pattern": _pattern}


def _forgiven(error: ValidationError) -> bool:
    """Tell whether an error is about nothing but nulls."""
    if error.instance is None:
        return bool(error.absolute_path)
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        return False
    branches: dict[Any, list[ValidationError]] = {}
    for each in error.context:
        branches.setdefault(each.schema_path[0], []).append(each)
    return any(all(map(_forgiven, errors)) for errors in branches.values())


def _told(error: Any) -> str:
    place = ".".join(str(step) for step in error.absolute_path)
    # The message repeats the value, however long that is.
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
