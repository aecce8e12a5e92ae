"""Organizations: the tenants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, true, update

from core.access import Actor, Role
from core.ids import is_id
from core.paging import Order
from storage.sql.listing import Listing, Source
from storage.sql.visibility import organization_of_viewer, organization_role, organization_visible
from storage.tables.fields import table_of
from storage.tables.graph import Organization

_ORGANIZATIONS = table_of(Organization)


@dataclass(slots=True)
class OrganizationRow:
    """One organization, and the role of the viewer in it."""

    id: str
    name: str
    created_at: datetime
    updated_at: datetime
    viewer_role: Role | None


ORGANIZATION_ORDER = Order("organizations", ("created_at", "id"))
ORGANIZATIONS = Source(
    "organization",
    _ORGANIZATIONS,
    OrganizationRow,
    organization_visible,
    {"viewer_role": organization_role},
)
ORGANIZATIONS_OF_VIEWER = Listing(
    ORGANIZATIONS, None, lambda _: true(), {"visible": organization_of_viewer}
)


class OrganizationStore:
    """Reads and writes organizations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> OrganizationRow:
        """Return an organization. Raises `NotFound` when the actor cannot see it."""
        return ORGANIZATIONS.get(self._connection, id, actor, *path)

    def lock(self, id: str) -> None:
        """Keep other transactions from changing the organization or its members until commit.

        Lock before reading: rows read before the lock may be outdated. A malformed id is ignored.
        """
        if not is_id(id):
            return
        statement = select(_ORGANIZATIONS.c.id).where(_ORGANIZATIONS.c.id == id)
        self._connection.execute(statement.with_for_update(key_share=True))

    def create(self, id: str, name: str, moment: datetime) -> None:
        """Store an organization without members."""
        values = {"id": id, "name": name, "created_at": moment, "updated_at": moment}
        self._connection.execute(insert(_ORGANIZATIONS), values)

    def change(self, id: str, moment: datetime, **values: Any) -> None:
        """Update some columns of an organization."""
        statement = update(_ORGANIZATIONS).where(_ORGANIZATIONS.c.id == id)
        self._connection.execute(statement.values(updated_at=moment, **values))
