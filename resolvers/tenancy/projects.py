"""Projects: creating, configuring and deleting them."""

from typing import Any

from core.access import Permission, Role
from core.audit import AuditAction
from core.errors import CursorExpired, InvalidInput
from core.ids import uuid7
from core.validation import LONGEST_TEXT, check_storable, check_text
from resolvers.context import Context
from resolvers.erasure.receipts import create_receipt
from resolvers.inputs import changed_fields, check_version, reject_nulls
from resolvers.pagination import Connected, PageArguments, connect
from resolvers.tenancy.audit_log import audit_row
from resolvers.tenancy.organizations import hide_project
from storage.erasure.projects import project_subject
from storage.erasure.receipts import ReceiptRow
from storage.log.history import HISTORY_OF_PROJECT, HISTORY_ORDER
from storage.tenancy.api_keys import API_KEY_ORDER, API_KEYS_OF_PROJECT
from storage.tenancy.members import MEMBER_ORDER, MEMBERS_OF_PROJECT, MemberRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction

_MOST_CATEGORIES = 100
_NEVER_NULL = {
    "name": "name",
    "custom_categories": "customCategories",
    "enable_graph": "enableGraph",
    "multilingual": "multilingual",
    "decay": "decay",
    "expected_version": "expectedVersion",
}
_LONG_TEXTS = {
    "description": "description",
    "custom_instructions": "customInstructions",
    "agent_custom_instructions": "agentCustomInstructions",
}
_NAMES = {**_NEVER_NULL, **_LONG_TEXTS}


async def members_of_project(ctx: Context, project_id: str, page: PageArguments) -> Connected:
    """Return the members of a project."""
    return await connect(ctx, MEMBERS_OF_PROJECT, MEMBER_ORDER, project_id, page)


async def api_keys_of_project(ctx: Context, project_id: str, page: PageArguments) -> Connected:
    """Return the keys of a project: for an OWNER all confined to it, otherwise the actor's own."""
    visible = (("visible", None),)
    return await connect(ctx, API_KEYS_OF_PROJECT, API_KEY_ORDER, project_id, page, visible)


async def history_of_project(
    ctx: Context, project_id: str, types: tuple[Any, ...] | None, page: PageArguments
) -> Connected:
    """Return the events of the project's log, of some types if given, oldest first.

    Raises `CursorExpired` if events after the cursor have been pruned.
    """
    filters = (("types", types),) if types is not None else ()
    found = await connect(ctx, HISTORY_OF_PROJECT, HISTORY_ORDER, project_id, page, filters)
    if page["after"] is not None:
        (after,) = ctx.cursors.decode(HISTORY_ORDER, project_id, page["after"], "after")
        # Checked after the page is read, so that pruning in between is detected.
        pruned = await ctx.read(lambda tx: tx.pruning.pruned([project_id]))
        if project_id in pruned and after < pruned[project_id].sequence:
            raise CursorExpired("after")
    return found


async def create_project(
    ctx: Context, organization_id: str | None, name: str, description: str | None
) -> ProjectRow:
    """Create a project with the caller as its OWNER, by default in the key's organization.

    Raises `NotFound`, `PermissionDenied`, and `InvalidInput` for invalid arguments.
    """
    check_text(name, "input", "name")
    if description is not None:
        check_storable(description, "input", "description", longest=LONGEST_TEXT)
    default = ctx.actor.default_organization_id
    target = organization_id if organization_id is not None else default
    if target is None:
        raise InvalidInput(
            "This key has no default organization: give organizationId.", "input", "organizationId"
        )
    id, moment = uuid7(), ctx.now()

    def work(tx: Transaction) -> ProjectRow:
        tx.organizations.lock(target)
        organization = tx.organizations.get(target, ctx.actor, "input", "organizationId")
        ctx.actor.require(Permission.MANAGE_ORGANIZATION, organization.viewer_role)
        tx.projects.create(id, target, name, description, moment)
        tx.members.project.add(id, MemberRow(uuid7(), ctx.actor.account_id, Role.OWNER, moment))
        created = {"name": name}
        if description is not None:
            created["description"] = description
        _record(tx, ctx, AuditAction.PROJECT_CREATED, target, id, after=created)
        return tx.projects.get(id, ctx.actor)

    return await ctx.write(work)


async def update_project(ctx: Context, id: str | None, changes: dict[str, Any]) -> ProjectRow:
    """Change settings of a project. Omitted fields stay; a null clears an optional text.

    Raises `NotFound`, `PermissionDenied`, `VersionConflict` if the caller expects another version,
    and `InvalidInput` for invalid values.
    """
    project_id = ctx.project_id(id, "id")
    reject_nulls(changes, _NEVER_NULL)
    expected = changes.pop("expected_version", None)
    if "name" in changes:
        check_text(changes["name"], "input", "name")
    for column, name in _LONG_TEXTS.items():
        if changes.get(column) is not None:
            check_storable(changes[column], "input", name, longest=LONGEST_TEXT)
    if "custom_categories" in changes:
        check_categories(changes["custom_categories"], "input", "customCategories")

    def work(tx: Transaction) -> ProjectRow:
        tx.projects.lock(project_id)
        project = tx.projects.get(project_id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
        check_version(project, expected)
        changed = changed_fields(changes, project)
        if changed:
            tx.projects.change(project, ctx.now(), **changed)
            old = {_NAMES[column]: getattr(project, column) for column in changed}
            new = {_NAMES[column]: value for column, value in changed.items()}
            act, home = AuditAction.PROJECT_UPDATED, project.organization_id
            _record(tx, ctx, act, home, project_id, before=old, after=new)
        return tx.projects.get(project_id, ctx.actor, "id")

    return await ctx.write(work)


def check_categories(categories: list[dict[str, Any]], *path: str) -> None:
    """Raise `InvalidInput` unless the categories form a valid catalog.

    Each category is {name, description}; names must be unique.
    """
    if len(categories) > _MOST_CATEGORIES:
        raise InvalidInput(f"There can be at most {_MOST_CATEGORIES} categories.", *path)
    names = set()
    for position, category in enumerate(categories):
        check_text(category["name"], *path, position, "name")
        if category["description"] is not None:
            check_storable(
                category["description"], *path, position, "description", longest=LONGEST_TEXT
            )
        if category["name"] in names:
            raise InvalidInput("A category with this name already exists.", *path, position, "name")
        names.add(category["name"])


async def delete_project(ctx: Context, id: str) -> ReceiptRow:
    """Hide a project at once; a job erases everything in it.

    Returns the receipt, which that job completes. Raises `NotFound` and `PermissionDenied`.
    """

    def work(tx: Transaction) -> ReceiptRow:
        tx.projects.lock(id)
        project = tx.projects.get(id, ctx.actor, "id")
        ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
        hide_project(tx, id, ctx)
        act, home = AuditAction.PROJECT_DELETED, project.organization_id
        _record(tx, ctx, act, home, id, before={"name": project.name})
        return create_receipt(tx, ctx, project, project_subject(id))

    return await ctx.write(work)


def _record(
    tx: Transaction,
    ctx: Context,
    action: AuditAction,
    organization_id: str,
    project_id: str,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    entry = audit_row(
        action,
        ctx.actor.email,
        ctx.now(),
        organization_id,
        project_id,
        target=project_id,
        before=before,
        after=after,
    )
    tx.audit.record(entry)
