"""Following the log: the events after a sequence number, read in bounded steps.

Each read is one statement and so sees one snapshot of the database: the rows, the head of the log
and the pruned part are consistent, and no event can be missed in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
)

from core.enums import EntityType
from core.events import HistoryEventType
from core.filters.tree import Filter
from storage.log.history import HISTORY, HistoryRow
from storage.sql.filters import ReadFilter, filter_clause, read_filter
from storage.sql.statement_cache import FILTERED
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.graph import HistoryEvent, Project
from storage.tables.memory import Memory, MemoryVersion

_HISTORY = table_of(HistoryEvent)
_PROJECTS = table_of(Project)
_MEMORIES = table_of(Memory)
_VERSIONS = table_of(MemoryVersion)

_NAMES = {type: f"{type.value.lower()}_id" for type in EntityType}
_AFTER = bindparam("after", type_=BigInteger)
_UNTIL = bindparam("until", type_=BigInteger)
_PROJECT = bindparam("project", type_=Id)
_LIMIT = bindparam("limit", type_=Integer)


@dataclass(frozen=True, slots=True)
class Watch:
    """The events of a project's log that a client follows.

    `types` are the types of events, None for all; `where` is a filter on the memory.
    """

    project_id: str
    types: tuple[HistoryEventType, ...] | None = None
    where: Filter | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some events in order, and the bounds of the log at that moment, as sequence numbers.

    `end` is the last number that was searched, `head` that of the log's last event, `pruned` that
    of the last pruned event.
    """

    rows: list[HistoryRow]
    end: int
    head: int
    pruned: int


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event and the entities (type, name) of its memory, None if they have been erased."""

    row: HistoryRow
    entities: frozenset[tuple[EntityType, str]] | None


class LogStore:
    """Reads logs without a check of access: the caller has checked that they may be read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def heads(self, project_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of the last event of each project that exists, by id."""
        statement = select(_PROJECTS.c.id, _PROJECTS.c.sequence).where(
            _PROJECTS.c.id.in_(project_ids), _PROJECTS.c.deleted_at.is_(None)
        )
        return {row.id: row.sequence for row in self._connection.execute(statement)}

    def event(self, project_id: str, sequence: int) -> HistoryRow | None:
        """Return the event with a number in a project's log; None if the log no longer has it."""
        row = self._connection.execute(
            _EVENT, {"project": project_id, "sequence": sequence}
        ).first()
        return None if row is None else HistoryRow(*row)

    def page(self, watch: Watch, after: int, limit: int, span: int) -> LogPage | None:
        """Return up to `limit` watched events after a number, reading up to `span` events.

        A filter is applied to the memory after the event, or to the version that a deletion ended.
        A deletion of an erased memory passes every filter, so that clients that show the memory
        learn of its deletion. None when the project no longer exists.
        """
        dialect = self._connection.dialect.name
        where = read_filter(watch.where, dialect)
        shape = ("log", dialect, watch.types is not None, where.shape)
        values: dict[str, Any] = {
            **where.values,
            "project": watch.project_id,
            "after": after,
            "until": after + span,
            "limit": limit,
        }
        if watch.types is not None:
            values["types"] = watch.types
        rows = FILTERED.execute(
            self._connection,
            shape,
            where.conditions,
            lambda: _page(dialect, watch.types is not None, where),
            values,
        ).all()
        if not rows:
            return None
        head, pruned = rows[0][:2]
        events = [HistoryRow(*row[2:]) for row in rows if row.id is not None]
        end = events[-1].sequence if len(events) == limit else max(after, min(after + span, head))
        return LogPage(events, end, head, pruned)

    def events_after(self, project_id: str, after: int, limit: int) -> list[LogEvent]:
        """Return up to `limit` events after a number, in order, with their memories' entities."""
        values: Mapping[str, Any] = {"project": project_id, "after": after, "limit": limit}
        events = []
        width = len(_NAMES)
        for known, *row in self._connection.execute(_EVENTS_AFTER, values):
            names = zip(_NAMES, row[:width], strict=True)
            about = frozenset((type, name) for type, name in names if name is not None)
            events.append(LogEvent(HistoryRow(*row[width:]), about if known else None))
        return events


def _page(dialect: str, typed: bool, where: ReadFilter) -> Select[Any]:
    project, event = _PROJECTS.alias("p"), _HISTORY.alias("e")
    watched = [
        event.c.project_id == project.c.id,
        event.c.sequence > _AFTER,
        event.c.sequence <= _UNTIL,
    ]
    if typed:
        kind = bindparam("types", expanding=True, type_=_HISTORY.c.type.type)
        watched.append(event.c.type.in_(kind))
    if where.shape:
        watched.append(_matches(event, where, dialect))
    return (
        select(project.c.sequence, project.c.pruned_sequence, *HISTORY.columns(event))
        .select_from(project.outerjoin(event, and_(*watched)))
        .where(project.c.id == _PROJECT, project.c.deleted_at.is_(None))
        .order_by(event.c.sequence)
        .limit(_LIMIT)
    )


def _matches(event: FromClause, where: ReadFilter, dialect: str) -> ColumnElement[bool]:
    def among(table: FromClause) -> ColumnElement[bool]:
        memory = table.alias()
        return exists().where(
            memory.c.id == event.c.memory_id,
            memory.c.version == event.c.version,
            filter_clause(where.shape, memory, dialect, _PROJECT),
        )

    version = _VERSIONS.alias()
    version_missing = ~exists().where(
        version.c.id == event.c.memory_id, version.c.version == event.c.version
    )
    deleted = event.c.type == HistoryEventType.DELETE
    return or_(among(_MEMORIES), among(_VERSIONS), and_(deleted, version_missing))


def _events_after() -> Select[Any]:
    event, memory, version = _HISTORY.alias("e"), _MEMORIES.alias("m"), _VERSIONS.alias("v")
    names = [func.coalesce(memory.c[name], version.c[name]) for name in _NAMES.values()]
    rows = event.outerjoin(memory, memory.c.id == event.c.memory_id).outerjoin(
        version, and_(version.c.id == event.c.memory_id, version.c.version == event.c.version)
    )
    return (
        select(func.coalesce(memory.c.id, version.c.id), *names, *HISTORY.columns(event))
        .select_from(rows)
        .where(event.c.project_id == _PROJECT, event.c.sequence > _AFTER)
        .order_by(event.c.sequence)
        .limit(_LIMIT)
    )


_EVENTS_AFTER = _events_after()
_EVENT = select(*HISTORY.columns(_HISTORY)).where(
    _HISTORY.c.project_id == _PROJECT,
    _HISTORY.c.sequence == bindparam("sequence", type_=BigInteger),
)
