"""The tables of the graph, in its order: tenants, projects, keys, entities, the log, the audit log.

Memories and their parts are declared in `storage.tables.memory`, operations and jobs in
`storage.tables.work`, and webhooks, exports, imports, feedback and receipts in
`storage.tables.platform`.

Rows are read and written with prebuilt Core statements on `Model.__table__`. The models only
declare the tables; requests never instantiate them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.enums import EntityType, InvitationStatus
from core.events import HistoryEventType
from storage.tables.columns import Id, Json, LongText, Name
from storage.tables.fields import enum_field, id_field, moment_field, partial_index

_KEPT = text("kept IS NOT NULL")


class ServerState(SQLModel, table=True):
    """Facts about the whole database, such as the embedder that computed its vectors."""

    __tablename__ = "server_state"

    key: str = Field(sa_type=Name, primary_key=True)
    value: str = Field(sa_type=LongText)


class Account(SQLModel, table=True):
    """A person, or a service account of an organization, identified by an e-mail address.

    A service account belongs to the organization of `organization_id` and is erased with it; this
    is no foreign key, because SQLite cannot add one to a table that others refer to.
    """

    __tablename__ = "accounts"
    __table_args__ = (partial_index("ix_accounts_organization", "organization_id"),)

    id: str = id_field()
    email: str = Field(sa_type=Name, unique=True)
    name: str | None = Field(sa_type=Name)
    created_at: datetime = moment_field()
    organization_id: str | None = Field(sa_type=Id)


class Organization(SQLModel, table=True):
    """The root of a tenant; an erased organization is deleted with its last project."""

    __tablename__ = "organizations"

    id: str = id_field()
    name: str = Field(sa_type=Name)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    deleted_at: datetime | None = moment_field(nullable=True)


class OrganizationMember(SQLModel, table=True):
    """The membership of an account in an organization."""

    __tablename__ = "organization_members"
    __table_args__ = (
        UniqueConstraint("organization_id", "account_id"),
        Index("ix_organization_members_page", "organization_id", "joined_at", "id"),
        Index("ix_organization_members_account", "account_id", "organization_id"),
    )

    id: str = id_field()
    organization_id: str = id_field("organizations.id")
    account_id: str = id_field("accounts.id")
    role: Role = enum_field(Role)
    joined_at: datetime = moment_field()


class Project(SQLModel, table=True):
    """A space of memories with its settings, and the head of its log.

    Events up to the number `pruned_sequence` have been pruned from its log. Versions, operations,
    exports and deliveries that ended before the moment `pruned_until` have been pruned too.
    """

    __tablename__ = "projects"
    __table_args__ = (Index("ix_projects_page", "organization_id", "created_at", "id"),)

    id: str = id_field()
    organization_id: str = id_field("organizations.id")
    name: str = Field(sa_type=Name)
    description: str | None = Field(sa_type=LongText)
    custom_instructions: str | None = Field(sa_type=LongText)
    agent_custom_instructions: str | None = Field(sa_type=LongText)
    custom_categories: list[dict[str, Any]] = Field(sa_type=Json)
    enable_graph: bool
    multilingual: bool
    decay: bool
    version: int
    sequence: int = Field(sa_type=BigInteger)
    pruned_sequence: int = Field(sa_type=BigInteger)
    pruned_until: datetime | None = moment_field(nullable=True)
    total_memories: int = Field(sa_type=BigInteger)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    deleted_at: datetime | None = moment_field(nullable=True)


class ProjectMember(SQLModel, table=True):
    """The membership of an account in a project."""

    __tablename__ = "project_members"
    __table_args__ = (
        UniqueConstraint("project_id", "account_id"),
        Index("ix_project_members_page", "project_id", "joined_at", "id"),
        Index("ix_project_members_account", "account_id", "project_id"),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    account_id: str = id_field("accounts.id")
    role: Role = enum_field(Role)
    joined_at: datetime = moment_field()


class Invitation(SQLModel, table=True):
    """An offer of a membership to an e-mail address, which need not have an account.

    It is for a project, or without one for the whole organization. Of its secret only the digest is
    stored.
    """

    __tablename__ = "invitations"
    __table_args__ = (
        Index("ix_invitations_page", "organization_id", "created_at", "id"),
        partial_index("ix_invitations_project", "project_id", "created_at", "id"),
        Index("ix_invitations_email", "email", "created_at", "id"),
        Index("ix_invitations_inviter", "inviter_id"),
    )

    id: str = id_field()
    organization_id: str = id_field("organizations.id")
    project_id: str | None = id_field("projects.id", nullable=True)
    email: str = Field(sa_type=Name)
    role: Role = enum_field(Role)
    inviter_id: str = id_field("accounts.id")
    digest: str = Field(sa_type=Name, unique=True)
    status: InvitationStatus = enum_field(InvitationStatus)
    created_at: datetime = moment_field()
    expires_at: datetime = moment_field()
    ended_at: datetime | None = moment_field(nullable=True)


class ApiKey(SQLModel, table=True):
    """A secret that authenticates an account; only its digest is stored.

    A key must never outlive the project or organization that confines it, hence the cascades.
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        Index("ix_api_keys_page", "project_id", "created_at", "id"),
        Index("ix_api_keys_account", "account_id"),
        Index("ix_api_keys_organization", "organization_id"),
    )

    id: str = id_field()
    account_id: str = id_field("accounts.id")
    name: str = Field(sa_type=Name)
    prefix: str = Field(sa_type=Name)
    digest: str = Field(sa_type=Name, unique=True)
    permission: ApiKeyPermission = enum_field(ApiKeyPermission)
    reach: ApiKeyReach = enum_field(ApiKeyReach)
    project_id: str | None = id_field("projects.id", nullable=True)
    organization_id: str | None = id_field("organizations.id", nullable=True)
    created_at: datetime = moment_field()
    last_used_at: datetime | None = moment_field(nullable=True)
    expires_at: datetime | None = moment_field(nullable=True)
    revoked_at: datetime | None = moment_field(nullable=True)


