"""How rows are read: by id, and as pages of many parents' children in one statement.

A `Source` says what a row is made of and who may see it. A `Listing` is a link of the graph: the
children of a parent, in any order, between any two sort keys. Both build each statement once per
shape and keep it, because building one costs more than running it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    select,
    true,
    tuple_,
)

from core.access import Actor
from core.errors import must_exist
from core.filters.tree import Filter
from core.ids import is_id
from core.paging import Order, Page, Slice, slice_rows
from storage.sql.filters import ReadFilter, filter_clause, in_project, is_selective, read_filter
from storage.sql.id_arrays import id_array_parameter, ids_as_table
from storage.sql.statement_cache import FILTERED
from storage.sql.visibility import viewer_parameters

T = TypeVar("T")
Clause = Callable[[FromClause], ColumnElement[Any]]


@dataclass(frozen=True, eq=False)
class Source(Generic[T]):
    """A kind of row: its table, its dataclass, and the clause that says who may see it.

    The dataclass's fields name columns of the table, or entries of `computed`. With `is_past` an id
    has a row for each of its versions, of which a listing's filters leave one; such a source cannot
    be asked for rows by id.
    """

    noun: str
    table: FromClause
    row: type[T]
    visible: Clause
    computed: Mapping[str, Clause] = field(default_factory=dict)
    is_past: bool = False
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
            given, _, id = ids_as_table(dialect)
            self._built[dialect] = select(*self.columns(table)).where(
                table.c.id.in_(select(id).select_from(given)), self.visible(table)
            )
        return self._built[dialect]

    def find(self, connection: Connection, ids: Iterable[str], actor: Actor) -> dict[str, T]:
        """Return the visible rows among the ids, by id; texts that are no ids are not looked up."""
        wanted = [id for id in set(ids) if is_id(id)]
        if not wanted:
            return {}
        values = {"given": id_array_parameter(connection, wanted), **viewer_parameters(actor)}
        found = connection.execute(self._by_id(connection.dialect.name), values)
        position = self._names.index("id")
        return {row[position]: self.row(*row) for row in found.all()}

    def get(self, connection: Connection, id: str, actor: Actor, *path: str | int) -> T:
        """Return one row. Raises `NotFound` when it does not exist for this actor."""
        row: T = must_exist(self.find(connection, (id,), actor).get(id), self.noun, id, *path)
        return row


@dataclass(frozen=True, slots=True)
class _Asked:
    """What decides which rows a list has, besides their parent."""

    dialect: str
    names: tuple[str, ...]
    where: ReadFilter


@dataclass(frozen=True, eq=False)
class Listing(Generic[T]):
    """The children of parents: rows of a source whose `parent` column holds a parent's id.

    Without such a column, `joined` makes a clause of the rows' table and a parent's id that tells
    which rows are listed, or a filter has to tell.

    `guard` makes a clause of a parent's id that says whether the viewer can see that parent.
    `filters` are the conditions a caller may switch on, by name; each reads bound parameters. Lists
    of memories also take a filter of the caller's own making.
    """

    source: Source[T]
    parent: str | None
    guard: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    filters: Mapping[str, Clause] = field(default_factory=dict)
    joined: Callable[[FromClause, ColumnElement[Any]], ColumnElement[Any]] | None = None
    _built: dict[Any, Select[Any]] = field(default_factory=dict)

    def pages(
        self,
        connection: Connection,
        parents: Sequence[str],
        page: Page,
        actor: Actor,
        filters: Mapping[str, Any] | None = None,
        where: Filter | None = None,
    ) -> list[Slice[T]]:
        """Return one page for each parent, in one statement.

        `filters` maps the names of the conditions in force to their parameters' values; `where` is
        what the caller filters memories by.
        """
        dialect = connection.dialect.name
        asked = _Asked(dialect, tuple(sorted(filters or ())), read_filter(where, dialect))
        bounds = (page.after is not None, page.before is not None)
        shape = (page.order, page.forward, *bounds)
        values = {
            **viewer_parameters(actor),
            **(filters or {}),
            **asked.where.values,
            "given": id_array_parameter(connection, parents),
            "limit": page.limit + 1,
            "offset": page.offset,
        }
        for bound, key in (("after", page.after), ("before", page.before)):
            for position, value in enumerate(key or ()):
                values[f"{bound}_{position}"] = value
        rows: list[list[T]] = [[] for _ in parents]
        found = self._execute(
            connection, asked, shape, lambda: self._page_statement(asked, *shape), values
        )
        for position, *row in found.all():
            rows[position].append(self.source.row(*row))
        return [slice_rows(children, page) for children in rows]

    def counts(
        self,
        connection: Connection,
        parents: Sequence[str],
        actor: Actor,
        filters: Mapping[str, Any] | None = None,
        where: Filter | None = None,
    ) -> list[int]:
        """Return for each parent how many children it has, in one statement."""
        dialect = connection.dialect.name
        asked = _Asked(dialect, tuple(sorted(filters or ())), read_filter(where, dialect))
        values = {
            **viewer_parameters(actor),
            **(filters or {}),
            **asked.where.values,
            "given": id_array_parameter(connection, parents),
        }
        counts = [0] * len(parents)
        found = self._execute(connection, asked, (), lambda: self._count_statement(asked), values)
        for position, count in found:
            counts[position] = count
        return counts

    def _execute(
        self,
        connection: Connection,
        asked: "_Asked",
        shape: tuple[Any, ...],
        build: Callable[[], Select[Any]],
        values: Mapping[str, Any],
    ) -> CursorResult[*tuple[Any, ...]]:
        key = (asked.dialect, asked.names, shape, asked.where.shape)
        if asked.where.shape:
            conditions = asked.where.conditions
            return FILTERED.execute(connection, (self, key), conditions, build, values)
        if key not in self._built:
            self._built[key] = build()
        return connection.execute(self._built[key], values)

    def _conditions(
        self, table: FromClause, parent_id: ColumnElement[Any], asked: "_Asked"
    ) -> list[ColumnElement[Any]]:
        clauses = [self.filters[name](table) for name in asked.names]
        of_project = self.parent == "project_id"
        if asked.where.shape:
            project_id = parent_id if of_project else None
            clauses.append(filter_clause(asked.where.shape, table, asked.dialect, project_id))
        if self.joined is not None:
            return [self.joined(table, parent_id), *clauses]
        if self.parent is None:
            return clauses
        if of_project:
            led = is_selective(asked.where.shape)
            return [in_project(table, parent_id, asked.dialect, led=led), *clauses]
        return [table.c[self.parent] == parent_id, *clauses]

    def _page_statement(
        self, asked: "_Asked", order: Order, forward: bool, after: bool, before: bool
    ) -> Select[Any]:
        dialect = asked.dialect
        parents, position, parent_id = ids_as_table(dialect)
        child = self.source.table.alias("x")
        keys = [child.c[key] for key in order.keys]
        conditions = self._conditions(child, parent_id, asked)
        if after:
            conditions.append(_beyond(keys, "after", order.descending))
        if before:
            conditions.append(_beyond(keys, "before", not order.descending))
        falling = order.descending if forward else not order.descending
        wanted, passed = (bindparam(name, type_=Integer) for name in ("limit", "offset"))
        if dialect == "postgresql":
            page = (
                select(*self.source.columns(child))
                .where(*conditions)
                .order_by(*_ordered(keys, falling))
                .limit(wanted)
                .offset(passed)
                .lateral("page")
            )
            rows: FromClause = page
            joined = parents.join(page, true())
            columns: list[ColumnElement[Any]] = list(page.c)
        else:
            rows = self.source.table.alias("t")
            # SQLite sees through a union only if what it is ordered by is selected from it.
            found = (
                select(*(child.c[name] for name in dict.fromkeys(("id", *order.keys))))
                .where(*conditions)
                .order_by(*_ordered(keys, falling))
                .limit(wanted)
                .offset(passed)
                .correlate(parents)
                .subquery("found")
            )
            shown = [self.filters[name](rows) for name in asked.names if self.source.is_past]
            joined = parents.join(rows, and_(rows.c.id.in_(select(found.c.id)), *shown))
            columns = self.source.columns(rows)
        return (
            select(position, *columns)
            .select_from(joined)
            .where(self.guard(parent_id))
            .order_by(position, *_ordered([rows.c[key] for key in order.keys], falling))
        )

    def _count_statement(self, asked: "_Asked") -> Select[Any]:
        parents, position, parent_id = ids_as_table(asked.dialect)
        child = self.source.table.alias("x")
        count = (
            select(func.count())
            .select_from(child)
            .where(*self._conditions(child, parent_id, asked))
            .correlate(parents)
            .scalar_subquery()
        )
        return select(position, count).select_from(parents).where(self.guard(parent_id))


def row_values(row: Any) -> dict[str, Any]:
    """Return the columns of a row's dataclass by name, without copying what is in them."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _ordered(keys: Sequence[ColumnElement[Any]], falling: bool) -> list[ColumnElement[Any]]:
    return [key.desc() if falling else key.asc() for key in keys]


def _beyond(keys: Sequence[ColumnElement[Any]], bound: str, falling: bool) -> ColumnElement[bool]:
    values = tuple_(
        *(bindparam(f"{bound}_{position}", type_=key.type) for position, key in enumerate(keys))
    )
    return tuple_(*keys) < values if falling else tuple_(*keys) > values
