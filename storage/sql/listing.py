"""Reading rows: by id, and as pages of the children of many parents in one statement.

A `Source` describes a kind of row and who may see it. A `Listing` is an edge of the graph: the
children of a parent, in any order, between any two sort keys. Both build each statement once per
shape and cache it, because building a statement costs more than running it.
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
from storage.sql.aliases import alias_of
from storage.sql.filters import ReadFilter, filter_clause, in_project, is_selective, read_filter
from storage.sql.id_arrays import id_array_parameter, ids_as_table
from storage.sql.statement_cache import FILTERED
from storage.sql.visibility import viewer_parameters

T = TypeVar("T")
Clause = Callable[[FromClause], ColumnElement[Any]]


@dataclass(frozen=True, eq=False)
class Source(Generic[T]):
    """A kind of row: its table, its dataclass, and the clause that selects the visible rows.

    The dataclass's fields name columns of the table, or entries of `computed`. With `is_past`, an
    id has a row for each of its versions, of which a listing's filters select one; such a source
    cannot read rows by id.
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
            table = alias_of(self.table, "rows", "t")
            given, _, id = ids_as_table(dialect)
            self._built[dialect] = select(*self.columns(table)).where(
                table.c.id.in_(select(id).select_from(given)), self.visible(table)
            )
        return self._built[dialect]

    def find(self, connection: Connection, ids: Iterable[str], actor: Actor) -> dict[str, T]:
        """Return the visible rows among the ids, by id; malformed ids are not looked up."""
        valid = [id for id in set(ids) if is_id(id)]
        if not valid:
            return {}
        values = {"given": id_array_parameter(connection, valid), **viewer_parameters(actor)}
        rows = connection.execute(self._by_id(connection.dialect.name), values)
        position = self._names.index("id")
        return {row[position]: self.row(*row) for row in rows.all()}

    def get(self, connection: Connection, id: str, actor: Actor, *path: str | int) -> T:
        """Return one row. Raises `NotFound` when it does not exist for this actor."""
        row: T = must_exist(self.find(connection, (id,), actor).get(id), self.noun, id, *path)
        return row


@dataclass(frozen=True, slots=True)
class _Criteria:
    """The criteria for the rows of a list, besides their parent."""

    dialect: str
    names: tuple[str, ...]
    where: ReadFilter


