"""Invitations and service accounts; e-mail addresses in the form in which they are compared."""

import unicodedata

import regex
import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Id, Name, UtcDateTime

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None

_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")


def upgrade() -> None:
    op.add_column("accounts", sa.Column("organization_id", Id, nullable=True))
    known = sa.text("organization_id IS NOT NULL")
    op.create_index(
        "ix_accounts_organization",
        "accounts",
        ["organization_id"],
        sqlite_where=known,
        postgresql_where=known,
    )
    op.create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("organization_id", Id, nullable=False),
        sa.Column("project_id", Id, nullable=True),
        sa.Column("email", Name, nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("inviter_id", Id, nullable=False),
        sa.Column("digest", Name, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["inviter_id"], ["accounts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_invitations_page", "invitations", ["organization_id", "created_at", "id"])
    of_project = sa.text("project_id IS NOT NULL")
    op.create_index(
        "ix_invitations_project",
        "invitations",
        ["project_id", "created_at", "id"],
        sqlite_where=of_project,
        postgresql_where=of_project,
    )
    op.create_index("ix_invitations_email", "invitations", ["email", "created_at", "id"])
    op.create_index("ix_invitations_inviter", "invitations", ["inviter_id"])
    _fold_addresses()


def _fold_addresses() -> None:
    """Case-fold the addresses that were only lower-cased; one that is taken then stays as it is."""
    connection = op.get_bind()
    accounts = sa.table("accounts", sa.column("id", Id), sa.column("email", Name))
    rows = connection.execute(sa.select(accounts.c.id, accounts.c.email))
    emails = {row.id: row.email for row in rows}
    taken = set(emails.values())
    for id, email in emails.items():
        folded = _folded(email)
        if folded not in taken:
            taken.add(folded)
            connection.execute(sa.update(accounts).where(accounts.c.id == id).values(email=folded))


def _folded(email: str) -> str:
    if email.isascii():
        return email
    local, at, domain = email.rpartition("@")
    visible = unicodedata.normalize("NFC", _INVISIBLE.sub("", local))
    return unicodedata.normalize("NFC", visible.casefold()) + at + domain


def downgrade() -> None:
    op.drop_table("invitations")
    op.drop_index("ix_accounts_organization", "accounts")
    op.drop_column("accounts", "organization_id")
