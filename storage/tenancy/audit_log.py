"""The audit log: acts of administration, recorded by the transaction that performs them.

An entry belongs to an organization and is deleted with it. An entry about a project outlives the
project: it shows who created and deleted it, but no longer what was in it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from core.audit import AuditAction
from core.paging import Order
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import audit_entry_visible, in_owned_organization, in_owned_project
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.graph import AuditEntry

_ENTRIES = table_of(AuditEntry)
# The entries of these actions keep the name of an erased project, to show what was deleted.
_NAMING = {
    AuditAction.PROJECT_CREATED.value,
    AuditAction.PROJECT_UPDATED.value,
    AuditAction.PROJECT_DELETED.value,
}


@dataclass(slots=True)
class AuditRow:
    """One act. `before` and `after` have the changed values by API names, and never a secret.

    `project_id` is the project it applies to or happened in, which may have been deleted. `action`
    is the name of an `AuditAction`, as text, because a server must be able to show entries written
    by a newer version.
    """

    id: str
    organization_id: str
    project_id: str | None
    actor: str
    action: str
    target_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: datetime


AUDIT = Source("audit entry", _ENTRIES, AuditRow, audit_entry_visible)
AUDIT_ORDER = Order("auditLog", ("created_at", "id"), descending=True)
AUDIT_OF_ORGANIZATION = Listing(AUDIT, "organization_id", in_owned_organization)
AUDIT_OF_PROJECT = Listing(AUDIT, "project_id", in_owned_project)

_SOME = (
    select(_ENTRIES.c.id, _ENTRIES.c.action, _ENTRIES.c.before, _ENTRIES.c.after)
    .where(
        _ENTRIES.c.project_id == bindparam("project", type_=Id),
        _ENTRIES.c.id > bindparam("beyond", type_=Id),
    )
    .order_by(_ENTRIES.c.id)
)
_BLANK = (
    update(_ENTRIES)
    .where(_ENTRIES.c.id == bindparam("entry", type_=Id))
    .values(before=bindparam("old"), after=bindparam("new"))
)


class AuditStore:
    """Writes entries, and blanks those of erased projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, *entries: AuditRow) -> None:
        """Store entries about acts of this same transaction."""
        if entries:
            self._connection.execute(insert(_ENTRIES), [row_values(entry) for entry in entries])

    def blank_some(self, project_id: str, beyond: str, limit: int) -> str | None:
        """Remove the details from up to `limit` entries of a project, those after the id `beyond`.

        The actor, the action and the project's names remain. Returns the id to continue from, None
        when there are no more entries.
        """
        values = {"project": project_id, "beyond": beyond}
        rows = self._connection.execute(_SOME.limit(limit), values).all()
        changes = [
            {
                "entry": row.id,
                "old": _retained_facts(row.action, row.before),
                "new": _retained_facts(row.action, row.after),
            }
            for row in rows
        ]
        if changes:
            self._connection.execute(_BLANK, changes)
        return rows[-1].id if len(rows) == limit else None


def _retained_facts(action: str, facts: dict[str, Any] | None) -> dict[str, Any] | None:
    if facts is None or action not in _NAMING or "name" not in facts:
        return None
    return {"name": facts["name"]}
