"""Finding again where the name of an erased entity was written, wherever in a request it stood.

Most operations say whom they are about, and are erased with the entity. A filter may also name it
deep inside, among others: those are looked through one by one, in bounded steps.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, tuple_

from storage.fields import table_of
from storage.operations import OperationStore
from storage.platform_tables import Export, ImportRecord
from storage.work_tables import Operation

_OPERATIONS = table_of(Operation)
_EXPORTS = table_of(Export)
_RECORDS = table_of(ImportRecord)
# What is looked through, table after table, and what of it is the key.
PLACES = ("operations", "exports", "importRecords")


class MentionStore:
    """Erases what names an entity."""

    def __init__(self, connection: Connection, operations: OperationStore) -> None:
        self._connection = connection
        self._operations = operations

    def erase_some(
        self,
        place: str,
        project_id: str,
        name: str,
        beyond: list[Any],
        limit: int,
        moment: datetime,
    ) -> tuple[list[Any] | None, int]:
        """Look through up to `limit` rows of a place, those beyond a key.

        Returns the key to go on from, None when there are no more, and how many rows were erased.
        """
        key, values = _LOOKED_AT[place]
        table = key[0].table
        rows = select(*key, *values).where(table.c.project_id == project_id)
        if beyond:
            rows = rows.where(tuple_(*key) > tuple(beyond))
        found = self._connection.execute(rows.order_by(*key).limit(limit)).all()
        naming = [
            tuple(row[: len(key)])
            for row in found
            if any(name == text for value in row[len(key) :] for text in texts_in(value))
        ]
        erased = 0
        if naming and place == "operations":
            erased = self._operations.erase({id for (id,) in naming}, moment)
        elif naming:
            gone = delete(table).where(tuple_(*key).in_(naming))
            erased = self._connection.execute(gone).rowcount
        last = list(found[-1][: len(key)]) if len(found) == limit else None
        return last, erased


_LOOKED_AT: dict[str, tuple[list[Any], list[Any]]] = {
    "operations": ([_OPERATIONS.c.id], [_OPERATIONS.c.input]),
    "exports": ([_EXPORTS.c.id], [_EXPORTS.c.filter]),
    "importRecords": ([_RECORDS.c.operation_id, _RECORDS.c.position], [_RECORDS.c.record]),
}


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text that a JSON value has in it; the names of its fields are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
