"""Filters of memories as SQL, for both dialects, over any table with the columns of `memories`.

A filter becomes a `Shape`, which has its structure without the compared values, and values for the
parameters of that shape. A statement is built once per shape. Every NOT is pushed down to the
conditions, and a negated condition is `condition IS NOT TRUE`. So a missing value never matches a
condition, and conditions that are not negated stay simple enough for an index.
"""

import sqlite3
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from itertools import count
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    collate,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH

from core.entity_names import ENTITY_KEYS
from core.filters.metadata import metadata_matches, split_path
from core.filters.tree import (
    ENTITY_TYPE_OF_FIELD,
    UNARY,
    And,
    Condition,
    Field,
    Filter,
    Not,
    Operator,
    Or,
)
from storage.sql.aliases import alias_of
from storage.sql.id_arrays import prevent_index_use
from storage.tables.columns import UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Entity

Shape = tuple[Any, ...]
Clause = ColumnElement[bool]

_ENTITIES = table_of(Entity)
_COLUMNS = {
    Field.IDS: "id",
    Field.USER_ID: "user_id",
    Field.AGENT_ID: "agent_id",
    Field.APP_ID: "app_id",
    Field.RUN_ID: "run_id",
    Field.TEXT: "text",
    Field.STATE: "state",
    Field.CREATED_AT: "created_at",
    Field.UPDATED_AT: "updated_at",
    Field.TIMESTAMP: "timestamp",
    Field.EXPIRATION_DATE: "expiration_date",
}
_SIGMAS = ("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}")
_NULL: ColumnElement[Any] = literal_column("'null'::jsonb", JSONB)
_NO_OBJECT: ColumnElement[Any] = literal_column("'{}'::jsonb", JSONB)
_NO_ARRAY: ColumnElement[Any] = literal_column("'[]'::jsonb", JSONB)
_WHOLE: ColumnElement[Any] = literal_column("'{}'::text[]", ARRAY(Text))
_MOMENTS = (Field.CREATED_AT, Field.UPDATED_AT, Field.TIMESTAMP)
_COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: lambda one, other: one == other,
    Operator.GT: lambda one, other: one > other,
    Operator.GTE: lambda one, other: one >= other,
    Operator.LT: lambda one, other: one < other,
    Operator.LTE: lambda one, other: one <= other,
}


def register_functions(connection: sqlite3.Connection) -> None:
    """Register the functions that the clauses of this module call on a SQLite connection."""
    connection.create_function("folded", 1, fold_case, deterministic=True)
    connection.create_function("metadata_matches", 4, metadata_matches, deterministic=True)


def fold_case(text: str) -> str:
    """Return the form in which texts are compared without regard to case and encoding.

    It is lower case after upper case, so that "\u00df" equals "ss", in Unicode form NFC, with both
    forms of the small sigma made equal: which one a capital sigma becomes depends on the letters
    after it. PostgreSQL has no other full case folding, and both databases must agree.
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text.upper().lower().replace(*_SIGMAS))


# ---------------------------------------------------------------- shapes and values


@dataclass(frozen=True, slots=True)
class ReadFilter:
    """A filter as a shape, which is empty without a filter, and the values of its parameters.

    `conditions` is the number of its conditions.
    """

    shape: Shape = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    conditions: int = 0


def read_filter(filter: Filter | None, dialect: str) -> ReadFilter:
    """Return the shape of a filter, and the values of its parameters by name."""
    if filter is None:
        return ReadFilter()
    values: dict[str, Any] = {}
    conditions = 0

    def shape_of(part: Filter, negated: bool) -> Shape:
        nonlocal conditions
        if isinstance(part, Not):
            return shape_of(part.part, not negated)
        if isinstance(part, Condition):
            _add_values(values, f"where_{conditions}", part, dialect)
            conditions += 1
            return (part.field, part.operator, negated)
        joins = And if isinstance(part, And) is not negated else Or
        return (joins, *(shape_of(each, negated) for each in part.parts))

    return ReadFilter(shape_of(filter, False), values, conditions)


def _add_values(values: dict[str, Any], name: str, condition: Condition, dialect: str) -> None:
    if condition.field is Field.METADATA:
        key = condition.key or ""
        values[f"{name}_key"] = key
        if dialect == "postgresql":
            values[f"{name}_path"] = _json_path(key)
    if condition.operator in UNARY:
        return
    if condition.operator is Operator.IN and condition.field is not Field.METADATA:
        values[name] = _array(condition.value, dialect)
    else:
        values[name] = condition.value


def _json_path(key: str) -> str | None:
    """Return a dotted key as a strict JSON path of PostgreSQL, which does not unwrap arrays.

    None for a key without a dot.
    """
    steps = split_path(key)
    if len(steps) < 2:
        return None
    return "strict $" + "".join(f".{orjson.dumps(step).decode()}" for step in steps)


def _array(values: Sequence[Any], dialect: str) -> Any:
    plain = [value.name if isinstance(value, Enum) else value for value in values]
    if dialect == "postgresql":
        return plain
    return orjson.dumps([_sqlite_text(value) for value in plain]).decode()


def _sqlite_text(value: Any) -> Any:
    """Return a value as SQLite stores it, for arrays, which SQLAlchemy does not convert."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value.isoformat() if isinstance(value, date) else value


