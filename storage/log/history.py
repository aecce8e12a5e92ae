"""The log: one row per change of a memory, with sequence numbers that are dense within a project.

Changes are recorded during a transaction and written at its end. The sequence numbers come from
one UPDATE of the project, whose row lock lasts until commit. So on every database the order of the
numbers is the order of the commits, and a reader that has seen number n never sees a lower one
appear. The totals of projects and entities are updated under the same lock.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, Text, bindparam, case, cast, insert, select, update

from core.access import Actor
from core.events import HistoryEventType
from core.ids import uuid7
from core.paging import Order
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import (
    in_visible_log,
    in_visible_operation,
    in_visible_project,
    viewer_parameters,
)
from storage.tables.columns import Id, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Entity, HistoryEvent, Project

_HISTORY = table_of(HistoryEvent)
_PROJECTS = table_of(Project)
_ENTITIES = table_of(Entity)


@dataclass(slots=True)
class HistoryRow:
    """One row of the log. `before` and `after` have the changed fields by their API names.

    They are stored as JSON, and decoded when they are used: most requests do not select them.
    `version` is the memory's version after the event; for a deletion, the version that it ended.
    `imported_by` is who imported the event, null if it happened in this project.
    """

    id: str
    project_id: str
    sequence: int
    memory_id: str
    version: int
    type: HistoryEventType
    old_text: str | None
    new_text: str | None
    before_json: str | None
    after_json: str | None
    actor: str
    operation_id: str | None
    created_at: datetime
    imported_by: str | None = None

    @property
    def before(self) -> dict[str, Any] | None:
        """The changed fields before the event; None if there were none."""
        return None if self.before_json is None else orjson.loads(self.before_json)

    @property
    def after(self) -> dict[str, Any] | None:
        """The changed fields after the event; None if there are none."""
        return None if self.after_json is None else orjson.loads(self.after_json)


@dataclass(frozen=True, slots=True)
class Author:
    """The author of a change: the e-mail address of an account, and the operation.

    Of an imported change the file names the author, and `imported_by` is who imported it.
    """

    email: str
    operation_id: str | None = None
    imported_by: str | None = None


@dataclass(slots=True)
class Change:
    """A change to be logged: a `HistoryRow` without the columns that the log assigns.

    `kept` is what else belonged to a deleted memory. A change imported from another log may keep
    the id it had there.
    """

    project_id: str
    memory_id: str
    version: int
    type: HistoryEventType
    by: Author
    created_at: datetime
    old_text: str | None = None
    new_text: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    kept: dict[str, Any] | None = None
    id: str = field(default_factory=uuid7)


@dataclass(slots=True)
class _Totals:
    changes: list[Change] = field(default_factory=list)
    memories: int = 0
    by_entity: Counter[str] = field(default_factory=Counter)


HISTORY_ORDER = Order("history", ("sequence",))
HISTORY = Source(
    "history event",
    _HISTORY,
    HistoryRow,
    lambda event: in_visible_project(event.c.project_id),
    {
        "before_json": lambda event: cast(event.c.before, Text),
        "after_json": lambda event: cast(event.c.after, Text),
    },
)
_BY_TYPE = {
    "types": lambda event: event.c.type.in_(
        bindparam("types", expanding=True, type_=_HISTORY.c.type.type)
    )
}
HISTORY_OF_PROJECT = Listing(HISTORY, "project_id", in_visible_project, _BY_TYPE)
HISTORY_OF_MEMORY = Listing(HISTORY, "memory_id", in_visible_log)
HISTORY_OF_OPERATION = Listing(HISTORY, "operation_id", in_visible_operation)

_TAKE = (
    update(_PROJECTS)
    .where(_PROJECTS.c.id == bindparam("project", type_=Id))
    .values(
        sequence=_PROJECTS.c.sequence + bindparam("n", type_=BigInteger),
        total_memories=_PROJECTS.c.total_memories + bindparam("memories", type_=BigInteger),
    )
    .returning(_PROJECTS.c.sequence)
)
_MOMENT = bindparam("moment", type_=UtcDateTime)
_COUNT = (
    update(_ENTITIES)
    .where(_ENTITIES.c.id == bindparam("entity", type_=Id))
    .values(
        total_memories=_ENTITIES.c.total_memories + bindparam("memories", type_=BigInteger),
        # Imported changes may have happened long ago.
        updated_at=case((_ENTITIES.c.updated_at > _MOMENT, _ENTITIES.c.updated_at), else_=_MOMENT),
    )
)


class HistoryStore:
    """Collects the changes of one transaction and writes them at its end.

    `grown` are the ids of the projects whose log has got events.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pending: defaultdict[str, _Totals] = defaultdict(_Totals)
        self.grown: set[str] = set()

    def record(self, change: Change, memories: int = 0, entities: tuple[str, ...] = ()) -> None:
        """Record a change, and add `memories` (1, 0 or -1) to the totals of project and entities.

        `entities` are the ids of the entities that the memory is about.
        """
        totals = self._pending[change.project_id]
        totals.changes.append(change)
        totals.memories += memories
        for entity in entities:
            totals.by_entity[entity] += memories

    def get(self, id: str, actor: Actor, *path: str | int) -> HistoryRow:
        """Return an event. Raises `NotFound` when the actor cannot see it."""
        return HISTORY.get(self._connection, id, actor, *path)

    def project_of(self, memory_id: str, actor: Actor) -> str | None:
        """Return the id of the project whose log has a memory; None if the actor cannot see it."""
        events = select(_HISTORY.c.project_id).where(_HISTORY.c.memory_id == memory_id)
        visible = events.where(in_visible_project(_HISTORY.c.project_id)).limit(1)
        id: str | None = self._connection.execute(visible, viewer_parameters(actor)).scalar()
        return id

    def concepts_lost(self, memory_id: str) -> list[tuple[str, list[str]]]:
        """Return former texts of a memory with their concepts: (text, names), oldest first."""
        events = select(_HISTORY.c.old_text, _HISTORY.c.before).where(
            _HISTORY.c.memory_id == memory_id, _HISTORY.c.before.is_not(None)
        )
        return [
            (old_text, before["concepts"])
            for old_text, before in self._connection.execute(events.order_by(_HISTORY.c.sequence))
            if before and "concepts" in before
        ]

    def pending(self) -> Mapping[str, Sequence[Change]]:
        """Return the changes that are not written yet, by project id."""
        return {project_id: totals.changes for project_id, totals in self._pending.items()}

    def flush(self) -> None:
        """Write the recorded changes, in the order of project ids to avoid deadlocks."""
        for project_id, totals in sorted(self._pending.items()):
            self._flush_project(project_id, totals)
            self.grown.add(project_id)
        self._pending.clear()

    def _flush_project(self, project_id: str, totals: _Totals) -> None:
        changes = totals.changes
        last = self._connection.execute(
            _TAKE, {"project": project_id, "n": len(changes), "memories": totals.memories}
        ).scalar_one()
        counted = [
            {"entity": entity, "memories": n, "moment": changes[-1].created_at}
            for entity, n in sorted(totals.by_entity.items())
        ]
        if counted:
            self._connection.execute(_COUNT, counted)
        first = last - len(changes) + 1
        self._connection.execute(
            insert(_HISTORY),
            [_row(sequence, change) for sequence, change in enumerate(changes, first)],
        )


def _row(sequence: int, change: Change) -> dict[str, Any]:
    values = row_values(change)
    by = values.pop("by")
    return {
        "sequence": sequence,
        "actor": by.email,
        "operation_id": by.operation_id,
        "imported_by": by.imported_by,
        **values,
    }
