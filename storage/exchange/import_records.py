"""Pending records: received by an import and not stored yet, in order, for the import's job."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select

from core.enums import OperationStatus, OperationType
from storage.tables.fields import table_of
from storage.tables.platform import FIRST_EVENT, ImportRecord
from storage.tables.work import Operation

_RECORDS = table_of(ImportRecord)
_OPERATIONS = table_of(Operation)


# The moment of a record without an event: it comes first, so entities precede their memories.
_PAST = datetime(1000, 1, 1, tzinfo=UTC)


def count_records(positions: Iterable[int]) -> int:
    """Return how many of the positions are those of records of the file."""
    return sum(position < FIRST_EVENT for position in positions)


class ImportRecordStore:
    """Reads and writes pending records.

    `position` is the number of a record or of its line, or the place of an event.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, operation_id: str, project_id: str, records: Sequence[tuple[int, dict[str, Any]]]
    ) -> None:
        """Store records, as (position, record), until the job processes them.

        The field `at` of a record, if it has one, is the time at which it happened.
        """
        shared = {"operation_id": operation_id, "project_id": project_id}
        rows = [
            {
                **shared,
                "position": position,
                "happened_at": datetime.fromisoformat(record["at"]) if "at" in record else _PAST,
                "record": record,
            }
            for position, record in records
        ]
        if rows:
            self._connection.execute(insert(_RECORDS), rows)

    def first(
        self, operation_id: str, limit: int, skip: int = 0
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` records after the first `skip`, as (position, record).

        They are in the order in which they happened, those of one moment in that of the file.
        """
        rows = select(_RECORDS.c.position, _RECORDS.c.record).where(
            _RECORDS.c.operation_id == operation_id
        )
        ordered = rows.order_by(_RECORDS.c.happened_at, _RECORDS.c.position)
        first = self._connection.execute(ordered.offset(skip).limit(limit))
        return [(row.position, row.record) for row in first]

    def count_remaining(self, operation_id: str) -> int:
        """Return the number of pending records of an operation."""
        total = (
            select(func.count())
            .select_from(_RECORDS)
            .where(_RECORDS.c.operation_id == operation_id)
        )
        return self._connection.execute(total).scalar_one()

    def delete_stored(self, operation_id: str, positions: Sequence[int]) -> bool:
        """Delete records that were stored as memories; return whether all of them still existed.

        If one is missing, another worker has stored it, or it was erased. Then nothing is deleted,
        and the caller must process the batch again, because its results depend on each other.
        """
        these = (_RECORDS.c.operation_id == operation_id, _RECORDS.c.position.in_(positions))
        rows = select(_RECORDS.c.position).where(*these).order_by(_RECORDS.c.position)
        if self._connection.dialect.name != "sqlite":
            rows = rows.with_for_update()
        if len(self._connection.execute(rows).all()) != len(positions):
            return False
        self._connection.execute(delete(_RECORDS).where(*these))
        return True

    def remove(self, operation_id: str, positions: Sequence[int]) -> int:
        """Delete records that must not be stored; return how many of them are of the file."""
        deletion = delete(_RECORDS).where(
            _RECORDS.c.operation_id == operation_id, _RECORDS.c.position.in_(positions)
        )
        removed = self._connection.execute(deletion.returning(_RECORDS.c.position)).scalars()
        return count_records(removed)

    def delete_abandoned(self, failed_before: datetime) -> int:
        """Delete records that no job will store; return the number of deleted ones.

        They are of uploads that were aborted, and of imports that failed before `failed_before`. An
        aborted upload never had a job, and so has no attempts.
        """
        operation = _OPERATIONS.c.id == _RECORDS.c.operation_id
        abandoned = (
            (_OPERATIONS.c.type == OperationType.IMPORT)
            & (_OPERATIONS.c.status == OperationStatus.FAILED)
            & ((_OPERATIONS.c.attempts == 0) | (_OPERATIONS.c.completed_at < failed_before))
        )
        deletion = delete(_RECORDS).where(exists().where(operation, abandoned))
        return self._connection.execute(deletion).rowcount
