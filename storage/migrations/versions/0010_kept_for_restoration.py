"""What a deleted memory had, for its restoration; the order of imports, and their author."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id, Json, LongText, Name, UtcDateTime

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deleted_memories",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("feedback", sa.String(32), nullable=True),
        sa.Column("feedback_reason", LongText, nullable=True),
        sa.Column("feedback_at", UtcDateTime(), nullable=True),
        sa.Column("touches", Json, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id"),
    )
    op.create_index("ix_deleted_memories_project", "deleted_memories", ["project_id"])
    op.create_table(
        "deleted_memory_sources",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("role", Name, nullable=False),
        sa.Column("name", Name, nullable=True),
        sa.Column("content", LongText, nullable=False),
        sa.Column("timestamp", UtcDateTime(), nullable=True),
        sa.Column("utc_offset_minutes", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id", "id"),
    )
    op.create_index("ix_deleted_memory_sources_message", "deleted_memory_sources", ["id"])
    op.create_index("ix_deleted_memory_sources_project", "deleted_memory_sources", ["project_id"])
    op.add_column("history", sa.Column("imported_by", Name, nullable=True))
    # Records that wait already are stored first, in the order of their positions.
    past = sa.text("'1000-01-01 00:00:00.000000'")
    if op.get_bind().dialect.name == "postgresql":
        past = sa.text("'1000-01-01 00:00:00+00'")
    happened_at: sa.Column[Any] = sa.Column(
        "happened_at", UtcDateTime(), nullable=False, server_default=past
    )
    op.add_column("import_records", happened_at)
    order = ["operation_id", "happened_at", "position"]
    op.create_index("ix_import_records_order", "import_records", order)


def downgrade() -> None:
    op.drop_index("ix_import_records_order", "import_records")
    op.drop_column("import_records", "happened_at")
    op.drop_column("history", "imported_by")
    op.drop_table("deleted_memory_sources")
    op.drop_table("deleted_memories")
