"""The tables of work: the operations that clients requested, and the enqueued jobs."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.enums import JobKind, OperationStatus, OperationType
from storage.tables.columns import Id, Json, LongText, Name
from storage.tables.fields import enum_field, id_field, moment_field, partial_index


class Operation(SQLModel, table=True):
    """One request that the platform processed.

    `scope` is a digest of the entities that an add is about; it finds the earlier messages of the
    conversation. `outcomes` has the outcome of each fact. Work that is not backed by a job is
    considered abandoned after `alive_until`.
    """

    __tablename__ = "operations"
    __table_args__ = (
        UniqueConstraint("account_id", "type", "idempotency_key"),
        Index("ix_operations_page", "project_id", "created_at", "id"),
        Index("ix_operations_type", "project_id", "type", "created_at", "id"),
        Index("ix_operations_status", "project_id", "status", "created_at", "id"),
        partial_index("ix_operations_scope", "scope", "created_at", "id"),
        partial_index("ix_operations_alive", "alive_until"),
        Index("ix_operations_completed", "project_id", "completed_at"),
        *(
            partial_index(f"ix_operations_{kind}", f"{kind}_id", "project_id")
            for kind in ("user", "agent", "app", "run")
        ),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    account_id: str = Field(sa_type=Id)
    actor: str = Field(sa_type=Name)
    type: OperationType = enum_field(OperationType)
    status: OperationStatus = enum_field(OperationStatus)
    input: dict[str, Any] = Field(sa_type=Json)
    outcomes: list[dict[str, str]] = Field(sa_type=Json)
    notes: list[str] = Field(sa_type=Json)
    error: str | None = Field(sa_type=LongText)
    attempts: int
    progress: float
    model: str | None = Field(sa_type=Name)
    input_tokens: int | None
    output_tokens: int | None
    latency_ms: int | None
    scope: str | None = Field(sa_type=Name)
    user_id: str | None = Field(sa_type=Name)
    agent_id: str | None = Field(sa_type=Name)
    app_id: str | None = Field(sa_type=Name)
    run_id: str | None = Field(sa_type=Name)
    idempotency_key: str | None = Field(sa_type=Name)
    request_digest: str | None = Field(sa_type=Name)
    created_at: datetime = moment_field()
    started_at: datetime | None = moment_field(nullable=True)
    completed_at: datetime | None = moment_field(nullable=True)
    alive_until: datetime | None = moment_field(nullable=True)


class Job(SQLModel, table=True):
    """Work that a committed transaction has enqueued; see `storage.operations.jobs`.

    Jobs in one lane run one after the other.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_jobs_due", "kind", "run_after", "id"),
        Index("ix_jobs_project", "project_id", "kind"),
        partial_index("ix_jobs_lane", "lane", "id"),
    )

    id: str = id_field()
    kind: JobKind = enum_field(JobKind)
    subject: str = Field(sa_type=Id)
    project_id: str = Field(sa_type=Id)
    lane: str | None = Field(sa_type=Name)
    generation: int
    attempts: int
    error: str | None = Field(sa_type=LongText)
    run_after: datetime = moment_field()
    leased_by: str | None = Field(sa_type=Id)
    lease_until: datetime | None = moment_field(nullable=True)
    created_at: datetime = moment_field()
