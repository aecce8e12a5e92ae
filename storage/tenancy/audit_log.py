"""The audit log: administration, written down by the transaction that does it.

An entry belongs to an organization and goes with it. It may be about one of its projects, and
outlives that: who made and who deleted a project can be read afterwards, what was in it cannot.
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
# Of these an erased project leaves its name: without it nobody could tell what was deleted.
_NAMING = {
    AuditAction.PROJECT_CREATED.value,
    AuditAction.PROJECT_UPDATED.value,
    AuditAction.PROJECT_DELETED.value,
}


@dataclass(slots=True)
class AuditRow:
    """One act. `before` and `after` hold what it changed by API names; never a secret.

    `project_id` is that of the project it was done to or in, which may be gone. `action` is the
    name of an `AuditAction`, as a text: a server must be able to show what a newer one has written.
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
    """Writes entries, and blanks those of projects that are erased."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, *entries: AuditRow) -> None:
        """Store entries about what this very transaction does."""
        if entries:
            self._connection.execute(insert(_ENTRIES), [row_values(entry) for entry in entries])

    def blank_some(self, project_id: str, beyond: str, limit: int) -> str | None:
        """Take what was in a project out of up to `limit` of its entries, those beyond an id.

        That somebody did something stays, and so do the project's names. Returns the id to go on
        from, None when there are no more.
        """
        values = {"project": project_id, "beyond": beyond}
        rows = self._connection.execute(_SOME.limit(limit), values).all()
        changes = [
            {
                "entry": row.id,
                "old": _left_of(row.action, row.before),
                "new": _left_of(row.action, row.after),
            }
            for row in rows
        ]
        if changes:
            self._connection.execute(_BLANK, changes)
        return rows[-1].id if len(rows) == limit else None


def _left_of(action: str, facts: dict[str, Any] | None) -> dict[str, Any] | None:
    if facts is None or action not in _NAMING or "name" not in facts:
        return None
    return {"name": facts["name"]}
