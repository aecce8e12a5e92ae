"""Webhooks, exports, imports, feedback and the receipts of erasures."""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id, Json, Name, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasure_receipts",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("subject", Name, nullable=False),
        sa.Column("requested_by", Name, nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("pending", Json, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_erasure_receipts_page", "erasure_receipts", ["organization_id", "created_at", "id"]
    )
    op.create_index(
        "ix_erasure_receipts_project", "erasure_receipts", ["project_id", "created_at", "id"]
    )

    op.create_table(
        "exports",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("operation_id", Id, nullable=False),
        sa.Column("json_schema", Json, nullable=True),
        sa.Column("filter", Json, nullable=True),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.Column("include_history", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("data", Json, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_exports_page", "exports", ["project_id", "created_at", "id"])
    op.create_index("ix_exports_operation", "exports", ["operation_id"])

    op.create_table(
        "webhooks",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("event_types", Json, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("inactive_reason", sa.Text(), nullable=True),
        sa.Column("secret", Id, nullable=False),
        sa.Column("former_secret", Id, nullable=True),
        sa.Column("former_until", UtcDateTime(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhooks_account", "webhooks", ["account_id"])
    op.create_index("ix_webhooks_page", "webhooks", ["project_id", "created_at", "id"])

    op.create_table(
        "export_memories",
        sa.Column("export_id", Id, nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["exports.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("export_id", "memory_id"),
    )
    op.create_index("ix_export_memories_memory", "export_memories", ["memory_id"])

    op.create_table(
        "import_records",
        sa.Column("operation_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("record", Json, nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("operation_id", "position"),
    )
    op.create_index("ix_import_records_project", "import_records", ["project_id"])

    op.create_table(
        "webhook_deliveries",
        sa.Column("id", Id, nullable=False),
        sa.Column("webhook_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("event_type", sa.String(32), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("response_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("webhook_id", "event_id", "event_type"),
    )
    op.create_index(
        "ix_webhook_deliveries_completed", "webhook_deliveries", ["project_id", "completed_at"]
    )
    waiting = sa.text("next_attempt_at IS NOT NULL")
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["webhook_id", "next_attempt_at"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        "ix_webhook_deliveries_page", "webhook_deliveries", ["webhook_id", "created_at", "id"]
    )

    op.create_table(
        "memory_feedback",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("value", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["memory_id"], ["memories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id"),
    )
    op.create_index("ix_memory_feedback_project", "memory_feedback", ["project_id", "value"])


def downgrade() -> None:
    op.drop_table("memory_feedback")
    op.drop_table("webhook_deliveries")
    op.drop_table("import_records")
    op.drop_table("export_memories")
    op.drop_table("webhooks")
    op.drop_table("exports")
    op.drop_table("erasure_receipts")
