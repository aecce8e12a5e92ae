"""What versions the events of the log have made, and how much of the log has been pruned."""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Until here versions were numbered by the events of their memory. A deletion makes none: its number
# is that of the version it ended.
_NUMBER = """
UPDATE history SET version = numbered.version
FROM (
    SELECT id, row_number() OVER (PARTITION BY memory_id ORDER BY sequence)
        - CASE WHEN type = 'DELETE' THEN 1 ELSE 0 END AS version
    FROM history
) AS numbered
WHERE numbered.id = history.id
"""


def upgrade() -> None:
    op.add_column("history", sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
    op.execute(_NUMBER)
    op.add_column(
        "projects",
        sa.Column("pruned_sequence", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("projects", sa.Column("pruned_until", UtcDateTime(), nullable=True))
    op.create_index("ix_memory_versions_ended", "memory_versions", ["project_id", "ended_at"])
    op.create_index("ix_operations_completed", "operations", ["project_id", "completed_at"])


def downgrade() -> None:
    op.drop_index("ix_operations_completed", "operations")
    op.drop_index("ix_memory_versions_ended", "memory_versions")
    op.drop_column("projects", "pruned_until")
    op.drop_column("projects", "pruned_sequence")
    op.drop_column("history", "version")
