"""The tables of the graph, in its order, so that the data model reads in one sitting.

What hangs on memories is declared in `memory_tables`, work to be done in `work_tables`, and what
stands around them in `platform_tables`.

Rows are read and written with prebuilt Core statements on `Model.__table__`; the models declare,
they are not instantiated on the way of a request.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.enums import EntityType, MemoryState
from core.events import HistoryEventType
from language.dates.moments import Precision
from storage.columns import Id, Json, LongText, Name
from storage.fields import enum_field, id_field, moment_field, where_known


class ServerState(SQLModel, table=True):
    """Facts about the whole database, such as the embedder its vectors come from."""

    __tablename__ = "server_state"

    key: str = Field(sa_type=Name, primary_key=True)
    value: str = Field(sa_type=LongText)


class Account(SQLModel, table=True):
    """A person or a service, known by an e-mail address."""

    __tablename__ = "accounts"

    id: str = id_field()
    email: str = Field(sa_type=Name, unique=True)
    name: str | None = Field(sa_type=Name)
    created_at: datetime = moment_field()


class Organization(SQLModel, table=True):
    """The root of a tenant; an erased one disappears when its last project has."""

    __tablename__ = "organizations"

    id: str = id_field()
    name: str = Field(sa_type=Name)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()
    deleted_at: datetime | None = moment_field(nullable=True)


class OrganizationMember(SQLModel, table=True):
    """What an account is in an organization."""

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

    What its log no longer has are the events up to `pruned_sequence`; `pruned_until` is a moment,
    and what was over before it is gone.
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
    """What an account is in a project."""

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


class ApiKey(SQLModel, table=True):
    """A secret that acts for an account; only its digest is kept.

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
    """A user, an agent, an app or a run: whom memories are about."""

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


def _listed(table: str, *also: str) -> tuple[Index, ...]:
    """Return the indexes of memories: by project, by each kind of entity, by the one before.

    The first two also have the columns that are named, for what can be told from the index alone.
    """
    return (
        Index(f"ix_{table}_page", "project_id", "created_at", "id", *also),
        *(
            where_known(f"ix_{table}_{kind}", f"{kind}_key", "created_at", "id", *also)
            for kind in ("user", "agent", "app", "run")
        ),
        where_known(f"ix_{table}_previous", "previous_id"),
    )


class _MemoryColumns(SQLModel):
    """What a memory is made of. The names of its entities stand beside their keys to spare a join.

    `happened_at` is the timestamp, or the creation of a memory without one; `timestamp_until` is
    the last day of a range that begins there. `previous_id` is the memory said before it in the
    same conversation, `successor_id` the one that has taken its place, `extends_id` one that it
    tells more about; each may be gone.
    """

    project_id: str = id_field("projects.id")
    text: str = Field(sa_type=LongText)
    hash: str = Field(sa_type=Name)
    user_key: str | None = id_field("entities.id", nullable=True)
    agent_key: str | None = id_field("entities.id", nullable=True)
    app_key: str | None = id_field("entities.id", nullable=True)
    run_key: str | None = id_field("entities.id", nullable=True)
    user_id: str | None = Field(sa_type=Name)
    agent_id: str | None = Field(sa_type=Name)
    app_id: str | None = Field(sa_type=Name)
    run_id: str | None = Field(sa_type=Name)
    actor: str | None = Field(sa_type=Name)
    role: str | None = Field(sa_type=Name)
    metadata_: dict[str, Any] = Field(sa_type=Json, sa_column_kwargs={"name": "metadata"})
    categories: list[str] = Field(sa_type=Json)
    state: MemoryState = enum_field(MemoryState)
    immutable: bool
    timestamp: datetime | None = moment_field(nullable=True)
    timestamp_until: datetime | None = moment_field(nullable=True)
    timestamp_precision: Precision | None = enum_field(Precision, nullable=True)
    happened_at: datetime = moment_field()
    expiration_date: date | None
    previous_id: str | None = Field(sa_type=Id)
    successor_id: str | None = Field(sa_type=Id)
    extends_id: str | None = Field(sa_type=Id)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()


class Memory(_MemoryColumns, table=True):
    """One remembered thing, as it is.

    `slot` is what no two active memories of the same entities and speaker have in common: a digest
    of them and of the text. Whatever is not active, or has expired, leaves its slot to others.
    """

    __tablename__ = "memories"
    __table_args__ = (
        *_listed("memories"),
        Index("ix_memories_updated", "project_id", "updated_at", "id"),
        Index("ix_memories_happened", "project_id", "happened_at", "id"),
        Index("ix_memories_slot", "slot", unique=True),
        where_known("ix_memories_successor", "successor_id"),
        where_known("ix_memories_extends", "extends_id"),
    )

    id: str = id_field()
    version: int
    slot: str | None = Field(sa_type=Name)


class MemoryVersion(_MemoryColumns, table=True):
    """What a memory was from its `updated_at` until `ended_at`, when it was changed or deleted.

    A list of the past may pass over many versions of other times, so the indexes tell the time.
    """

    __tablename__ = "memory_versions"
    __table_args__ = (
        *_listed("memory_versions", "updated_at", "ended_at"),
        Index("ix_memory_versions_ended", "project_id", "ended_at"),
    )

    id: str = id_field()
    version: int = Field(primary_key=True)
    ended_at: datetime = moment_field()


class HistoryEvent(SQLModel, table=True):
    """One row of a project's log: what happened to a memory. Outlives the memory.

    `version` is the one that the event made of the memory; of a deletion, the one that it ended.
    """

    __tablename__ = "history"
    __table_args__ = (
        UniqueConstraint("project_id", "sequence"),
        Index("ix_history_memory", "memory_id", "sequence"),
        where_known("ix_history_operation", "operation_id", "sequence"),
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
    created_at: datetime = moment_field()


class AuditEntry(SQLModel, table=True):
    """One act of administration. It stays when the project it was about has gone."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_page", "organization_id", "created_at", "id"),
        where_known("ix_audit_entries_project", "project_id", "created_at", "id"),
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
