"""Pruning: deletes old log events, past versions, finished operations, exports and deliveries.

The log is pruned from its beginning only, so that the rest stays dense. Versions and operations are
deleted after the events that refer to them, never before: an erasure uses the versions to find out
whether a deleted memory was about an entity, and would overlook events of a memory without
versions; and the operation of an event must exist. The order of finished webhook deliveries does
not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    bindparam,
    case,
    delete,
    or_,
    select,
    tuple_,
    update,
)

from storage.tables.columns import Id, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import HistoryEvent, Project
from storage.tables.memory import MemoryVersion
from storage.tables.platform import Export, WebhookDelivery
from storage.tables.work import Operation

_PROJECTS = table_of(Project)
_HISTORY = table_of(HistoryEvent)
_VERSIONS = table_of(MemoryVersion)
_OPERATIONS = table_of(Operation)
_DELIVERIES = table_of(WebhookDelivery)
_EXPORTS = table_of(Export)

_PROJECT = bindparam("project", type_=Id)
_CUTOFF = bindparam("cutoff", type_=UtcDateTime)
_FIRST, _LAST = (bindparam(name, type_=BigInteger) for name in ("first", "last"))
_LIMIT = bindparam("limit", type_=Integer)

_PRUNED = select(_PROJECTS.c.pruned_sequence).where(_PROJECTS.c.id == _PROJECT)
_OLDEST_EVENTS = (
    select(_HISTORY.c.sequence, _HISTORY.c.created_at)
    .where(_HISTORY.c.project_id == _PROJECT, _HISTORY.c.sequence > _FIRST)
    .order_by(_HISTORY.c.sequence)
    .limit(_LIMIT)
)
_DELETE_EVENTS = delete(_HISTORY).where(
    _HISTORY.c.project_id == _PROJECT,
    _HISTORY.c.sequence > _FIRST,
    _HISTORY.c.sequence <= _LAST,
)
# Only the oldest `limit` versions are examined, which bounds the step. Of these, the ones whose end
# is no longer in the log are deleted; the rest follow once their events are pruned.
_OLDEST_VERSIONS = (
    select(_VERSIONS.c.id, _VERSIONS.c.version)
    .where(_VERSIONS.c.project_id == _PROJECT, _VERSIONS.c.ended_at < _CUTOFF)
    .order_by(_VERSIONS.c.ended_at)
    .limit(_LIMIT)
)
_DELETE_VERSIONS = delete(_VERSIONS).where(
    tuple_(_VERSIONS.c.id, _VERSIONS.c.version).in_(_OLDEST_VERSIONS),
    ~select(_HISTORY.c.id)
    .where(
        _HISTORY.c.memory_id == _VERSIONS.c.id,
        _HISTORY.c.version <= _VERSIONS.c.version + 1,
    )
    .exists(),
)
_OLDEST_OPERATIONS = (
    select(_OPERATIONS.c.id)
    .where(_OPERATIONS.c.project_id == _PROJECT, _OPERATIONS.c.completed_at < _CUTOFF)
    .order_by(_OPERATIONS.c.completed_at)
    .limit(_LIMIT)
)
# The operation of an export must exist, so the export is deleted first.
_DELETE_EXPORTS = delete(_EXPORTS).where(_EXPORTS.c.operation_id.in_(_OLDEST_OPERATIONS))
# Only finished operations have `completed_at`. It is checked again for each row as it is deleted,
# because a retry may have reopened a failed operation.
_DELETE_OPERATIONS = delete(_OPERATIONS).where(
    _OPERATIONS.c.id.in_(_OLDEST_OPERATIONS),
    _OPERATIONS.c.completed_at < _CUTOFF,
    ~select(_HISTORY.c.id).where(_HISTORY.c.operation_id == _OPERATIONS.c.id).exists(),
    ~select(_EXPORTS.c.id).where(_EXPORTS.c.operation_id == _OPERATIONS.c.id).exists(),
)
# Pending deliveries have no `completed_at`.
_OLDEST_DELIVERIES = (
    select(_DELIVERIES.c.id)
    .where(_DELIVERIES.c.project_id == _PROJECT, _DELIVERIES.c.completed_at < _CUTOFF)
    .order_by(_DELIVERIES.c.completed_at)
    .limit(_LIMIT)
)
_DELETE_DELIVERIES = delete(_DELIVERIES).where(
    _DELIVERIES.c.id.in_(_OLDEST_DELIVERIES), _DELIVERIES.c.completed_at < _CUTOFF
)
# Two processes may prune at once, so the marks never decrease.
_MARK = (
    update(_PROJECTS)
    .where(_PROJECTS.c.id == _PROJECT)
    .values(
        pruned_sequence=case(
            (_PROJECTS.c.pruned_sequence < _LAST, _LAST), else_=_PROJECTS.c.pruned_sequence
        ),
        pruned_until=case(
            (
                or_(_PROJECTS.c.pruned_until.is_(None), _PROJECTS.c.pruned_until < _CUTOFF),
                _CUTOFF,
            ),
            else_=_PROJECTS.c.pruned_until,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Pruned:
    """The extent of the pruning of a project.

    Events up to the number `sequence` are pruned, and versions, operations, exports and deliveries
    that ended before the moment `until`.
    """

    sequence: int
    until: datetime | None


_DELETE_ENDED = (_DELETE_VERSIONS, _DELETE_EXPORTS, _DELETE_OPERATIONS, _DELETE_DELIVERIES)


class PruningStore:
    """Prunes projects, and reads the extent of their pruning."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pruned(self, project_ids: Sequence[str]) -> dict[str, Pruned]:
        """Return the extent of the pruning of each project that exists, by id.

        Call it after reading the rows it applies to: it then includes rows pruned between the two
        reads.
        """
        columns = (_PROJECTS.c.pruned_sequence, _PROJECTS.c.pruned_until, _PROJECTS.c.id)
        statement = select(*columns).where(_PROJECTS.c.id.in_(project_ids))
        return {id: Pruned(*marks) for *marks, id in self._connection.execute(statement)}

    def prune_some(self, project_id: str, cutoff: datetime, limit: int) -> int:
        """Delete up to `limit` rows of a project that are older than the cutoff.

        Returns the number of deleted rows; 0 means that none are left. The order is: events, from
        the oldest to the first that is not old enough, then past versions, exports, operations and
        deliveries. Memories are never deleted.
        """
        values = {"project": project_id, "cutoff": cutoff, "limit": limit}
        pruned = self._connection.execute(_PRUNED, values).scalar_one_or_none()
        if pruned is None:
            return 0
        last = self._prune_log(project_id, cutoff, limit, pruned)
        count: int = last - pruned
        for statement in _DELETE_ENDED:
            count = count or self._connection.execute(statement, values).rowcount
        if count:
            # It locks the project until commit, so it comes last, as in every other write.
            self._connection.execute(_MARK, {**values, "last": last})
        return count

    def _prune_log(self, project_id: str, cutoff: datetime, limit: int, pruned: int) -> int:
        """Delete events after the last pruned one; return the number of the last one deleted."""
        values = {"project": project_id, "first": pruned, "limit": limit}
        last = pruned
        for sequence, created_at in self._connection.execute(_OLDEST_EVENTS, values).all():
            if created_at >= cutoff:
                break
            last = sequence
        if last > pruned:
            self._connection.execute(_DELETE_EVENTS, {**values, "last": last})
        return last
