"""Invitations: offers of a membership, found by id, by secret, by address or by place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    insert,
    select,
    true,
    update,
)

from core.access import Actor, Role
from core.enums import InvitationStatus
from core.ids import is_id
from core.paging import Order
from core.text_forms import escape_email
from storage.sql.aliases import alias_of
from storage.sql.listing import Listing, Source
from storage.sql.visibility import (
    in_owned_organization,
    in_owned_project,
    invitation_has_place,
    invitation_of_viewer,
    invitation_visible,
    inviter_is_owner,
)
from storage.tables.columns import UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Account, Invitation

_INVITATIONS = table_of(Invitation)
_ACCOUNTS = table_of(Account)


@dataclass(slots=True)
class InvitationRow:
    """One invitation, without its secret.

    `has_owner` is false once the inviter no longer owns the place.
    """

    id: str
    organization_id: str
    project_id: str | None
    email: str
    role: Role
    inviter_email: str
    status: InvitationStatus
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    has_owner: bool

    def status_at(self, moment: datetime) -> InvitationStatus:
        """Return the status at a moment; a pending invitation may have lost its inviter."""
        if self.status is not InvitationStatus.PENDING:
            return self.status
        if not self.has_owner:
            return InvitationStatus.REVOKED
        return self.status if moment < self.expires_at else InvitationStatus.EXPIRED

    @property
    def escaped_email(self) -> str:
        """The address with every character outside of ASCII escaped, as in `\\u0430`."""
        return escape_email(self.email)

    @property
    def accepted_at(self) -> datetime | None:
        """When the invitation was accepted, None if it was not."""
        return self.ended_at if self.status is InvitationStatus.ACCEPTED else None


@dataclass(frozen=True, slots=True)
class InvitationTarget:
    """What must be known of an invitation to lock its place and to check who is invited."""

    id: str
    organization_id: str
    project_id: str | None
    email: str
    role: Role


_TARGET = [_INVITATIONS.c[name] for name in InvitationTarget.__dataclass_fields__]


def _inviter_email(invitation: FromClause) -> ColumnElement[Any]:
    account = alias_of(_ACCOUNTS, "inviter of invitation")
    inviter = select(account.c.email).where(account.c.id == invitation.c.inviter_id)
    return inviter.scalar_subquery()


def _is_current(invitation: FromClause) -> ColumnElement[bool]:
    return invitation.c.expires_at > bindparam("current", type_=UtcDateTime)


INVITATIONS = Source(
    "invitation",
    _INVITATIONS,
    InvitationRow,
    invitation_visible,
    {"inviter_email": _inviter_email, "has_owner": inviter_is_owner},
)
INVITATION_ORDER = Order("invitations", ("created_at", "id"), descending=True)
INVITATIONS_OF_ORGANIZATION = Listing(
    INVITATIONS, "organization_id", in_owned_organization, {"has_place": invitation_has_place}
)
INVITATIONS_OF_PROJECT = Listing(INVITATIONS, "project_id", in_owned_project)
INVITATIONS_OF_VIEWER = Listing(
    INVITATIONS,
    None,
    lambda _: true(),
    {"invited": invitation_of_viewer, "current": _is_current},
)


class InvitationStore:
    """Reads and writes invitations."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> InvitationRow:
        """Return an invitation. Raises `NotFound` when the actor cannot see it."""
        return INVITATIONS.get(self._connection, id, actor, *path)

    def target(
        self, *, id: str | None = None, digest: str | None = None
    ) -> InvitationTarget | None:
        """Return the target of the invitation with an id or a digest; ignores visibility."""
        table = _INVITATIONS
        if id is not None and not is_id(id):
            return None
        condition = table.c.id == id if id is not None else table.c.digest == digest
        row = self._connection.execute(select(*_TARGET).where(condition)).first()
        return InvitationTarget(*row) if row else None

    def pending(
        self, organization_id: str, project_id: str | None, email: str, moment: datetime
    ) -> list[str]:
        """Return the ids of the pending invitations of an address to exactly this place."""
        table = _INVITATIONS
        statement = select(table.c.id).where(
            table.c.email == email,
            table.c.organization_id == organization_id,
            table.c.project_id == project_id
            if project_id is not None
            else table.c.project_id.is_(None),
            table.c.status == InvitationStatus.PENDING,
            table.c.expires_at > moment,
            inviter_is_owner(table),
        )
        return list(self._connection.execute(statement).scalars())

    def create(self, invitation: InvitationRow, inviter_id: str, digest: str) -> None:
        """Store an invitation under the digest of its secret."""
        self._connection.execute(
            insert(_INVITATIONS),
            {
                "id": invitation.id,
                "organization_id": invitation.organization_id,
                "project_id": invitation.project_id,
                "email": invitation.email,
                "role": invitation.role,
                "inviter_id": inviter_id,
                "digest": digest,
                "status": invitation.status,
                "created_at": invitation.created_at,
                "expires_at": invitation.expires_at,
            },
        )

    def end(self, id: str, status: InvitationStatus, moment: datetime) -> bool:
        """End a pending invitation. Returns False if it has ended already."""
        table = _INVITATIONS
        statement = update(table).where(
            table.c.id == id, table.c.status == InvitationStatus.PENDING
        )
        result = self._connection.execute(statement.values(status=status, ended_at=moment))
        return result.rowcount == 1

    def revoke_of(
        self, organization_id: str, project_id: str | None, email: str, moment: datetime
    ) -> list[InvitationTarget]:
        """Revoke the pending invitations of an address to a project, or to a whole organization.

        Those to an organization include its projects. Returns the revoked ones, oldest first.
        """
        table = _INVITATIONS
        statement = update(table).where(
            table.c.email == email,
            table.c.organization_id == organization_id,
            table.c.status == InvitationStatus.PENDING,
        )
        if project_id is not None:
            statement = statement.where(table.c.project_id == project_id)
        revoked = statement.values(status=InvitationStatus.REVOKED, ended_at=moment)
        rows = self._connection.execute(revoked.returning(*_TARGET))
        return sorted((InvitationTarget(*row) for row in rows), key=lambda target: target.id)
