"""All tables, in graph order, so that the data model reads in one sitting.

Rows are read and written with prebuilt Core statements on `Model.__table__`; the models declare,
they are not instantiated on the way of a request.
"""

from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from core.access import ApiKeyPermission, ApiKeyReach, Role
from core.events import HistoryEventType
from core.graph import EntityType, JobKind, MemoryState
from storage.columns import Id, Json, LongText, Name, UtcDateTime, enum_type


def _id(target: str | None = None, *, nullable: bool = False) -> Any:
    if target is None:
        return Field(sa_type=Id, primary_key=True)
    return Field(
        default=None, sa_type=Id, foreign_key=target, ondelete="CASCADE", nullable=nullable
    )


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_type=UtcDateTime, nullable=nullable)


def _member_of(members: type[Enum]) -> Any:
    return Field(sa_type=enum_type(members))


class ServerState(SQLModel, table=True):
    """Facts about the whole database, such as the embedder its vectors come from."""

    __tablename__ = "server_state"

    key: str = Field(sa_type=Name, primary_key=True)
    value: str = Field(sa_type=LongText)


class Account(SQLModel, table=True):
    """A person or a service, known by an e-mail address."""

    __tablename__ = "accounts"

    id: str = _id()
    email: str = Field(sa_type=Name, unique=True)
    name: str | None = Field(sa_type=Name)
    created_at: datetime = _moment()


class Organization(SQLModel, table=True):
    """The root of a tenant; an erased one disappears when its last project has."""

    __tablename__ = "organizations"

    id: str = _id()
    name: str = Field(sa_type=Name)
    created_at: datetime = _moment()
    updated_at: datetime = _moment()
    deleted_at: datetime | None = _moment(nullable=True)


class OrganizationMember(SQLModel, table=True):
    """What an account is in an organization."""

    __tablename__ = "organization_members"
    __table_args__ = (
        UniqueConstraint("organization_id", "account_id"),
        Index("ix_organization_members_page", "organization_id", "joined_at", "id"),
        Index("ix_organization_members_account", "account_id", "organization_id"),
    )

    id: str = _id()
    organization_id: str = _id("organizations.id")
    account_id: str = _id("accounts.id")
    role: Role = _member_of(Role)
    joined_at: datetime = _moment()


class Project(SQLModel, table=True):
    """A space of memories with its settings, and the head of its log."""

    __tablename__ = "projects"
    __table_args__ = (Index("ix_projects_page", "organization_id", "created_at", "id"),)

    id: str = _id()
    organization_id: str = _id("organizations.id")
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
    total_memories: int = Field(sa_type=BigInteger)
    created_at: datetime = _moment()
    updated_at: datetime = _moment()
    deleted_at: datetime | None = _moment(nullable=True)


class ProjectMember(SQLModel, table=True):
    """What an account is in a project."""

    __tablename__ = "project_members"
    __table_args__ = (
        UniqueConstraint("project_id", "account_id"),
        Index("ix_project_members_page", "project_id", "joined_at", "id"),
        Index("ix_project_members_account", "account_id", "project_id"),
    )

    id: str = _id()
    project_id: str = _id("projects.id")
    account_id: str = _id("accounts.id")
    role: Role = _member_of(Role)
    joined_at: datetime = _moment()


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

    id: str = _id()
    account_id: str = _id("accounts.id")
    name: str = Field(sa_type=Name)
    prefix: str = Field(sa_type=Name)
    digest: str = Field(sa_type=Name, unique=True)
    permission: ApiKeyPermission = _member_of(ApiKeyPermission)
    reach: ApiKeyReach = _member_of(ApiKeyReach)
    project_id: str | None = _id("projects.id", nullable=True)
    organization_id: str | None = _id("organizations.id", nullable=True)
    created_at: datetime = _moment()
    last_used_at: datetime | None = _moment(nullable=True)
    expires_at: datetime | None = _moment(nullable=True)
    revoked_at: datetime | None = _moment(nullable=True)


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

    id: str = _id()
    project_id: str = _id("projects.id")
    type: EntityType = _member_of(EntityType)
    name: str = Field(sa_type=Name)
    metadata_: dict[str, Any] = Field(sa_type=Json, sa_column_kwargs={"name": "metadata"})
    total_memories: int = Field(sa_type=BigInteger)
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


def _listed(table: str, *also: str) -> tuple[Index, ...]:
    """Return the indexes of memories: by project, by each kind of entity, by the one before.

    The first two also have the columns that are named, for what can be told from the index alone.
    """
    return (
        Index(f"ix_{table}_page", "project_id", "created_at", "id", *also),
        *(
            _where_known(f"ix_{table}_{kind}", f"{kind}_key", "created_at", "id", *also)
            for kind in ("user", "agent", "app", "run")
        ),
        _where_known(f"ix_{table}_previous", "previous_id"),
    )


def _where_known(name: str, *columns: str) -> Index:
    known = text(f"{columns[0]} IS NOT NULL")
    return Index(name, *columns, sqlite_where=known, postgresql_where=known)