class Entity(SQLModel, table=True):
    """A user, an agent, an app or a run that memories are about."""

    __tablename__ = "entities"
    __table_args__ = (
        UniqueConstraint("project_id", "type", "name"),
        Index("ix_entities_name", "project_id", "name", "id"),
        Index("ix_entities_created", "project_id", "created_at", "id"),
        Index("ix_entities_updated", "project_id", "updated_at", "id"),
        Index("ix_entities_total", "project_id", "total_memories", "id"),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    type: EntityType = enum_field(EntityType)
    name: str = Field(sa_type=Name)
    metadata_: dict[str, Any] = Field(sa_type=Json, sa_column_kwargs={"name": "metadata"})
    total_memories: int = Field(sa_type=BigInteger)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()


class HistoryEvent(SQLModel, table=True):
    """One row of a project's log: a change of a memory. It outlives the memory.

    `version` is the memory's version after the event; for a deletion, the version that it ended.
    `imported_by` is the e-mail address of the account that imported the event from a file, which
    says what its actor is; null for an event that happened in this project. `kept` is what belonged
    to a deleted memory besides its versions, for its restoration; see `storage.memories.kept`.
    """

    __tablename__ = "history"
    __table_args__ = (
        UniqueConstraint("project_id", "sequence"),
        Index("ix_history_memory", "memory_id", "sequence"),
        partial_index("ix_history_operation", "operation_id", "sequence"),
        Index("ix_history_kept", "project_id", sqlite_where=_KEPT, postgresql_where=_KEPT),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    sequence: int = Field(sa_type=BigInteger)
    memory_id: str = Field(sa_type=Id)
    version: int
    type: HistoryEventType = enum_field(HistoryEventType)
    old_text: str | None = Field(sa_type=LongText)
    new_text: str | None = Field(sa_type=LongText)
    before: dict[str, Any] | None = Field(sa_type=Json)
    after: dict[str, Any] | None = Field(sa_type=Json)
    actor: str = Field(sa_type=Name)
    operation_id: str | None = Field(sa_type=Id)
    imported_by: str | None = Field(sa_type=Name)
    kept: dict[str, Any] | None = Field(sa_type=Json)
    created_at: datetime = moment_field()


class AuditEntry(SQLModel, table=True):
    """One act of administration. It outlives the project that it is about."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_page", "organization_id", "created_at", "id"),
        partial_index("ix_audit_entries_project", "project_id", "created_at", "id"),
    )

    id: str = id_field()
    organization_id: str = id_field("organizations.id")
    project_id: str | None = Field(sa_type=Id)
    actor: str = Field(sa_type=Name)
    action: str = Field(sa_type=Name)
    target_id: str | None = Field(sa_type=Id)
    before: dict[str, Any] | None = Field(sa_type=Json)
    after: dict[str, Any] | None = Field(sa_type=Json)
    created_at: datetime = moment_field()
