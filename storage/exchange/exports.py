"""Exports of a project's memories, and the memories that shaped exports were built from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from core.access import Actor
from storage.sql.listing import Source, row_values
from storage.sql.visibility import in_visible_project
from storage.tables.fields import table_of
from storage.tables.platform import Export, ExportMemory

_EXPORTS = table_of(Export)
_EXPORT_MEMORIES = table_of(ExportMemory)

_MOST_SEARCHED = 1_000


@dataclass(slots=True)
class ExportRow:
    """One export; see `storage.tables.platform.Export` for its two kinds.

    `sequence` is the number of the last log event that it includes. `completed_at` is null until it
    has succeeded. `profile_of` is the id of the entity if the export is a profile, else null.
    """

    id: str
    project_id: str
    operation_id: str
    json_schema: dict[str, Any] | None
    filter: dict[str, Any] | None
    instructions: str | None
    include_history: bool
    sequence: int
    data: dict[str, Any] | None
    created_at: datetime
    completed_at: datetime | None
    profile_of: str | None = None
    profile_job: str | None = None

    @property
    def url(self) -> str | None:
        """The path of the download of a plain export; None for a shaped one."""
        return f"/exports/{self.id}.jsonl" if self.json_schema is None else None


EXPORTS = Source("export", _EXPORTS, ExportRow, lambda row: in_visible_project(row.c.project_id))


class ExportStore:
    """Reads and writes exports."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> ExportRow:
        """Return an export. Raises `NotFound` when the actor cannot see it."""
        return EXPORTS.get(self._connection, id, actor, *path)

    def add(self, export: ExportRow) -> None:
        """Store an export."""
        self._connection.execute(insert(_EXPORTS), row_values(export))

    def of_operation(self, operation_id: str) -> ExportRow | None:
        """Return the export of an operation, or None; ignores visibility."""
        export = select(*EXPORTS.columns(_EXPORTS)).where(_EXPORTS.c.operation_id == operation_id)
        row = self._connection.execute(export).first()
        return None if row is None else ExportRow(*row)

    def latest_shaped(self, project_id: str, filter: dict[str, Any] | None) -> ExportRow | None:
        """Return the newest shaped export of a project with this filter, or None.

        Only its last 1,000 exports are searched. Profiles do not count as exports here.
        """
        newest = (
            select(_EXPORTS.c.id, _EXPORTS.c.json_schema, _EXPORTS.c.filter)
            .where(_EXPORTS.c.project_id == project_id, _EXPORTS.c.profile_of.is_(None))
            .order_by(_EXPORTS.c.created_at.desc(), _EXPORTS.c.id.desc())
            .limit(_MOST_SEARCHED)
        )
        for id, schema, stored in self._connection.execute(newest):
            if schema is not None and stored == filter:
                export = select(*EXPORTS.columns(_EXPORTS)).where(_EXPORTS.c.id == id)
                return ExportRow(*self._connection.execute(export).one())
        return None

    def fill(
        self, id: str, data: dict[str, Any], memory_ids: Iterable[str], moment: datetime
    ) -> None:
        """Store the result of a shaped export and the ids of the memories it was built from."""
        completed = update(_EXPORTS).where(_EXPORTS.c.id == id)
        self._connection.execute(completed.values(data=data, completed_at=moment))
        links = [{"export_id": id, "memory_id": each} for each in sorted(set(memory_ids))]
        if links:
            self._connection.execute(insert(_EXPORT_MEMORIES), links)