class _MemoryColumns(SQLModel):
    """What a memory is made of. The names of its entities stand beside their keys to spare a join.

    `happened_at` is the timestamp, or the creation of a memory without one. `previous_id` is the
    memory said before it in the same conversation.
    """

    project_id: str = _id("projects.id")
    text: str = Field(sa_type=LongText)
    hash: str = Field(sa_type=Name)
    user_key: str | None = _id("entities.id", nullable=True)
    agent_key: str | None = _id("entities.id", nullable=True)
    app_key: str | None = _id("entities.id", nullable=True)
    run_key: str | None = _id("entities.id", nullable=True)
    user_id: str | None = Field(sa_type=Name)
    agent_id: str | None = Field(sa_type=Name)
    app_id: str | None = Field(sa_type=Name)
    run_id: str | None = Field(sa_type=Name)
    actor: str | None = Field(sa_type=Name)
    role: str | None = Field(sa_type=Name)
    metadata_: dict[str, Any] = Field(sa_type=Json, sa_column_kwargs={"name": "metadata"})
    categories: list[str] = Field(sa_type=Json)
    state: MemoryState = _member_of(MemoryState)
    immutable: bool
    timestamp: datetime | None = _moment(nullable=True)
    happened_at: datetime = _moment()
    expiration_date: date | None
    previous_id: str | None = Field(sa_type=Id)
    created_at: datetime = _moment()
    updated_at: datetime = _moment()


class Memory(_MemoryColumns, table=True):
    """One remembered thing, as it is."""

    __tablename__ = "memories"
    __table_args__ = (
        *_listed("memories"),
        Index("ix_memories_updated", "project_id", "updated_at", "id"),
        Index("ix_memories_happened", "project_id", "happened_at", "id"),
    )

    id: str = _id()
    version: int


class MemoryVersion(_MemoryColumns, table=True):
    """What a memory was from its `updated_at` until `ended_at`, when it was changed or deleted.

    A list of the past may pass over many versions of other times, so the indexes tell the time.
    """

    __tablename__ = "memory_versions"
    __table_args__ = _listed("memory_versions", "updated_at", "ended_at")

    id: str = _id()
    version: int = Field(primary_key=True)
    ended_at: datetime = _moment()


class MemoryKeywords(SQLModel, table=True):
    """What ranking by words needs to know of a memory's text, and what the keyword index holds.

    `terms` are its words as `language.terms` writes them, parted by spaces; `scope` names its
    project and entities in the same way. `position` is there because SQLite's index knows rows by
    whole numbers.
    """

    __tablename__ = "memory_keywords"
    __table_args__ = (Index("ix_memory_keywords_project", "project_id"),)

    position: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer, "sqlite"),
    )
    memory_id: str = Field(
        sa_type=Id,
        unique=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    project_id: str = _id("projects.id")
    scope: str = Field(sa_type=LongText)
    terms: str = Field(sa_type=LongText)
    words: int
    is_question: bool
    names_speaker: bool


class MemoryTouches(SQLModel, table=True):
    """When a memory was last returned by searches, in seconds since 1970, oldest first."""

    __tablename__ = "memory_touches"

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    moments: list[float] = Field(sa_type=Json)


class MemoryVector(SQLModel, table=True):
    """The embedding of a memory's text, little-endian float32, apart so that lists stay light."""

    __tablename__ = "memory_vectors"
    __table_args__ = (Index("ix_memory_vectors_project", "project_id"),)

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    project_id: str = _id("projects.id")
    model: str = Field(sa_type=Name)
    vector: bytes = Field(sa_type=LargeBinary)


class HistoryEvent(SQLModel, table=True):
    """One row of a project's log: what happened to a memory. Outlives the memory."""

    __tablename__ = "history"
    __table_args__ = (
        UniqueConstraint("project_id", "sequence"),
        Index("ix_history_memory", "memory_id", "sequence"),
    )

    id: str = _id()
    project_id: str = _id("projects.id")
    sequence: int = Field(sa_type=BigInteger)
    memory_id: str = Field(sa_type=Id)
    type: HistoryEventType = _member_of(HistoryEventType)
    old_text: str | None = Field(sa_type=LongText)
    new_text: str | None = Field(sa_type=LongText)
    before: dict[str, Any] | None = Field(sa_type=Json)
    after: dict[str, Any] | None = Field(sa_type=Json)
    actor: str = Field(sa_type=Name)
    created_at: datetime = _moment()


class Job(SQLModel, table=True):
    """Work that a committed transaction has promised; see `storage.jobs`."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_jobs_due", "kind", "run_after", "id"),
        Index("ix_jobs_project", "project_id", "kind"),
    )

    id: str = _id()
    kind: JobKind = _member_of(JobKind)
    subject: str = Field(sa_type=Id)
    project_id: str = Field(sa_type=Id)
    generation: int
    attempts: int
    error: str | None = Field(sa_type=LongText)
    run_after: datetime = _moment()
    leased_by: str | None = Field(sa_type=Id)
    lease_until: datetime | None = _moment(nullable=True)
    created_at: datetime = _moment()


def table_of(model: type[SQLModel]) -> Table:
    """Return the Core table behind a model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


METADATA = SQLModel.metadata
