"""What ranking reads, the keyword index, and what memories were before their changes."""

import sqlalchemy as sa
from alembic import op

from storage.migrations import past_versions
from storage.tables.columns import Id, Json, Name, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KINDS = ("user", "agent", "app", "run")


def upgrade() -> None:
    # Columns are added in place: a copy of the table would, on SQLite, cascade to what refers to
    # it.
    op.add_column(
        "memories", sa.Column("state", sa.String(32), nullable=False, server_default="ACTIVE")
    )
    epoch = "1970-01-01 00:00:00.000000"
    op.add_column(
        "memories", sa.Column("happened_at", UtcDateTime(), nullable=False, server_default=epoch)
    )
    op.add_column("memories", sa.Column("previous_id", Id, nullable=True))
    op.execute('UPDATE memories SET happened_at = coalesce("timestamp", created_at)')
    op.create_index("ix_memories_updated", "memories", ["project_id", "updated_at", "id"])
    op.create_index("ix_memories_happened", "memories", ["project_id", "happened_at", "id"])
    _create_partial_index("ix_memories_previous", "memories", ["previous_id"])
    _create_versions()
    past_versions.fill(op.get_bind())
    # Whom a deleted memory was about stands in its versions.
    op.drop_table("deleted_memories")
    _create_keywords()
    op.create_table(
        "memory_touches",
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("moments", Json, nullable=False),
        sa.ForeignKeyConstraint(["memory_id"], ["memories.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("memory_id"),
    )


def _create_versions() -> None:
    op.create_table(
        "memory_versions",
        sa.Column("project_id", Id, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("hash", Name, nullable=False),
        *(sa.Column(f"{kind}_key", Id, nullable=True) for kind in _KINDS),
        *(sa.Column(f"{kind}_id", Name, nullable=True) for kind in _KINDS),
        sa.Column("actor", Name, nullable=True),
        sa.Column("role", Name, nullable=True),
        sa.Column("metadata", Json, nullable=False),
        sa.Column("categories", Json, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("immutable", sa.Boolean(), nullable=False),
        sa.Column("timestamp", UtcDateTime(), nullable=True),
        sa.Column("happened_at", UtcDateTime(), nullable=False),
        sa.Column("expiration_date", sa.Date(), nullable=True),
        sa.Column("previous_id", Id, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        *(
            sa.ForeignKeyConstraint([f"{kind}_key"], ["entities.id"], ondelete="CASCADE")
            for kind in _KINDS
        ),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    listed = ["created_at", "id", "updated_at", "ended_at"]
    op.create_index("ix_memory_versions_page", "memory_versions", ["project_id", *listed])
    for kind in _KINDS:
        name = f"ix_memory_versions_{kind}"
        _create_partial_index(name, "memory_versions", [f"{kind}_key", *listed])
    _create_partial_index("ix_memory_versions_previous", "memory_versions", ["previous_id"])


def _create_partial_index(name: str, table: str, columns: list[str]) -> None:
    known = sa.text(f"{columns[0]} IS NOT NULL")
    op.create_index(name, table, columns, sqlite_where=known, postgresql_where=known)


def _create_keywords() -> None:
    position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "memory_keywords",
        sa.Column("position", position, nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("is_question", sa.Boolean(), nullable=False),
        sa.Column("names_speaker", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["memory_id"], ["memories.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("memory_id"),
    )
    op.create_index("ix_memory_keywords_project", "memory_keywords", ["project_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE INDEX ft_memory_keywords ON memory_keywords USING gin "
            "(array_to_tsvector(string_to_array(rtrim(scope || ' ' || terms), ' ')))"
        )
        return
    # The index keeps no copy of the texts, so the triggers tell it what a row has said before.
    op.execute(
        "CREATE VIRTUAL TABLE ft_memory_keywords USING fts5("
        "scope, terms, content='memory_keywords', content_rowid='position', tokenize='ascii')"
    )
    added = "(rowid, scope, terms) VALUES (new.position, new.scope, new.terms)"
    removed = (
        "(ft_memory_keywords, rowid, scope, terms) "
        "VALUES ('delete', old.position, old.scope, old.terms)"
    )
    for event, values in (
        ("INSERT", (added,)),
        ("DELETE", (removed,)),
        ("UPDATE", (removed, added)),
    ):
        statements = " ".join(f"INSERT INTO ft_memory_keywords {each};" for each in values)
        op.execute(
            f"CREATE TRIGGER ft_memory_keywords_{event.lower()} AFTER {event} ON memory_keywords "
            f"BEGIN {statements} END"
        )


def _create_deleted_memories() -> None:
    op.create_table(
        "deleted_memories",
        sa.Column("entity_id", Id, nullable=False),
        sa.Column("memory_id", Id, nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity_id", "memory_id"),
    )
    op.create_index("ix_deleted_memories_memory", "deleted_memories", ["memory_id"])
    for kind in _KINDS:
        op.execute(
            f"INSERT INTO deleted_memories SELECT DISTINCT {kind}_key, id FROM memory_versions "
            f"WHERE {kind}_key IS NOT NULL AND id NOT IN (SELECT id FROM memories)"
        )


def downgrade() -> None:
    _create_deleted_memories()
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE ft_memory_keywords")
    for table in ("memory_touches", "memory_keywords", "memory_versions"):
        op.drop_table(table)
    for index in ("ix_memories_previous", "ix_memories_happened", "ix_memories_updated"):
        op.drop_index(index, "memories")
    for column in ("previous_id", "happened_at", "state"):
        op.drop_column("memories", column)
