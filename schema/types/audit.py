"""The audit log, entry by entry."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.base import Node, is_row
from schema.prices import LARGE
from storage.tenancy.audit_log import AuditRow


@strawberry.type(
    description="An administrative action on an organization, a project, a membership, an API key "
    "or a webhook. The entry is written in the same transaction as the action and is deleted with "
    "its organization."
)
class AuditEntry(Node):
    """An entry."""

    actor: str = strawberry.field(
        description="The e-mail address of the account that performed the action; `mnemograph` "
        "for the server's own actions."
    )
    action: str = strawberry.field(
        description="The action: `ORGANIZATION_CREATED`, `ORGANIZATION_UPDATED`, "
        "`PROJECT_CREATED`, `PROJECT_UPDATED`, `PROJECT_DELETED`, `MEMBER_ADDED`, "
        "`MEMBER_UPDATED`, `MEMBER_REMOVED`, `INVITATION_CREATED`, `INVITATION_ACCEPTED`, "
        "`INVITATION_DECLINED`, `INVITATION_REVOKED`, `SERVICE_ACCOUNT_CREATED`, "
        "`API_KEY_CREATED`, `API_KEY_REVOKED`, "
        "`WEBHOOK_CREATED`, `WEBHOOK_UPDATED`, `WEBHOOK_SECRET_ROTATED` or `WEBHOOK_DELETED`. "
        "Later versions may add actions."
    )
    project_id: strawberry.ID | None = strawberry.field(
        description="The id of the project that was affected, which may no longer exist; null for "
        "an action on the organization itself."
    )
    target_id: strawberry.ID | None = strawberry.field(
        description="The id of the affected object, which may no longer exist: an organization, a "
        "project, a key, a webhook, an invitation, or the account of a member."
    )
    before: JSON | None = strawberry.field(
        description="The changed fields and their old values. For an erased project only its name "
        "remains.",
        metadata=LARGE,
    )
    after: JSON | None = strawberry.field(
        description="The changed fields and their new values. For an erased project only its name "
        "remains.",
        metadata=LARGE,
    )
    created_at: datetime = strawberry.field(description="When the action was performed.")

    is_type_of = is_row(AuditRow)
