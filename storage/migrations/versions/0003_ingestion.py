"""Operations, where memories come from, what they mention, and what has taken their place."""

import sqlalchemy as sa
from alembic import op

from storage.migrations import slots
from storage.tables.columns import Id, Json, LongText, Name, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KINDS = ("user", "agent", "app", "run")


def upgrade() -> None:
    for table in ("memories", "memory_versions"):
        op.add_column(table, sa.Column("timestamp_until", UtcDateTime(), nullable=True))
        op.add_column(table, sa.Column("timestamp_precision", sa.String(32), nullable=True))
        op.add_column(table, sa.Column("successor_id", Id, nullable=True))
        op.add_column(table, sa.Column("extends_id", Id, nullable=True))
    op.add_column("memories", sa.Column("slot", Name, nullable=True))
    slots.fill(op.get_bind())
    op.create_index("ix_memories_slot", "memories", ["slot"], unique=True)
    _create_partial_index("ix_memories_successor", "memories", ["successor_id"])
    _create_partial_index("ix_memories_extends", "memories", ["extends_id"])
    op.add_column("memory_keywords", sa.Column("attribute", Name, nullable=True))
    _create_partial_index(
        "ix_memory_keywords_attribute", "memory_keywords", ["attribute", "project_id"]
    )
    op.add_column("history", sa.Column("operation_id", Id, nullable=True))
    _create_partial_index("ix_history_operation", "history", ["operation_id", "sequence"])
    op.add_column("jobs", sa.Column("lane", Name, nullable=True))
    _create_partial_index("ix_jobs_lane", "jobs", ["lane", "id"])
    _create_sources()
    _create_concepts()
    _create_operations()


def _create_sources() -> None:
    op.create_table(
        "source_messages",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("role", Name, nullable=False),
        sa.Column("name", Name, nullable=True),
        sa.Column("content", LongText, nullable=False),
        sa.Column("timestamp", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_source_messages_project", "source_messages", ["project_id"])
    _create_link("memory_sources", "message_id", "source_messages.id")
    op.create_index("ix_memory_sources_message", "memory_sources", ["message_id"])


def _create_concepts() -> None:
    op.create_table(
        "concepts",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("key", Name, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "key"),
    )
    op.create_index("ix_concepts_page", "concepts", ["project_id", "name", "id"])
    _create_link("memory_concepts", "concept_id", "concepts.id")
    op.create_index("ix_memory_concepts_concept", "memory_concepts", ["concept_id", "memory_id"])


def _create_link(table: str, other: str, target: str) -> None:
    op.create_table(
        table,
        sa.Column("memory_id", Id, nullable=False),
        sa.Column(other, Id, nullable=False),
        sa.ForeignKeyConstraint(["memory_id"], ["memories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint([other], [target], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id", other),
    )


def _create_operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("actor", Name, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("input", Json, nullable=False),
        sa.Column("outcomes", Json, nullable=False),
        sa.Column("notes", Json, nullable=False),
        sa.Column("error", LongText, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("model", Name, nullable=True),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=True),
        sa.Column("scope", Name, nullable=True),
        *(sa.Column(f"{kind}_id", Name, nullable=True) for kind in _KINDS),
        sa.Column("idempotency_key", Name, nullable=True),
        sa.Column("request_digest", Name, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("alive_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "type", "idempotency_key"),
    )
    page = ["created_at", "id"]
    op.create_index("ix_operations_page", "operations", ["project_id", *page])
    op.create_index("ix_operations_type", "operations", ["project_id", "type", *page])
    op.create_index("ix_operations_status", "operations", ["project_id", "status", *page])
    _create_partial_index("ix_operations_scope", "operations", ["scope", *page])
    _create_partial_index("ix_operations_alive", "operations", ["alive_until"])
    for kind in _KINDS:
        columns = [f"{kind}_id", "project_id"]
        _create_partial_index(f"ix_operations_{kind}", "operations", columns)


def _create_partial_index(name: str, table: str, columns: list[str]) -> None:
    known = sa.text(f"{columns[0]} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=known, postgresql_where=known)


def downgrade() -> None:
    tables = ("memory_concepts", "concepts", "memory_sources", "source_messages", "operations")
    for table in tables:
        op.drop_table(table)
    for index, table in (
        ("ix_jobs_lane", "jobs"),
        ("ix_history_operation", "history"),
        ("ix_memory_keywords_attribute", "memory_keywords"),
        ("ix_memories_extends", "memories"),
        ("ix_memories_successor", "memories"),
        ("ix_memories_slot", "memories"),
    ):
        op.drop_index(index, table)
    for table, column in (
        ("jobs", "lane"),
        ("history", "operation_id"),
        ("memory_keywords", "attribute"),
        ("memories", "slot"),
    ):
        op.drop_column(table, column)
    for table in ("memories", "memory_versions"):
        for column in ("extends_id", "successor_id", "timestamp_precision", "timestamp_until"):
            op.drop_column(table, column)
