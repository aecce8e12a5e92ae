"""The log as it is followed: what comes after a place in it, read in bounded steps.

Each reading is one statement and so sees one moment of the database: the rows, how far the log
reaches and how much of it has been pruned belong together, and no event can slip in between.
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
    """Which events of a project's log somebody follows."""

    project_id: str
    types: tuple[HistoryEventType, ...] | None = None
    where: Filter | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some events in order, how far was looked for them, and what the whole log was by then.

    `head` is the number of its last event, `pruned` of the last one that is not kept any more.
    """

    rows: list[HistoryRow]
    end: int
    head: int
    pruned: int


@dataclass(frozen=True, slots=True)
class LogEvent:
    """An event and the entities its memory is about, None where that has been erased."""

    row: HistoryRow
    entities: frozenset[tuple[EntityType, str]] | None


class LogStore:
    """Reads logs, whoever they belong to: the caller has made sure that they may be read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def heads(self, project_ids: Sequence[str]) -> dict[str, int]:
        """Return the number of the last event of each project that is there."""
        found = select(_PROJECTS.c.id, _PROJECTS.c.sequence).where(
            _PROJECTS.c.id.in_(project_ids), _PROJECTS.c.deleted_at.is_(None)
        )
        return {row.id: row.sequence for row in self._connection.execute(found)}

    def event(self, project_id: str, sequence: int) -> HistoryRow | None:
        """Return the event of a number in a project's log, None when it is not kept any more."""
        row = self._connection.execute(
            _EVENT, {"project": project_id, "sequence": sequence}
        ).first()
        return None if row is None else HistoryRow(*row)

    def page(self, watch: Watch, after: int, limit: int, span: int) -> LogPage | None:
        """Return up to `limit` watched events after a place, looking at up to `span` events.

        A filter is applied to the memory as the event left it, or as a deletion found it; a
        deletion of which nothing is left but that it happened passes every filter, so that whoever
        shows the memory learns that it is gone. None when there is no such project any more.
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
        """Return the events that follow a place in a project's log, with whom they are about."""
        values: Mapping[str, Any] = {"project": project_id, "after": after, "limit": limit}
        found = []
        width = len(_NAMES)
        for known, *row in self._connection.execute(_TOLD, values):
            names = zip(_NAMES, row[:width], strict=True)
            about = frozenset((type, name) for type, name in names if name is not None)
            found.append(LogEvent(HistoryRow(*row[width:]), about if known else None))
        return found


def _page(dialect: str, typed: bool, where: ReadFilter) -> Select[Any]:
    project, event = _PROJECTS.alias("p"), _HISTORY.alias("e")
    wanted = [
        event.c.project_id == project.c.id,
        event.c.sequence > _AFTER,
        event.c.sequence <= _UNTIL,
    ]
    if typed:
        kind = bindparam("types", expanding=True, type_=_HISTORY.c.type.type)
        wanted.append(event.c.type.in_(kind))
    if where.shape:
        wanted.append(_matches(event, where, dialect))
    return (
        select(project.c.sequence, project.c.pruned_sequence, *HISTORY.columns(event))
        .select_from(project.outerjoin(event, and_(*wanted)))
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
    gone = ~exists().where(version.c.id == event.c.memory_id, version.c.version == event.c.version)
    deleted = event.c.type == HistoryEventType.DELETE
    return or_(among(_MEMORIES), among(_VERSIONS), and_(deleted, gone))


def _told() -> Select[Any]:
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


_TOLD = _told()
_EVENT = select(*HISTORY.columns(_HISTORY)).where(
    _HISTORY.c.project_id == _PROJECT,
    _HISTORY.c.sequence == bindparam("sequence", type_=BigInteger),
)
