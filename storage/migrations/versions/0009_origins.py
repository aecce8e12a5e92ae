"""The messages that memories are searched with."""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "memory_origins",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("terms", sa.Integer(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["memory_id"], ["memories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["message_id"], ["source_messages.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id"),
    )
    op.create_index("ix_memory_origins_message", "memory_origins", ["message_id"])


def downgrade() -> None:
    op.drop_table("memory_origins")