# ---------------------------------------------------------------- clauses


def filter_clause(
    shape: Shape,
    memory: FromClause,
    dialect: str,
    project_id: ColumnElement[Any] | None = None,
) -> Clause:
    """Return the clause of a shape over memories.

    If `project_id` names the one project of the memories, conditions on the names of entities look
    up the entities first, so that the index of their memories can be used.
    """
    positions = count()

    def clause(part: Shape) -> Clause:
        kind, *rest = part
        if kind is And:
            return and_(true(), *map(clause, rest))
        if kind is Or:
            return or_(false(), *map(clause, rest))
        operator, negated = rest
        name = f"where_{next(positions)}"
        if negated:
            return _condition(kind, operator, memory, name, dialect, None).is_not(true())
        return _condition(kind, operator, memory, name, dialect, project_id)

    return clause(shape)


def in_project(
    memory: FromClause, project_id: ColumnElement[Any], dialect: str, *, led: bool
) -> Clause:
    """Return the clause that memories belong to a project.

    `led` means that ids or an entity select the memories, of which there are few: SQLite must not
    use the index of the project then. PostgreSQL recognizes that itself, and plans better if it
    can estimate the number of memories in the project.
    """
    column: ColumnElement[Any] = memory.c.project_id
    if led and dialect == "sqlite":
        column = prevent_index_use(column, dialect)
    clause: Clause = column == project_id
    return clause


def is_selective(shape: Shape) -> bool:
    """Return whether a shape only matches memories with given ids, or of given entities."""
    if not shape or shape[0] is Or:
        return False
    if shape[0] is And:
        return any(map(is_selective, shape[1:]))
    field, operator, negated = shape
    names_values = operator in (Operator.EQ, Operator.IN)
    return names_values and not negated and (field is Field.IDS or field in ENTITY_TYPE_OF_FIELD)


def _condition(
    field: Field,
    operator: Operator,
    memory: FromClause,
    name: str,
    dialect: str,
    project_id: ColumnElement[Any] | None,
) -> Clause:
    if field is Field.METADATA:
        sql = _metadata_on_postgresql if dialect == "postgresql" else _metadata_on_sqlite
        return sql(memory, operator, name)
    if field is Field.CATEGORIES:
        return _categories(memory, operator, name, dialect)
    column = memory.c[_COLUMNS[field]]
    if operator is Operator.EXISTS:
        return column.is_not(None)
    if operator in (Operator.CONTAINS, Operator.ICONTAINS):
        return _contains(column, name, dialect, fold=operator is Operator.ICONTAINS)
    if field in ENTITY_TYPE_OF_FIELD and project_id is not None:
        type = ENTITY_TYPE_OF_FIELD[field]
        entity = alias_of(_ENTITIES, "filters")
        named = _compared(entity.c.name, operator, name, dialect, Text())
        ids = select(entity.c.id).where(
            entity.c.project_id == project_id, entity.c.type == type, named
        )
        ids = ids.correlate_except(entity)
        key = memory.c[ENTITY_KEYS[type]]
        return key == ids.scalar_subquery() if operator is Operator.EQ else key.in_(ids)
    return _compared(column, operator, name, dialect, _type_of(field))


def _type_of(field: Field) -> Any:
    if field in _MOMENTS:
        return UtcDateTime()
    return Date() if field is Field.EXPIRATION_DATE else Text()


