"""Members: the roles of accounts in organizations and in projects, stored alike for both."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, delete, insert, select, true, update

from core.access import Role
from core.paging import Order
from storage.sql.listing import Listing, Source
from storage.sql.visibility import in_visible_organization, in_visible_project
from storage.tables.fields import table_of
from storage.tables.graph import Account, Organization, OrganizationMember, Project, ProjectMember

_IN_ORGANIZATION = table_of(OrganizationMember)
_IN_PROJECT = table_of(ProjectMember)
_PROJECTS = table_of(Project)
_ACCOUNTS = table_of(Account)
_ORGANIZATIONS = table_of(Organization)


@dataclass(slots=True)
class MemberRow:
    """One membership."""

    id: str
    account_id: str
    role: Role
    joined_at: datetime


MEMBER_ORDER = Order("members", ("joined_at", "id"))
MEMBERS_OF_ORGANIZATION = Listing(
    Source("member", _IN_ORGANIZATION, MemberRow, lambda _: true()),
    "organization_id",
    in_visible_organization,
)
MEMBERS_OF_PROJECT = Listing(
    Source("member", _IN_PROJECT, MemberRow, lambda _: true()), "project_id", in_visible_project
)
_OLDEST_PROJECT = (
    select(_PROJECTS.c.organization_id, _PROJECTS.c.id)
    .join(_IN_PROJECT, _IN_PROJECT.c.project_id == _PROJECTS.c.id)
    .where(_IN_PROJECT.c.account_id == bindparam("account"), _PROJECTS.c.deleted_at.is_(None))
    .order_by(_IN_PROJECT.c.joined_at, _IN_PROJECT.c.id)
    .limit(1)
)
_OLDEST_ORGANIZATION = (
    select(_IN_ORGANIZATION.c.organization_id)
    .join(_ORGANIZATIONS, _ORGANIZATIONS.c.id == _IN_ORGANIZATION.c.organization_id)
    .where(
        _IN_ORGANIZATION.c.account_id == bindparam("account"), _ORGANIZATIONS.c.deleted_at.is_(None)
    )
    .order_by(_IN_ORGANIZATION.c.joined_at, _IN_ORGANIZATION.c.id)
    .limit(1)
)


class Membership:
    """The members of organizations, or of projects, in one table."""

    def __init__(self, connection: Connection, table: Table, scope: str) -> None:
        self._connection = connection
        self._table = table
        self._scope = table.c[scope]

    def find(self, scope_id: str, account_id: str) -> MemberRow | None:
        """Return one membership, or None."""
        table = self._table
        statement = select(table.c.id, table.c.account_id, table.c.role, table.c.joined_at).where(
            self._scope == scope_id, table.c.account_id == account_id
        )
        row = self._connection.execute(statement).first()
        return MemberRow(*row) if row else None

    def add(self, scope_id: str, member: MemberRow) -> None:
        """Store a membership."""
        values = {
            self._scope.name: scope_id,
            "id": member.id,
            "account_id": member.account_id,
            "role": member.role,
            "joined_at": member.joined_at,
        }
        self._connection.execute(insert(self._table), values)

    def set_role(self, member: MemberRow, role: Role) -> None:
        """Change the role of a member."""
        statement = update(self._table).where(self._table.c.id == member.id)
        self._connection.execute(statement.values(role=role))

    def remove(self, scope_id: str, account_id: str) -> None:
        """Delete a membership."""
        statement = delete(self._table).where(
            self._scope == scope_id, self._table.c.account_id == account_id
        )
        self._connection.execute(statement)

    def has_other_owner(self, scope_id: str, account_id: str) -> bool:
        """Return whether a person besides this account is an OWNER; service accounts do not count.

        Lock the scope first: two may leave at the same time.
        """
        table = self._table
        statement = (
            select(table.c.id)
            .join(_ACCOUNTS, _ACCOUNTS.c.id == table.c.account_id)
            .where(
                self._scope == scope_id,
                table.c.role == Role.OWNER,
                table.c.account_id != account_id,
                _ACCOUNTS.c.organization_id.is_(None),
            )
        )
        return self._connection.execute(statement.limit(1)).first() is not None


class MemberStore:
    """Reads and writes memberships of both kinds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.organization = Membership(connection, _IN_ORGANIZATION, "organization_id")
        self.project = Membership(connection, _IN_PROJECT, "project_id")

    def remove_from_projects(self, organization_id: str, account_id: str) -> dict[str, Role]:
        """Delete an account's memberships in all projects of an organization.

        Returns its former role in each, by project id.
        """
        projects = select(_PROJECTS.c.id).where(_PROJECTS.c.organization_id == organization_id)
        removed = self._connection.execute(
            delete(_IN_PROJECT)
            .where(_IN_PROJECT.c.account_id == account_id, _IN_PROJECT.c.project_id.in_(projects))
            .returning(_IN_PROJECT.c.project_id, _IN_PROJECT.c.role)
        )
        return {row.project_id: row.role for row in removed}

    def is_known(self, organization_id: str, account_id: str) -> bool:
        """Return whether an account is a member of an organization or of a project in it."""
        if self.organization.find(organization_id, account_id):
            return True
        statement = select(_IN_PROJECT.c.id).where(
            _IN_PROJECT.c.account_id == account_id,
            _IN_PROJECT.c.project_id == _PROJECTS.c.id,
            _PROJECTS.c.organization_id == organization_id,
            _PROJECTS.c.deleted_at.is_(None),
        )
        return self._connection.execute(statement.limit(1)).first() is not None

    def oldest(self, account_id: str) -> tuple[str | None, str | None]:
        """Return the organization and the project an account has been in for longest."""
        values = {"account": account_id}
        project = self._connection.execute(_OLDEST_PROJECT, values).first()
        if project:
            return project.organization_id, project.id
        organization = self._connection.execute(_OLDEST_ORGANIZATION, values).first()
        return (organization.organization_id if organization else None), None