@dataclass(frozen=True, eq=False)
class Listing(Generic[T]):
    """The children of parents: rows of a source whose `parent` column holds a parent's id.

    Without such a column, `joined` builds the clause that selects the children, from the rows'
    table and a parent's id; without either, a filter must select them.

    `guard` builds the clause that the viewer can see a parent, from the parent's id. `filters` are
    optional conditions by name; each reads bound parameters. Lists of memories also accept a filter
    written by the caller.
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

        `filters` maps the names of the active conditions to the values of their parameters; `where`
        is the caller's filter of memories. The result has the order of `parents`.
        """
        dialect = connection.dialect.name
        criteria = _Criteria(dialect, tuple(sorted(filters or ())), read_filter(where, dialect))
        bounds = (page.after is not None, page.before is not None)
        shape = (page.order, page.forward, *bounds)
        values = {
            **viewer_parameters(actor),
            **(filters or {}),
            **criteria.where.values,
            "given": id_array_parameter(connection, parents),
            "limit": page.limit + 1,
            "offset": page.offset,
        }
        for bound, key in (("after", page.after), ("before", page.before)):
            for position, value in enumerate(key or ()):
                values[f"{bound}_{position}"] = value
        rows: list[list[T]] = [[] for _ in parents]
        result = self._execute(
            connection, criteria, shape, lambda: self._page_statement(criteria, *shape), values
        )
        for position, *row in result.all():
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
        """Return the number of children of each parent, in the order of `parents`.

        It runs one statement.
        """
        dialect = connection.dialect.name
        criteria = _Criteria(dialect, tuple(sorted(filters or ())), read_filter(where, dialect))
        values = {
            **viewer_parameters(actor),
            **(filters or {}),
            **criteria.where.values,
            "given": id_array_parameter(connection, parents),
        }
        counts = [0] * len(parents)
        result = self._execute(
            connection, criteria, (), lambda: self._count_statement(criteria), values
        )
        for position, count in result:
            counts[position] = count
        return counts

    def _execute(
        self,
        connection: Connection,
        criteria: "_Criteria",
        shape: tuple[Any, ...],
        build: Callable[[], Select[Any]],
        values: Mapping[str, Any],
    ) -> CursorResult[*tuple[Any, ...]]:
        key = (criteria.dialect, criteria.names, shape, criteria.where.shape)
        if criteria.where.shape:
            conditions = criteria.where.conditions
            return FILTERED.execute(connection, (self, key), conditions, build, values)
        if key not in self._built:
            self._built[key] = build()
        return connection.execute(self._built[key], values)

    def _conditions(
        self, table: FromClause, parent_id: ColumnElement[Any], criteria: "_Criteria"
    ) -> list[ColumnElement[Any]]:
        clauses = [self.filters[name](table) for name in criteria.names]
        of_project = self.parent == "project_id"
        if criteria.where.shape:
            project_id = parent_id if of_project else None
            clauses.append(filter_clause(criteria.where.shape, table, criteria.dialect, project_id))
        if self.joined is not None:
            return [self.joined(table, parent_id), *clauses]
        if self.parent is None:
            return clauses
        if of_project:
            led = is_selective(criteria.where.shape)
            return [in_project(table, parent_id, criteria.dialect, led=led), *clauses]
        return [table.c[self.parent] == parent_id, *clauses]

    def _page_statement(
        self, criteria: "_Criteria", order: Order, forward: bool, after: bool, before: bool
    ) -> Select[Any]:
        dialect = criteria.dialect
        parents, position, parent_id = ids_as_table(dialect)
        child = alias_of(self.source.table, "children", "x")
        keys = [child.c[key] for key in order.keys]
        conditions = self._conditions(child, parent_id, criteria)
        if after:
            conditions.append(_beyond(keys, "after", order.descending))
        if before:
            conditions.append(_beyond(keys, "before", not order.descending))
        falling = order.descending if forward else not order.descending
        limit, offset = (bindparam(name, type_=Integer) for name in ("limit", "offset"))
        if dialect == "postgresql":
            page = (
                select(*self.source.columns(child))
                .where(*conditions)
                .order_by(*_ordered(keys, falling))
                .limit(limit)
                .offset(offset)
                .lateral("page")
            )
            rows: FromClause = page
            joined = parents.join(page, true())
            columns: list[ColumnElement[Any]] = list(page.c)
        else:
            rows = alias_of(self.source.table, "rows", "t")
            # SQLite flattens a union only if the columns it is ordered by are selected from it.
            page_ids = (
                select(*(child.c[name] for name in dict.fromkeys(("id", *order.keys))))
                .where(*conditions)
                .order_by(*_ordered(keys, falling))
                .limit(limit)
                .offset(offset)
                .correlate(parents)
                .subquery("page_ids")
            )
            version = [self.filters[name](rows) for name in criteria.names if self.source.is_past]
            joined = parents.join(rows, and_(rows.c.id.in_(select(page_ids.c.id)), *version))
            columns = self.source.columns(rows)
        return (
            select(position, *columns)
            .select_from(joined)
            .where(self.guard(parent_id))
            .order_by(position, *_ordered([rows.c[key] for key in order.keys], falling))
        )

    def _count_statement(self, criteria: "_Criteria") -> Select[Any]:
        parents, position, parent_id = ids_as_table(criteria.dialect)
        child = alias_of(self.source.table, "children", "x")
        count = (
            select(func.count())
            .select_from(child)
            .where(*self._conditions(child, parent_id, criteria))
            .correlate(parents)
            .scalar_subquery()
        )
        return select(position, count).select_from(parents).where(self.guard(parent_id))


def row_values(row: Any) -> dict[str, Any]:
    """Return the fields of a row's dataclass by name, without copying their values."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _ordered(keys: Sequence[ColumnElement[Any]], falling: bool) -> list[ColumnElement[Any]]:
    return [key.desc() if falling else key.asc() for key in keys]


def _beyond(keys: Sequence[ColumnElement[Any]], bound: str, falling: bool) -> ColumnElement[bool]:
    values = tuple_(
        *(bindparam(f"{bound}_{position}", type_=key.type) for position, key in enumerate(keys))
    )
    return tuple_(*keys) < values if falling else tuple_(*keys) > values
