"""Profiles of users: their settings, and the exports that they are."""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id, Json, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "profile_settings",
        sa.Column("project_id", Id, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("json_schema", Json, nullable=True),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id"),
    )
    op.add_column("exports", sa.Column("profile_of", Id, nullable=True))
    op.add_column("exports", sa.Column("profile_job", Id, nullable=True))
    op.create_index("ix_exports_profile", "exports", ["profile_of", "created_at", "id"])
    op.create_index("ix_exports_profile_job", "exports", ["profile_job", "id"])


def downgrade() -> None:
    op.drop_index("ix_exports_profile_job", "exports")
    op.drop_index("ix_exports_profile", "exports")
    op.drop_column("exports", "profile_job")
    op.drop_column("exports", "profile_of")
    op.drop_table("profile_settings")
