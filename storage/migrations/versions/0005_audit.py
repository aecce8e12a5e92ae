"""The audit log of organizations and projects."""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id, Json, Name, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("actor", Name, nullable=False),
        sa.Column("action", Name, nullable=False),
        sa.Column("target_id", Id, nullable=True),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_audit_entries_page", "audit_entries", ["organization_id", "created_at", "id"]
    )
    known = sa.text("project_id IS NOT NULL")
    op.create_index(
        "ix_audit_entries_project",
        "audit_entries",
        ["project_id", "created_at", "id"],
        sqlite_where=known,
        postgresql_where=known,
    )


def downgrade() -> None:
    op.drop_table("audit_entries")
