"""Any number of ids as one parameter of a statement.

One parameter per id would exceed the databases' limits and need a statement per number of ids. The
trap: SQLite keeps no statistics, and PostgreSQL has none for a while after many inserts. Either may
then read a whole project to find a few ids in it. `prevent_index_use` prevents that.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    String,
    UnaryExpression,
    bindparam,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.operators import custom_op


def id_array_parameter(connection: Connection, values: Sequence[str]) -> Any:
    """Return the value of the parameter `given`: an array on PostgreSQL, JSON text on SQLite."""
    if connection.dialect.name == "postgresql":
        return list(values)
    return orjson.dumps(list(values)).decode()


def ids_as_table(dialect: str) -> tuple[FromClause, ColumnElement[int], ColumnElement[str]]:
    """Return the parameter `given` as a table, with its columns of positions (from 0) and ids."""
    if dialect == "postgresql":
        array = func.unnest(bindparam("given", type_=ARRAY(String)))
        rows = array.table_valued("id", with_ordinality="position", name="p").render_derived()
        return rows, (rows.c.position - 1).label("position"), rows.c.id
    array = func.json_each(bindparam("given", type_=String))
    rows = array.table_valued("key", "value", name="p")
    return rows, rows.c.key, rows.c.value


def prevent_index_use(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return a text column as an expression without an index, for statements led by ids."""
    if dialect == "sqlite":
        return UnaryExpression(column, operator=custom_op("+"), type_=column.type)
    return column.concat(literal_column("''"))
