"""What an import has received and not yet stored: records that wait, in order, for their job."""

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
    """Reads and writes the records of imports; `position` is a record's line or number."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self, operation_id: str, project_id: str, records: Sequence[tuple[int, dict[str, Any]]]
    ) -> None:
        """Keep records as (position, record) until it is their turn."""
        shared = {"operation_id": operation_id, "project_id": project_id}
        rows = [{**shared, "position": at, "record": record} for at, record in records]
        if rows:
            self._connection.execute(insert(_RECORDS), rows)

    def first(
        self, operation_id: str, limit: int, after: int = -1
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return the first records after a position, as (position, record)."""
        rows = select(_RECORDS.c.position, _RECORDS.c.record).where(
            _RECORDS.c.operation_id == operation_id, _RECORDS.c.position > after
        )
        found = self._connection.execute(rows.order_by(_RECORDS.c.position).limit(limit))
        return [(row.position, row.record) for row in found]

    def count_remaining(self, operation_id: str) -> int:
        """Return how many records of an operation wait."""
        mine = _RECORDS.c.operation_id == operation_id
        total = select(func.count()).select_from(_RECORDS).where(mine)
        return self._connection.execute(total).scalar_one()

    def delete_stored(self, operation_id: str, positions: Sequence[int]) -> bool:
        """Delete records that are stored, unless one of them is gone; tell whether all were there.

        Others have stored it, or erased it, and what was thought of them together is to be thought
        again.
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
        """Delete records that must not be stored; return how many of them were there."""
        gone = delete(_RECORDS).where(
            _RECORDS.c.operation_id == operation_id, _RECORDS.c.position.in_(positions)
        )
        return self._connection.execute(gone).rowcount

    def delete_abandoned(self, failed_before: datetime) -> int:
        """Delete what nobody will store: of uploads that broke off, and of what failed long ago.

        An upload that was given up has never had a job, and so has no attempts.
        """
        operation = _OPERATIONS.c.id == _RECORDS.c.operation_id
        left = (
            (_OPERATIONS.c.type == OperationType.IMPORT)
            & (_OPERATIONS.c.status == OperationStatus.FAILED)
            & ((_OPERATIONS.c.attempts == 0) | (_OPERATIONS.c.completed_at < failed_before))
        )
        gone = delete(_RECORDS).where(exists().where(operation, left))
        return self._connection.execute(gone).rowcount