def _compared(
    column: ColumnElement[Any], operator: Operator, name: str, dialect: str, type: Any
) -> Clause:
    if operator is not Operator.IN:
        clause: Clause = _COMPARISONS[operator](column, bindparam(name, type_=type))
        return clause
    if dialect == "postgresql":
        items = DateTime(timezone=True) if isinstance(type, UtcDateTime) else type
        return column == any_(bindparam(name, type_=ARRAY(items)))
    return column.in_(_json_values(name))


def _json_values(name: str) -> Any:
    rows = func.json_each(bindparam(name, type_=Text)).table_valued("value", joins_implicitly=True)
    return select(rows.c.value)


def _contains(whole: ColumnElement[Any], name: str, dialect: str, *, fold: bool) -> Clause:
    part: ColumnElement[Any] = bindparam(name, type_=Text)
    if dialect == "sqlite":
        if fold:
            whole, part = func.folded(whole), func.folded(part)
        return func.instr(whole, part) > 0
    if fold:
        whole, part = _folded_on_postgresql(whole), _folded_on_postgresql(part)
    return func.strpos(whole, part) > 0


def _folded_on_postgresql(text: ColumnElement[Any]) -> ColumnElement[Any]:
    upper = func.upper(collate(text, "und-x-icu"))
    lower = func.replace(func.lower(collate(upper, "und-x-icu")), *_SIGMAS)
    return func.normalize(lower, literal_column("NFC"))


def _categories(memory: FromClause, operator: Operator, name: str, dialect: str) -> Clause:
    column = memory.c.categories
    if dialect == "postgresql":
        if operator is Operator.EXISTS:
            return func.jsonb_array_length(column) > 0
        if operator is Operator.IN:
            return column.op("?|", is_comparison=True)(bindparam(name, type_=ARRAY(Text)))
        rows = func.jsonb_array_elements_text(column).table_valued("value", joins_implicitly=True)
    else:
        if operator is Operator.EXISTS:
            return func.json_array_length(column) > 0
        rows = func.json_each(column).table_valued("value", joins_implicitly=True)
        if operator is Operator.IN:
            return _any_row(rows, rows.c.value.in_(_json_values(name)))
    return _any_row(rows, _contains(rows.c.value, name, dialect, fold=True))


def _metadata_on_sqlite(memory: FromClause, operator: Operator, name: str) -> Clause:
    operand: Any = None if operator in UNARY else bindparam(name, type_=Text)
    key = bindparam(f"{name}_key", type_=Text)
    return func.metadata_matches(memory.c.metadata, key, operator.value, operand) == 1


def _metadata_on_postgresql(memory: FromClause, operator: Operator, name: str) -> Clause:
    key = bindparam(f"{name}_key", type_=Text)
    path = cast(bindparam(f"{name}_path", type_=Text), JSONPATH)
    metadata = memory.c.metadata
    entry = case(
        (metadata.op("?", is_comparison=True)(key), metadata.op("->")(key)),
        else_=func.jsonb_path_query_first(metadata, path, _NO_OBJECT, True),
    )
    value = cast(entry, JSONB)
    if operator is Operator.EXISTS:
        return value != _NULL
    if operator is Operator.IS_NULL:
        return value == _NULL
    operand = cast(bindparam(name, type_=Text), JSONB)
    if operator is Operator.EQ:
        return value == operand
    if operator is Operator.IN:
        return _has_element(operand, value)
    number = and_(_kind(value) == "number", _kind(operand) == "number")
    text = and_(_kind(value) == "string", _kind(operand) == "string")
    if operator is Operator.CONTAINS:
        array = _kind(value) == "array"
        elements = case((array, value), else_=_NO_ARRAY)
        return case(
            (text, func.strpos(_text(value), _text(operand)) > 0),
            (array, _has_element(elements, operand)),
            else_=false(),
        )
    compare = _COMPARISONS[operator]
    texts = (collate(_text(value), "C"), collate(_text(operand), "C"))
    return case((number, compare(value, operand)), (text, compare(*texts)), else_=false())


def _kind(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.jsonb_typeof(value)


def _text(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the value of a JSON string as text."""
    return value.op("#>>", return_type=Text())(_WHOLE)


def _has_element(array: ColumnElement[Any], value: ColumnElement[Any]) -> Clause:
    rows = func.jsonb_array_elements(array).table_valued("value", joins_implicitly=True)
    return _any_row(rows, cast(rows.c.value, JSONB) == value)


def _any_row(rows: FromClause, condition: Clause) -> Clause:
    return select(literal_column("1")).where(condition).correlate_except(rows).exists()
