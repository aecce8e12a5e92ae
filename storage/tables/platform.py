"""The tables around the memories: webhooks, exports, imports, feedback, receipts."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.enums import FeedbackValue, OperationStatus, WebhookEventType
from storage.tables.columns import Id, Json, LongText, Name
from storage.tables.fields import enum_field, id_field, moment_field

# The positions of events that are import records of their own begin here, beyond those of lines.
FIRST_EVENT = 2**30
_WAITING = text("next_attempt_at IS NOT NULL")


class Webhook(SQLModel, table=True):
    """A URL that receives a project's events.

    Its signing secret is derived from the server's pepper and the seed `secret`, which is not
    secret by itself. Until `former_until`, messages are also signed with the secret derived from
    `former_secret`. Log events up to `sequence` precede the webhook or have deliveries already.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        Index("ix_webhooks_page", "project_id", "created_at", "id"),
        Index("ix_webhooks_account", "account_id"),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    account_id: str = id_field("accounts.id")
    name: str = Field(sa_type=Name)
    url: str = Field(sa_type=LongText)
    event_types: list[str] = Field(sa_type=Json)
    is_active: bool
    inactive_reason: str | None = Field(sa_type=LongText)
    secret: str = Field(sa_type=Id)
    former_secret: str | None = Field(sa_type=Id)
    former_until: datetime | None = moment_field(nullable=True)
    sequence: int = Field(sa_type=BigInteger)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()


class WebhookDelivery(SQLModel, table=True):
    """One message to one webhook. Its content is read from the log for each attempt.

    A test message has no `event_type` and no `sequence`. `next_attempt_at` is set while the
    delivery is pending. `attempts` counts all attempts, `tries` those since it was last requested.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id", "event_type"),
        Index("ix_webhook_deliveries_page", "webhook_id", "created_at", "id"),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_attempt_at",
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
        Index("ix_webhook_deliveries_completed", "project_id", "completed_at"),
    )

    id: str = id_field()
    webhook_id: str = id_field("webhooks.id")
    project_id: str = id_field("projects.id")
    event_id: str = Field(sa_type=Id)
    event_type: WebhookEventType | None = enum_field(WebhookEventType, nullable=True)
    sequence: int | None = Field(sa_type=BigInteger)
    status: OperationStatus = enum_field(OperationStatus)
    attempts: int
    tries: int
    response_status: int | None
    error: str | None = Field(sa_type=LongText)
    created_at: datetime = moment_field()
    next_attempt_at: datetime | None = moment_field(nullable=True)
    completed_at: datetime | None = moment_field(nullable=True)


class Export(SQLModel, table=True):
    """An export of memories: plain, with their state at `created_at`, or shaped by a JSON schema.

    Of a plain export only the request is stored; `sequence` is the head of the log at that time.
    Of a shaped export, `data` is the result. An export that is the profile of an entity has the
    entity's id in `profile_of`, and in `profile_job` the id shared by the profiles of one job.
    """

    __tablename__ = "exports"
    __table_args__ = (
        Index("ix_exports_page", "project_id", "created_at", "id"),
        Index("ix_exports_operation", "operation_id"),
        Index("ix_exports_profile", "profile_of", "created_at", "id"),
        Index("ix_exports_profile_job", "profile_job", "id"),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    operation_id: str = Field(sa_type=Id)
    json_schema: Any = Field(sa_type=Json, nullable=True)
    filter: Any = Field(sa_type=Json, nullable=True)
    instructions: str | None = Field(sa_type=LongText)
    include_history: bool
    sequence: int = Field(sa_type=BigInteger)
    data: Any = Field(sa_type=Json, nullable=True)
    created_at: datetime = moment_field()
    completed_at: datetime | None = moment_field(nullable=True)
    profile_of: str | None = Field(sa_type=Id)
    profile_job: str | None = Field(sa_type=Id)


class ProfileSettings(SQLModel, table=True):
    """Whether and how profiles of a project's users are built."""

    __tablename__ = "profile_settings"

    project_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("projects.id", ondelete="CASCADE")],
    )
    enabled: bool
    json_schema: Any = Field(sa_type=Json, nullable=True)
    instructions: str | None = Field(sa_type=LongText)
    updated_at: datetime = moment_field()


class ExportMemory(SQLModel, table=True):
    """A memory that a shaped export was built from. The memory may have been deleted."""

    __tablename__ = "export_memories"
    __table_args__ = (Index("ix_export_memories_memory", "memory_id"),)

    export_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("exports.id", ondelete="CASCADE")],
    )
    memory_id: str = Field(sa_type=Id, primary_key=True)


class ImportRecord(SQLModel, table=True):
    """A record that an import has received and not stored yet; storing it deletes this row.

    The events of a memory after its first one are records of their own. `happened_at` orders them:
    it is the time of the first event, and a distant past for a record without a history.
    """

    __tablename__ = "import_records"
    __table_args__ = (
        Index("ix_import_records_project", "project_id"),
        Index("ix_import_records_order", "operation_id", "happened_at", "position"),
    )

    operation_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("operations.id", ondelete="CASCADE")],
    )
    position: int = Field(primary_key=True)
    project_id: str = id_field("projects.id")
    happened_at: datetime = moment_field()
    record: dict[str, Any] = Field(sa_type=Json)


class MemoryFeedback(SQLModel, table=True):
    """The rating of a memory."""

    __tablename__ = "memory_feedback"
    __table_args__ = (Index("ix_memory_feedback_project", "project_id", "value"),)

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    project_id: str = id_field("projects.id")
    value: FeedbackValue = enum_field(FeedbackValue)
    reason: str | None = Field(sa_type=LongText)
    updated_at: datetime = moment_field()


class ErasureReceipt(SQLModel, table=True):
    """A receipt of an erasure: its subject, time, author and counts, and no erased content.

    It outlives the project and is deleted with the organization. `pending` is the remaining work
    of the job, including the name of the entity to search for; null once the erasure is complete.
    """

    __tablename__ = "erasure_receipts"
    __table_args__ = (
        Index("ix_erasure_receipts_page", "organization_id", "created_at", "id"),
        Index("ix_erasure_receipts_project", "project_id", "created_at", "id"),
    )

    id: str = id_field()
    organization_id: str = id_field("organizations.id")
    project_id: str = Field(sa_type=Id)
    subject: str = Field(sa_type=Name)
    requested_by: str = Field(sa_type=Name)
    counts: dict[str, int] = Field(sa_type=Json)
    digest: str = Field(sa_type=Name)
    pending: dict[str, Any] | None = Field(sa_type=Json)
    created_at: datetime = moment_field()
    completed_at: datetime | None = moment_field(nullable=True)
