"""The offset of a message, and the index by which repeated texts are found."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source_messages", sa.Column("utc_offset_minutes", sa.Integer(), nullable=True))
    op.create_index("ix_memories_hash", "memories", ["hash", "project_id"])


def downgrade() -> None:
    op.drop_index("ix_memories_hash", "memories")
    op.drop_column("source_messages", "utc_offset_minutes")
