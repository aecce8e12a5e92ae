"""Pending records: received by an import and not stored yet, in order, for the import's job."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select

from core.enums import OperationStatus, OperationType
from storage.tables.fields import table_of
from storage.tables.platform import ImportRecord
from storage.tables.work import Operation

_RECORDS = table_of(ImportRecord)
_OPERATIONS = table_of(Operation)


class ImportRecordStore:
    """Reads and writes pending records; `position` is the number of a record or of its line."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, operation_id: str, project_id: str, records: Sequence[tuple[int, dict[str, Any]]]
    ) -> None:
        """Store records, as (position, record), until the job processes them."""
        shared = {"operation_id": operation_id, "project_id": project_id}
        rows = [{**shared, "position": at, "record": record} for at, record in records]
        if rows:
            self._connection.execute(insert(_RECORDS), rows)

    def first(
        self, operation_id: str, limit: int, after: int = -1
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return up to `limit` records after a position, in order, as (position, record)."""
        rows = select(_RECORDS.c.position, _RECORDS.c.record).where(
            _RECORDS.c.operation_id == operation_id, _RECORDS.c.position > after
        )
        first = self._connection.execute(rows.order_by(_RECORDS.c.position).limit(limit))
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
        """Delete records that must not be stored; return the number of deleted ones."""
        deletion = delete(_RECORDS).where(
            _RECORDS.c.operation_id == operation_id, _RECORDS.c.position.in_(positions)
        )
        return self._connection.execute(deletion).rowcount

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
