"""mem0's filter language, translated into the filter tree of the other layers.

All keys of an object must hold, also an OR beside an AND. What mem0 rejects is rejected with its
path.
"""

import ast
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import orjson

from core.errors import InvalidInput
from core.filters.tree import (
    ENTITY_TYPE_OF_FIELD,
    And,
    Condition,
    Field,
    Filter,
    FilterBuilder,
    Not,
    Or,
)
from core.json_bodies import parse_json
from core.timestamps import parse_datetime

LONGEST_LITERAL = 65_536
_RANGE = ("gt", "gte", "lt", "lte")
_ENTITIES = {
    "user_id": Field.USER_ID,
    "agent_id": Field.AGENT_ID,
    "app_id": Field.APP_ID,
    "run_id": Field.RUN_ID,
}
_MOMENTS = {
    "created_at": Field.CREATED_AT,
    "updated_at": Field.UPDATED_AT,
    "timestamp": Field.TIMESTAMP,
}
_TEXTS = ("text", "keywords", "keywords_search")
_KEYS = (
    *("AND", "OR", "NOT", *_ENTITIES, *_MOMENTS),
    *("expiration_date", *_TEXTS, "categories", "metadata", "memory_ids"),
)


def parse_filter(value: Any, *path: str, scoped: bool) -> Filter | None:
    """Return a filter, or None for None.

    With `scoped`, the filter must name an entity. Raises `InvalidInput` with the path of what is
    not part of the language.
    """
    filter = None if value is None else _Translation().tree(value, 1, path)
    if scoped and not _names_entity(filter):
        message = "Name an entity: add user_id, agent_id, app_id or run_id to filters."
        raise InvalidInput(message, *path)
    return filter


def entity_filter(names: Mapping[str, str]) -> Filter | None:
    """Return the filter of memories that are about all named entities; `*` matches any name."""
    return parse_filter(dict(names), scoped=False) if names else None


def parse_literal(text: str) -> Any:
    """Return the value of a query parameter in JSON or in Python's notation.

    Raises `InvalidInput` if it is neither, or too long.
    """
    if len(text) > LONGEST_LITERAL:
        raise InvalidInput(f"filters may have at most {LONGEST_LITERAL:,} characters.", "filters")
    try:
        return parse_json(text)
    except orjson.JSONDecodeError:
        pass
    try:
        # Encoding rejects values that only Python has, such as sets and keys that are not strings.
        return orjson.loads(orjson.dumps(ast.literal_eval(text)))
    except (TypeError, ValueError, SyntaxError, MemoryError, RecursionError):
        raise InvalidInput("filters must be a JSON object.", "filters") from None


def _names_entity(filter: Filter | None) -> bool:
    """Return whether a filter has a condition on an entity that is not under a NOT."""
    if isinstance(filter, Condition):
        return filter.field in ENTITY_TYPE_OF_FIELD
    if isinstance(filter, And | Or):
        return any(_names_entity(part) for part in filter.parts)
    return False


