"""How rows are read: by id, and as pages of many parents' children in one statement.

A `Source` says what a row is made of and who may see it. A `Listing` is a link of the graph: the
children of a parent, in any order, between any two sort keys. Both build each statement once per
shape and keep it, because building one costs more than running it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Generic, TypeVar

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    String,
    Table,
    bindparam,
    func,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from core.access import Actor
from core.errors import must_exist
from core.ids import is_id
from core.paging import Order, Page, Slice, slice_of
from storage.visibility import binds

T = TypeVar("T")
Clause = Callable[[FromClause], ColumnElement[Any]]


@dataclass(frozen=True, eq=False)
class Source(Generic[T]):
    """A kind of row: its table, its dataclass, and the clause that says who may see it.

    The dataclass's fields name columns of the table, or entries of `computed`.
    """

    noun: str
    table: Table
    row: type[T]
    visible: Clause
    computed: Mapping[str, Clause] = field(default_factory=dict)
    _built: dict[str, Select[Any]] = field(default_factory=dict)

    @cached_property
    def _names(self) -> list[str]:
        return [item.name for item in fields(self.row)]  # type: ignore[arg-type]

    def columns(self, table: FromClause) -> list[ColumnElement[Any]]:
        """Return the columns of a row in the order of its dataclass's fields."""
        return [
            self.computed[name](table).label(name) if name in self.computed else table.c[name]
            for name in self._names
        ]

    def _by_id(self, dialect: str) -> Select[Any]:
        if dialect not in self._built:
            table = self.table.alias("t")
            given, _, id = _given(dialect)
            self._built[dialect] = select(*self.columns(table)).where(
                table.c.id.in_(select(id).select_from(given)), self.visible(table)
            )
        return self._built[dialect]

    def find(self, connection: Connection, ids: Iterable[str], actor: Actor) -> dict[str, T]:
        """Return the visible rows among the ids, by id; texts that are no ids are not looked up."""
        wanted = [id for id in set(ids) if is_id(id)]
        if not wanted:
            return {}
        values = {"given": _array(connection, wanted), **binds(actor)}
        found = connection.execute(self._by_id(connection.dialect.name), values)
        position = self._names.index("id")
        return {row[position]: self.row(*row) for row in found.all()}

    def get(self, connection: Connection, id: str, actor: Actor, *path: str | int) -> T:
        """Return one row. Raises `NotFound` when it does not exist for this actor."""
        row: T = must_exist(self.find(connection, (id,), actor).get(id), self.noun, id, *path)
        return row


