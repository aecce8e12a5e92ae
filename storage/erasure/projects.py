"""Erasing what a deleted project leaves behind, in bounded steps.

Every step may be run again: a killed worker's job is taken by the next one, which goes on where the
rows still are.
"""

from sqlalchemy import Connection, Table, delete, select, text, tuple_

from storage.erasure.receipts import ReceiptStore
from storage.tables.fields import table_of
from storage.tables.graph import Entity, HistoryEvent, Organization, Project
from storage.tables.memory import (
    Concept,
    Memory,
    MemoryKeywords,
    MemoryVector,
    MemoryVersion,
    SourceMessage,
)
from storage.tables.platform import Export, ImportRecord, MemoryFeedback, Webhook, WebhookDelivery
from storage.tables.work import Operation

_MEMORIES = table_of(Memory)
_PROJECTS = table_of(Project)
_ORGANIZATIONS = table_of(Organization)

# What a project is emptied of, in this order, by the names that a receipt has for it. What hangs on
# memories goes before them and entities last, so no cascade ever deletes more than its share.
_CONTENT = {
    "deliveries": table_of(WebhookDelivery),
    "webhooks": table_of(Webhook),
    "exports": table_of(Export),
    "importRecords": table_of(ImportRecord),
    "feedback": table_of(MemoryFeedback),
    "vectors": table_of(MemoryVector),
    "keywords": table_of(MemoryKeywords),
    "versions": table_of(MemoryVersion),
    "memories": _MEMORIES,
    "sourceMessages": table_of(SourceMessage),
    "concepts": table_of(Concept),
    "historyEvents": table_of(HistoryEvent),
    "operations": table_of(Operation),
    "entities": table_of(Entity),
}


def project_subject(project_id: str) -> str:
    """Return what a receipt calls a project."""
    return f"PROJECT {project_id}"


def forget_deleted_keywords(connection: Connection) -> None:
    """Rewrite the keyword index without the words of rows that were deleted.

    Until then SQLite's index would only mark those words as void: they stay readable in its blocks
    for as long as it happens to merge others. Of the two ways to be rid of them this one is the
    cheaper: it copies the index, a fifth of a second for 100,000 memories, and reads no memory.
    PostgreSQL's index is left to VACUUM, as the rows themselves are.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(
            text("INSERT INTO ft_memory_keywords (ft_memory_keywords) VALUES ('optimize')")
        )


class ErasureStore:
    """Deletes the rows of a project that is already invisible."""

    def __init__(self, connection: Connection, receipts: ReceiptStore) -> None:
        self._connection = connection
        self._receipts = receipts

    def erase_some(self, project_id: str, limit: int) -> int:
        """Delete up to `limit` rows of a project's content; return how many there were.

        Touches and links, of which a memory has few, go with the memories. The receipt of the
        project, if somebody asked for its erasure alone, is told of each.
        """
        for name, table in _CONTENT.items():
            deleted = self._delete_some(table, project_id, limit)
            if deleted:
                receipt = self._receipts.open_of(project_id, project_subject(project_id))
                if receipt is not None:
                    ids = deleted if table is _MEMORIES else []
                    self._receipts.count(receipt.id, {name: len(deleted)}, ids)
                return len(deleted)
        return 0

    def _delete_some(self, table: Table, project_id: str, limit: int) -> list[str]:
        """Delete some rows; return the first column of the key of each."""
        key = tuple(table.primary_key)
        some = select(*key).where(table.c.project_id == project_id).limit(limit)
        gone = delete(table).where(tuple_(*key).in_(some)).returning(key[0])
        return list(self._connection.execute(gone).scalars())

    def erase_project(self, project_id: str) -> None:
        """Delete a project that has no content left, and its organization if it was the last."""
        row = self._connection.execute(
            select(_PROJECTS.c.organization_id).where(_PROJECTS.c.id == project_id)
        ).first()
        if row is None:
            return
        forget_deleted_keywords(self._connection)
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
