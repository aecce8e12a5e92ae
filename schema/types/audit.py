"""The audit log, entry by entry."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.base import Node, is_row
from storage.tenancy.audit_log import AuditRow


@strawberry.type(
    description="One act of administration: of an organization, a project, a membership, an API "
    "key or a webhook. It is written down together with what it tells of, and goes with its "
    "organization."
)
class AuditEntry(Node):
    """An entry."""

    actor: str = strawberry.field(
        description="The e-mail address of the account that did it; `mnemograph` for the server."
    )
    action: str = strawberry.field(
        description="What was done: `ORGANIZATION_` or `PROJECT_` and `CREATED` or `UPDATED`, "
        "`PROJECT_DELETED`, `MEMBER_` and `ADDED`, `UPDATED` or `REMOVED`, `API_KEY_` and "
        "`CREATED` or `REVOKED`, `WEBHOOK_` and `CREATED`, `UPDATED`, `SECRET_ROTATED` or "
        "`DELETED`. There may be more with time."
    )
    project_id: strawberry.ID | None = strawberry.field(
        description="The project it was done to or in, which may be gone; none for what was done "
        "to the organization itself."
    )
    target_id: strawberry.ID | None = strawberry.field(
        description="The id of what it was done to, which may be gone: an organization, a project, "
        "a key, a webhook, or the account of a member."
    )
    before: JSON | None = strawberry.field(
        description="What it has changed, as it was, by name. Of an erased project no more than "
        "its name is left."
    )
    after: JSON | None = strawberry.field(
        description="What it has changed, as it became, by name; likewise."
    )
    created_at: datetime = strawberry.field(description="When it was done.")

    is_type_of = is_row(AuditRow)
