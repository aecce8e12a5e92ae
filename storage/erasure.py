"""Erasing what a deleted project leaves behind, in bounded steps.

Every step may be run again: a killed worker's job is taken by the next one, which goes on where the
rows still are.
"""

from sqlalchemy import Connection, Table, delete, select

from storage.tables import (
    Entity,
    HistoryEvent,
    Memory,
    MemoryVector,
    Organization,
    Project,
    table_of,
)

_VECTORS = table_of(MemoryVector)
_MEMORIES = table_of(Memory)
_HISTORY = table_of(HistoryEvent)
_ENTITIES = table_of(Entity)
_PROJECTS = table_of(Project)
_ORGANIZATIONS = table_of(Organization)


class ErasureStore:
    """Deletes the rows of a project that is already invisible."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def erase_some(self, project_id: str, limit: int) -> int:
        """Delete up to `limit` rows of a project's content; return how many there were.

        Vectors go first and entities last, so no cascade ever deletes more than its share.
        """
        for table, key in (
            (_VECTORS, "memory_id"),
            (_MEMORIES, "id"),
            (_HISTORY, "id"),
            (_ENTITIES, "id"),
        ):
            deleted = self._delete_some(table, key, project_id, limit)
            if deleted:
                return deleted
        return 0

    def _delete_some(self, table: Table, key: str, project_id: str, limit: int) -> int:
        some = select(table.c[key]).where(table.c.project_id == project_id).limit(limit)
        return self._connection.execute(delete(table).where(table.c[key].in_(some))).rowcount

    def erase_project(self, project_id: str) -> None:
        """Delete a project that has no content left, and its organization if it was the last."""
        row = self._connection.execute(
            select(_PROJECTS.c.organization_id).where(_PROJECTS.c.id == project_id)
        ).first()
        if row is None:
            return
        self._connection.execute(delete(_PROJECTS).where(_PROJECTS.c.id == project_id))
        self.erase_empty_organization(row.organization_id)

    def erase_empty_organization(self, organization_id: str) -> None:
        """Delete an organization that is invisible and has no project left."""
        projects = select(_PROJECTS.c.id).where(_PROJECTS.c.organization_id == organization_id)
        self._connection.execute(
            delete(_ORGANIZATIONS).where(
                _ORGANIZATIONS.c.id == organization_id,
                _ORGANIZATIONS.c.deleted_at.is_not(None),
                ~projects.exists(),
            )
        )