class _Translation:
    """Translates one filter; the limit of conditions applies to the whole of it."""

    def __init__(self) -> None:
        self._builder = FilterBuilder()

    def tree(self, object: Any, depth: int, path: tuple[str, ...]) -> Filter:
        """Return the filter of an object of the language."""
        self._builder.check_depth(depth, *path)
        if not isinstance(object, dict):
            raise _invalid("must be an object", path)
        parts = [self._part(key, value, depth, (*path, key)) for key, value in object.items()]
        return parts[0] if len(parts) == 1 else self._builder.conjunction(parts, *path)

    def _part(self, key: str, value: Any, depth: int, at: tuple[str, ...]) -> Filter:
        if key in ("AND", "OR"):
            if not isinstance(value, list):
                raise _invalid("must be a list of objects", at)
            parts = [
                self.tree(item, depth + 1, (*at, str(position)))
                for position, item in enumerate(value)
            ]
            join = self._builder.conjunction if key == "AND" else self._builder.disjunction
            return join(parts, *at)
        if key == "NOT":
            if isinstance(value, list):
                return Not(self._part("OR", value, depth, at))
            return Not(self.tree(value, depth + 1, at))
        if key in _ENTITIES:
            return self._entity(_ENTITIES[key], value, at)
        if key in _MOMENTS:
            return self._time(_MOMENTS[key], value, at, _moment)
        if key == "expiration_date":
            return self._time(Field.EXPIRATION_DATE, value, at, _day)
        if key in _TEXTS:
            return self._text(value, at)
        if key == "categories":
            return self._categories(value, at)
        if key == "metadata":
            return self._metadata(value, at)
        if key == "memory_ids":
            return self._ids(value, at)
        raise InvalidInput(f"{key!r} is not one of {', '.join(_KEYS)}.", *at)

    def _entity(self, field: Field, value: Any, at: tuple[str, ...]) -> Filter:
        if isinstance(value, dict):
            operators = _operators(value, ("eq", "ne", "in"), at)
            parts = [self._named(field, name, operand, at) for name, operand in operators.items()]
            return self._all(parts, at)
        return self._named(field, "eq", value, at)

    def _named(self, field: Field, name: str, value: Any, at: tuple[str, ...]) -> Filter:
        if value == "*" and name in ("eq", "ne"):
            return self._one(field, {"exists": name == "eq"}, at)
        if name == "in":
            return self._one(field, {"in": [_string(item, at) for item in _list(value, at)]}, at)
        return self._one(field, {name: _string(value, at)}, at)

    def _time(
        self,
        field: Field,
        value: Any,
        at: tuple[str, ...],
        read: Callable[[Any, tuple[str, ...]], datetime | date],
    ) -> Filter:
        operands = value if isinstance(value, dict) else {"": value}
        if isinstance(value, dict):
            _operators(value, ("ne", "in", *_RANGE), at)
        parts: list[Filter] = []
        for name, operand in operands.items():
            if name == "in":
                items = [self._when(field, "", read(one, at), at) for one in _list(operand, at)]
                parts.append(self._builder.disjunction(items, *at))
            else:
                parts.append(self._when(field, name, read(operand, at), at))
        return self._all(parts, at)

    def _when(self, field: Field, name: str, value: datetime | date, at: tuple[str, ...]) -> Filter:
        """Return the comparison with a time, or with a whole day if the field has times."""
        if field is Field.EXPIRATION_DATE or isinstance(value, datetime):
            return self._one(field, {name or "eq": value}, at)
        start = datetime.combine(value, time.min, UTC)
        end = datetime.combine(value, time.max, UTC)
        if name in ("", "ne"):
            within = And(tuple(self._builder.conditions(field, {"gte": start, "lte": end}, *at)))
            return Not(within) if name else within
        return self._one(field, {name: end if name in ("gt", "lte") else start}, at)

    def _text(self, value: Any, at: tuple[str, ...]) -> Filter:
        if not isinstance(value, dict):
            return self._one(Field.TEXT, {"icontains": _string(value, at)}, at)
        given = _operators(value, ("contains", "icontains"), at)
        operators = {name: _string(text, at) for name, text in given.items()}
        return self._all(self._builder.conditions(Field.TEXT, operators, *at), at)

    def _categories(self, value: Any, at: tuple[str, ...]) -> Filter:
        given = value if isinstance(value, dict) else {"in": value}
        _operators(given, ("in", "contains"), at)
        operators: dict[str, Any] = {}
        for name, operand in given.items():
            if name == "contains":
                operators[name] = _string(operand, at)
            else:
                items = [operand] if isinstance(operand, str) else _list(operand, at)
                operators[name] = [_string(item, at) for item in items]
        return self._all(self._builder.conditions(Field.CATEGORIES, operators, *at), at)

    def _metadata(self, value: Any, at: tuple[str, ...]) -> Filter:
        if not isinstance(value, dict) or not value:
            raise _invalid("must be an object of keys and values", at)
        parts: list[Filter] = []
        for key, item in value.items():
            here = (*at, key)
            if isinstance(item, dict) and set(item) & {*_RANGE, "in", "nin"}:
                raise _invalid("supports only eq, ne and contains", here)
            known = isinstance(item, dict) and item and set(item) <= {"eq", "ne", "contains"}
            operators = item if known else {"eq": item}
            if any(operand is None for operand in operators.values()):
                raise _invalid("cannot be compared with null", here)
            parts += self._builder.conditions(Field.METADATA, operators, *here, key=key)
        return self._all(parts, at)

    def _ids(self, value: Any, at: tuple[str, ...]) -> Filter:
        if isinstance(value, dict):
            value = _operators(value, ("in",), at)["in"]
        ids = [_string(item, at).lower() for item in _list(value, at)]
        return self._builder.one_of(Field.IDS, ids, *at)

    def _one(self, field: Field, operators: dict[str, Any], at: tuple[str, ...]) -> Filter:
        (condition,) = self._builder.conditions(field, operators, *at)
        return condition

    def _all(self, parts: list[Filter], at: tuple[str, ...]) -> Filter:
        return parts[0] if len(parts) == 1 else self._builder.conjunction(parts, *at)


def _invalid(reason: str, at: tuple[str, ...]) -> InvalidInput:
    return InvalidInput(f"{'.'.join(at)} {reason}." if at else f"The filter {reason}.", *at)


def _operators(operators: dict[str, Any], known: tuple[str, ...], at: tuple[str, ...]) -> Any:
    for name in operators:
        if name not in known:
            raise InvalidInput(f"{name!r} is not one of {', '.join(known)}.", *at, str(name))
    if not operators:
        raise _invalid(f"needs one of {', '.join(known)}", at)
    return operators


def _string(value: Any, at: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise _invalid("must be a string", at)
    return value


def _list(value: Any, at: tuple[str, ...]) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid("must be a list", at)
    return value


def _moment(value: Any, at: tuple[str, ...]) -> datetime | date:
    """Return a datetime, or a date if the value has no time."""
    try:
        text = _string(value, at)
        if len(text) == len("2026-01-01"):
            return date.fromisoformat(text)
        return parse_datetime(text)
    except ValueError:
        raise _invalid("must be a date such as 2026-03-01, or 2026-03-01T09:30:00Z", at) from None


def _day(value: Any, at: tuple[str, ...]) -> date:
    try:
        return date.fromisoformat(_string(value, at)[:10])
    except ValueError:
        raise _invalid("must be a date such as 2026-03-01", at) from None
