"""The first tables."""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id, Json, Name, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", Id, nullable=False),
        sa.Column("email", Name, nullable=False),
        sa.Column("name", Name, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("email"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("run_after", UtcDateTime(), nullable=False),
        sa.Column("leased_by", Id, nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject"),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_due", ["kind", "run_after", "id"], unique=False)
        batch_op.create_index("ix_jobs_project", ["project_id", "kind"], unique=False)

    op.create_table(
        "organizations",
        sa.Column("id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "server_state",
        sa.Column("key", Name, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "organization_members",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("organization_id", "account_id"),
    )
    with op.batch_alter_table("organization_members", schema=None) as batch_op:
        batch_op.create_index(
            "ix_organization_members_account", ["account_id", "organization_id"], unique=False
        )
        batch_op.create_index(
            "ix_organization_members_page", ["organization_id", "joined_at", "id"], unique=False
        )

    op.create_table(
        "projects",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("custom_instructions", sa.Text(), nullable=True),
        sa.Column("agent_custom_instructions", sa.Text(), nullable=True),
        sa.Column("custom_categories", Json, nullable=False),
        sa.Column("enable_graph", sa.Boolean(), nullable=False),
        sa.Column("multilingual", sa.Boolean(), nullable=False),
        sa.Column("decay", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("total_memories", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.create_index(
            "ix_projects_page", ["organization_id", "created_at", "id"], unique=False
        )

    op.create_table(
        "api_keys",
        sa.Column("id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("prefix", Name, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("permission", sa.String(32), nullable=False),
        sa.Column("reach", sa.String(32), nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("organization_id", Id, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.create_index("ix_api_keys_account", ["account_id"], unique=False)
        batch_op.create_index("ix_api_keys_organization", ["organization_id"], unique=False)
        batch_op.create_index("ix_api_keys_page", ["project_id", "created_at", "id"], unique=False)

    op.create_table(
        "entities",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("name", Name, nullable=False),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("total_memories", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "type", "name"),
    )
    with op.batch_alter_table("entities", schema=None) as batch_op:
        batch_op.create_index(
            "ix_entities_created", ["project_id", "created_at", "id"], unique=False
        )
        batch_op.create_index("ix_entities_name", ["project_id", "name", "id"], unique=False)
        batch_op.create_index(
            "ix_entities_total", ["project_id", "total_memories", "id"], unique=False
        )
        batch_op.create_index(
            "ix_entities_updated", ["project_id", "updated_at", "id"], unique=False
        )

    op.create_table(
        "history",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("old_text", sa.Text(), nullable=True),
        sa.Column("new_text", sa.Text(), nullable=True),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=True),
        sa.Column("actor", Name, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "sequence"),
    )
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.create_index("ix_history_memory", ["memory_id", "sequence"], unique=False)

    op.create_table(
        "project_members",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("joined_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "account_id"),
    )
    with op.batch_alter_table("project_members", schema=None) as batch_op:
        batch_op.create_index(
            "ix_project_members_account", ["account_id", "project_id"], unique=False
        )
        batch_op.create_index(
            "ix_project_members_page", ["project_id", "joined_at", "id"], unique=False
        )

    op.create_table(
        "deleted_memories",
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity_id", "memory_id"),
    )
    with op.batch_alter_table("deleted_memories", schema=None) as batch_op:
        batch_op.create_index("ix_deleted_memories_memory", ["memory_id"], unique=False)

    op.create_table(
        "memories",
        sa.Column("id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", Name, nullable=False),
        sa.Column("user_key", Id, nullable=True),
        sa.Column("agent_key", Id, nullable=True),
        sa.Column("app_key", Id, nullable=True),
        sa.Column("run_key", Id, nullable=True),
        sa.Column("user_id", Name, nullable=True),
        sa.Column("agent_id", Name, nullable=True),
        sa.Column("app_id", Name, nullable=True),
        sa.Column("run_id", Name, nullable=True),
        sa.Column("actor", Name, nullable=True),
        sa.Column("role", Name, nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("categories", Json, nullable=False),
        sa.Column("immutable", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("timestamp", UtcDateTime(), nullable=True),
        sa.Column("expiration_date", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agent_key"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["app_key"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_key"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_key"], ["entities.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("memories", schema=None) as batch_op:
        batch_op.create_index(
            "ix_memories_agent",
            ["agent_key", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("agent_key IS NOT NULL"),
            postgresql_where=sa.text("agent_key IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_memories_app",
            ["app_key", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("app_key IS NOT NULL"),
            postgresql_where=sa.text("app_key IS NOT NULL"),
        )
        batch_op.create_index("ix_memories_page", ["project_id", "created_at", "id"], unique=False)
        batch_op.create_index(
            "ix_memories_run",
            ["run_key", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("run_key IS NOT NULL"),
            postgresql_where=sa.text("run_key IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_memories_user",
            ["user_key", "created_at", "id"],
            unique=False,
            sqlite_where=sa.text("user_key IS NOT NULL"),
            postgresql_where=sa.text("user_key IS NOT NULL"),
        )

    op.create_table(
        "memory_vectors",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("model", Name, nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["memory_id"], ["memories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id"),
    )
    with op.batch_alter_table("memory_vectors", schema=None) as batch_op:
        batch_op.create_index("ix_memory_vectors_project", ["project_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("memory_vectors", schema=None) as batch_op:
        batch_op.drop_index("ix_memory_vectors_project")

    op.drop_table("memory_vectors")
    with op.batch_alter_table("memories", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_memories_user",
            sqlite_where=sa.text("user_key IS NOT NULL"),
            postgresql_where=sa.text("user_key IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_memories_run",
            sqlite_where=sa.text("run_key IS NOT NULL"),
            postgresql_where=sa.text("run_key IS NOT NULL"),
        )
        batch_op.drop_index("ix_memories_page")
        batch_op.drop_index(
            "ix_memories_app",
            sqlite_where=sa.text("app_key IS NOT NULL"),
            postgresql_where=sa.text("app_key IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_memories_agent",
            sqlite_where=sa.text("agent_key IS NOT NULL"),
            postgresql_where=sa.text("agent_key IS NOT NULL"),
        )

    op.drop_table("memories")
    with op.batch_alter_table("deleted_memories", schema=None) as batch_op:
        batch_op.drop_index("ix_deleted_memories_memory")

    op.drop_table("deleted_memories")
    with op.batch_alter_table("project_members", schema=None) as batch_op:
        batch_op.drop_index("ix_project_members_page")
        batch_op.drop_index("ix_project_members_account")

    op.drop_table("project_members")
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.drop_index("ix_history_memory")

    op.drop_table("history")
    with op.batch_alter_table("entities", schema=None) as batch_op:
        batch_op.drop_index("ix_entities_updated")
        batch_op.drop_index("ix_entities_total")
        batch_op.drop_index("ix_entities_name")
        batch_op.drop_index("ix_entities_created")

    op.drop_table("entities")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_index("ix_api_keys_page")
        batch_op.drop_index("ix_api_keys_organization")
        batch_op.drop_index("ix_api_keys_account")

    op.drop_table("api_keys")
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.drop_index("ix_projects_page")

    op.drop_table("projects")
    with op.batch_alter_table("organization_members", schema=None) as batch_op:
        batch_op.drop_index("ix_organization_members_page")
        batch_op.drop_index("ix_organization_members_account")

    op.drop_table("organization_members")
    op.drop_table("server_state")
    op.drop_table("organizations")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_project")
        batch_op.drop_index("ix_jobs_due")

    op.drop_table("jobs")
    op.drop_table("accounts")
