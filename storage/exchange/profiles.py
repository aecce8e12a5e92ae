"""Profiles of users: the settings of a project, and the exports that are profiles."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from storage.exchange.exports import EXPORTS, ExportRow
from storage.sql.listing import row_values
from storage.tables.fields import table_of
from storage.tables.platform import Export, ProfileSettings

_SETTINGS = table_of(ProfileSettings)
_EXPORTS = table_of(Export)
_ROW = select(*EXPORTS.columns(_EXPORTS))
_NEWEST = (_EXPORTS.c.created_at.desc(), _EXPORTS.c.id.desc())


@dataclass(slots=True)
class ProfileSettingsRow:
    """The settings of a project for profiles, and when they were set."""

    project_id: str
    enabled: bool
    json_schema: dict[str, Any] | None
    instructions: str | None
    updated_at: datetime


class ProfileStore:
    """Reads and writes settings and profiles; the caller has checked who may see them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def settings(self, project_id: str) -> ProfileSettingsRow | None:
        """Return the settings of a project; None if there are none."""
        columns = [_SETTINGS.c[name] for name in ProfileSettingsRow.__dataclass_fields__]
        statement = select(*columns).where(_SETTINGS.c.project_id == project_id)
        row = self._connection.execute(statement).first()
        return None if row is None else ProfileSettingsRow(*row)

    def put_settings(self, row: ProfileSettingsRow) -> None:
        """Store the settings of a project that the caller has locked."""
        values = row_values(row)
        changed = update(_SETTINGS).where(_SETTINGS.c.project_id == row.project_id)
        if not self._connection.execute(changed.values(values)).rowcount:
            self._connection.execute(insert(_SETTINGS), values)

    def newest(self, entity_id: str) -> ExportRow | None:
        """Return the most recently requested profile of an entity, finished or not, or None."""
        profiles = _ROW.where(_EXPORTS.c.profile_of == entity_id)
        row = self._connection.execute(profiles.order_by(*_NEWEST).limit(1)).first()
        return None if row is None else ExportRow(*row)

    def finished(self, entity_id: str) -> tuple[ExportRow | None, int]:
        """Return the newest finished profile of an entity, or None, and the number of them."""
        done = (_EXPORTS.c.profile_of == entity_id, _EXPORTS.c.completed_at.is_not(None))
        row = self._connection.execute(_ROW.where(*done).order_by(*_NEWEST).limit(1)).first()
        count = self._connection.execute(select(func.count()).where(*done)).scalar_one()
        return (None if row is None else ExportRow(*row)), count

    def of_job(self, job_id: str) -> list[ExportRow]:
        """Return the profiles that one job builds together, in the order of their ids."""
        rows = _ROW.where(_EXPORTS.c.profile_job == job_id).order_by(_EXPORTS.c.id)
        return [ExportRow(*row) for row in self._connection.execute(rows)]