@dataclass(frozen=True, eq=False)
class Listing(Generic[T]):
    """The children of parents: rows of a source whose `parent` column holds a parent's id.

    Without such a column, a filter has to tell which rows are listed.

    `guard` makes a clause of a parent's id that says whether the viewer can see that parent.
    `filters` are the conditions a caller may switch on, by name; each reads bound parameters.
    """

    source: Source[T]
    parent: str | None
    guard: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    filters: Mapping[str, Clause] = field(default_factory=dict)
    _built: dict[Any, Select[Any]] = field(default_factory=dict)

    def pages(
        self,
        connection: Connection,
        parents: Sequence[str],
        page: Page,
        actor: Actor,
        filters: Mapping[str, Any] | None = None,
    ) -> list[Slice[T]]:
        """Return one page for each parent, in one statement.

        `filters` maps the names of the conditions in force to their parameters' values.
        """
        names = tuple(sorted(filters or ()))
        shape = (
            connection.dialect.name,
            page.order,
            page.forward,
            page.after is not None,
            page.before is not None,
            names,
        )
        if shape not in self._built:
            self._built[shape] = self._page_statement(*shape)
        values = {
            **binds(actor),
            **(filters or {}),
            "given": _array(connection, parents),
            "limit": page.limit + 1,
        }
        for bound, key in (("after", page.after), ("before", page.before)):
            for position, value in enumerate(key or ()):
                values[f"{bound}_{position}"] = value
        rows: list[list[T]] = [[] for _ in parents]
        for position, *row in connection.execute(self._built[shape], values).all():
            rows[position].append(self.source.row(*row))
        return [slice_of(children, page) for children in rows]

    def counts(
        self,
        connection: Connection,
        parents: Sequence[str],
        actor: Actor,
        filters: Mapping[str, Any] | None = None,
    ) -> list[int]:
        """Return for each parent how many children it has, in one statement."""
        names = tuple(sorted(filters or ()))
        shape = ("count", connection.dialect.name, names)
        if shape not in self._built:
            self._built[shape] = self._count_statement(connection.dialect.name, names)
        values = {**binds(actor), **(filters or {}), "given": _array(connection, parents)}
        counts = [0] * len(parents)
        for position, count in connection.execute(self._built[shape], values):
            counts[position] = count
        return counts

    def _conditions(
        self, table: FromClause, parent_id: ColumnElement[Any], names: Sequence[str]
    ) -> list[ColumnElement[Any]]:
        clauses = [self.filters[name](table) for name in names]
        if self.parent is None:
            return clauses
        return [table.c[self.parent] == parent_id, *clauses]

    def _page_statement(
        self,
        dialect: str,
        order: Order,
        forward: bool,
        after: bool,
        before: bool,
        names: tuple[str, ...],
    ) -> Select[Any]:
        parents, position, parent_id = _given(dialect)
        child = self.source.table.alias("x")
        keys = [child.c[key] for key in order.keys]
        conditions = self._conditions(child, parent_id, names)
        if after:
            conditions.append(_beyond(keys, "after", order.descending))
        if before:
            conditions.append(_beyond(keys, "before", not order.descending))
        falling = order.descending if forward else not order.descending
        wanted = bindparam("limit", type_=Integer)
        if dialect == "postgresql":
            page = (
                select(*self.source.columns(child))
                .where(*conditions)
                .order_by(*_ordered(keys, falling))
                .limit(wanted)
                .lateral("page")
            )
            rows: FromClause = page
            joined = parents.join(page, true())
            columns: list[ColumnElement[Any]] = list(page.c)
        else:
            rows = self.source.table.alias("t")
            ids = (
                select(child.c.id)
                .where(*conditions)
                .order_by(*_ordered(keys, falling))
                .limit(wanted)
                .correlate(parents)
            )
            joined = parents.join(rows, rows.c.id.in_(ids.scalar_subquery()))
            columns = self.source.columns(rows)
        return (
            select(position, *columns)
            .select_from(joined)
            .where(self.guard(parent_id))
            .order_by(position, *_ordered([rows.c[key] for key in order.keys], falling))
        )

    def _count_statement(self, dialect: str, names: tuple[str, ...]) -> Select[Any]:
        parents, position, parent_id = _given(dialect)
        child = self.source.table.alias("x")
        count = (
            select(func.count())
            .select_from(child)
            .where(*self._conditions(child, parent_id, names))
            .correlate(parents)
            .scalar_subquery()
        )
        return select(position, count).select_from(parents).where(self.guard(parent_id))


def values_of(row: Any) -> dict[str, Any]:
    """Return the columns of a row's dataclass by name, without copying what is in them."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _array(connection: Connection, values: Sequence[str]) -> Any:
    if connection.dialect.name == "postgresql":
        return list(values)
    return orjson.dumps(list(values)).decode()


def _given(dialect: str) -> tuple[FromClause, ColumnElement[int], ColumnElement[str]]:
    """Return the ids of the parameter `given` as a table, the position of each from 0, and itself.

    One array, whatever its length: a parameter for each id would meet the databases' limits.
    """
    if dialect == "postgresql":
        array = func.unnest(bindparam("given", type_=ARRAY(String)))
        rows = array.table_valued("id", with_ordinality="position", name="p").render_derived()
        return rows, (rows.c.position - 1).label("position"), rows.c.id
    array = func.json_each(bindparam("given", type_=String))
    rows = array.table_valued("key", "value", name="p")
    return rows, rows.c.key, rows.c.value


def _ordered(keys: Sequence[ColumnElement[Any]], falling: bool) -> list[ColumnElement[Any]]:
    return [key.desc() if falling else key.asc() for key in keys]


def _beyond(keys: Sequence[ColumnElement[Any]], bound: str, falling: bool) -> ColumnElement[bool]:
    values = tuple_(
        *(bindparam(f"{bound}_{position}", type_=key.type) for position, key in enumerate(keys))
    )
    return tuple_(*keys) < values if falling else tuple_(*keys) > values
