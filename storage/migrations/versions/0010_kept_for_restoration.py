"""What a deleted memory had, for its restoration; the order of imports, and their author."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Json, Name, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("history", sa.Column("kept", Json, nullable=True))
    known = sa.text("kept IS NOT NULL")
    op.create_index(
        "ix_history_kept", "history", ["project_id"], sqlite_where=known, postgresql_where=known
    )
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
    op.drop_index("ix_history_kept", "history")
    op.drop_column("history", "kept")
