"""Erasure of the content of a deleted project, in bounded steps.

Every step can be repeated: when a worker is killed, the next one takes its job and continues with
the remaining rows.
"""

from sqlalchemy import Connection, Table, delete, select, text, tuple_

from storage.erasure.receipts import ReceiptStore
from storage.tables.fields import table_of
from storage.tables.graph import Account, Entity, HistoryEvent, Organization, Project
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
_ACCOUNTS = table_of(Account)

# The tables of a project's content by their names in a receipt, in the order of deletion. Parts of
# memories are deleted before them and entities last, so that cascades stay small.
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
    """Return the subject of a receipt for a project."""
    return f"PROJECT {project_id}"


def forget_deleted_keywords(connection: Connection) -> None:
    """Rewrite the keyword index without the words of deleted rows.

    Until then SQLite's index only marks those words as deleted: they stay readable in its blocks
    until the blocks are merged. Of the two ways to remove them this one is cheaper: it copies the
    index, which takes a fifth of a second for 100,000 memories, and reads no memory. On PostgreSQL,
    VACUUM removes them, as it does the rows themselves.
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
        """Delete up to `limit` rows of a project's content; return the number of deleted rows.

        0 means that none are left. Touches and links, of which a memory has few, are deleted with
        the memories. The rows are counted in the project's receipt, which exists if its erasure was
        requested itself, and not that of its organization.
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
        """Delete up to `limit` rows; return the first key column of each."""
        key = tuple(table.primary_key)
        some = select(*key).where(table.c.project_id == project_id).limit(limit)
        deletion = delete(table).where(tuple_(*key).in_(some)).returning(key[0])
        return list(self._connection.execute(deletion).scalars())

    def erase_project(self, project_id: str) -> None:
        """Delete a project without content, and its deleted organization if it was the last."""
        row = self._connection.execute(
            select(_PROJECTS.c.organization_id).where(_PROJECTS.c.id == project_id)
        ).first()
        if row is None:
            return
        forget_deleted_keywords(self._connection)
        self._connection.execute(delete(_PROJECTS).where(_PROJECTS.c.id == project_id))
        self.erase_empty_organization(row.organization_id)

    def erase_empty_organization(self, organization_id: str) -> None:
        """Delete an organization that is marked as deleted and has no project left.

        Its service accounts are deleted with it.
        """
        projects = select(_PROJECTS.c.id).where(_PROJECTS.c.organization_id == organization_id)
        deleted = self._connection.execute(
            delete(_ORGANIZATIONS).where(
                _ORGANIZATIONS.c.id == organization_id,
                _ORGANIZATIONS.c.deleted_at.is_not(None),
                ~projects.exists(),
            )
        )
        if deleted.rowcount:
            owned = _ACCOUNTS.c.organization_id == organization_id
            self._connection.execute(delete(_ACCOUNTS).where(owned))
