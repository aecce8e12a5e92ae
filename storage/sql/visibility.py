"""Visibility: the clauses that every getter and every list adds.

A row that the caller cannot see must look exactly like a row that does not exist. So these clauses
are part of the query itself and never a check after it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    exists,
    func,
    null,
    or_,
    select,
)

from core.access import Actor, ApiKeyReach, Role
from core.enums import InvitationStatus
from storage.sql.aliases import alias_of
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.graph import (
    Account,
    ApiKey,
    Entity,
    HistoryEvent,
    Organization,
    OrganizationMember,
    Project,
    ProjectMember,
)
from storage.tables.memory import Concept
from storage.tables.platform import Webhook
from storage.tables.work import Operation

_ORGANIZATIONS = table_of(Organization)
_PROJECTS = table_of(Project)
_ENTITIES = table_of(Entity)
_HISTORY = table_of(HistoryEvent)
_CONCEPTS = table_of(Concept)
_OPERATIONS = table_of(Operation)
_KEYS = table_of(ApiKey)
_ACCOUNTS = table_of(Account)
_WEBHOOKS = table_of(Webhook)
_IN_ORGANIZATION = table_of(OrganizationMember)
_IN_PROJECT = table_of(ProjectMember)

_ACCOUNT = bindparam("viewer_account", type_=Id)
_ONLY_PROJECT = bindparam("viewer_project", type_=Id)
_ONLY_ORGANIZATION = bindparam("viewer_organization", type_=Id)


@dataclass(frozen=True, slots=True)
class Viewer:
    """The viewer of a clause, as SQL: an account, and the scope that its key is confined to."""

    account: ColumnElement[Any]
    project: ColumnElement[Any]
    organization: ColumnElement[Any]


_CALLER = Viewer(_ACCOUNT, _ONLY_PROJECT, _ONLY_ORGANIZATION)


def viewer_parameters(actor: Actor) -> dict[str, Any]:
    """Return the parameters that the clauses of this module need, by name."""
    return {
        "viewer_account": actor.account_id,
        "viewer_project": actor.reach_project_id,
        "viewer_organization": actor.reach_organization_id,
    }


def viewer_of_key(key: FromClause) -> Viewer:
    """Return the viewer that a key authenticates; see `Actor` for how a key is confined."""

    def confined(reach: ApiKeyReach, id: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((key.c.reach == reach, func.coalesce(id, "")))

    return Viewer(
        key.c.account_id,
        confined(ApiKeyReach.PROJECT, key.c.project_id),
        confined(ApiKeyReach.ORGANIZATION, key.c.organization_id),
    )


def _owns_organization(
    organization_id: ColumnElement[Any], viewer: Viewer = _CALLER
) -> ColumnElement[bool]:
    member = alias_of(_IN_ORGANIZATION, "member of owns_organization")
    return exists().where(
        member.c.organization_id == organization_id,
        member.c.account_id == viewer.account,
        member.c.role == Role.OWNER,
    )


def project_role(project: FromClause) -> ColumnElement[Any]:
    """Return the viewer's role in a project: OWNER by the organization, else the membership's."""
    member = alias_of(_IN_PROJECT, "member of project_role")
    own = (
        select(member.c.role)
        .where(member.c.project_id == project.c.id, member.c.account_id == _ACCOUNT)
        .scalar_subquery()
    )
    owner = alias_of(_IN_ORGANIZATION, "owner of project_role")
    by_organization = (
        select(owner.c.role)
        .where(
            owner.c.organization_id == project.c.organization_id,
            owner.c.account_id == _ACCOUNT,
            owner.c.role == Role.OWNER,
        )
        .scalar_subquery()
    )
    return case((by_organization.is_not(None), by_organization), else_=own)


def project_visible(project: FromClause, viewer: Viewer = _CALLER) -> ColumnElement[bool]:
    """Return the condition that the viewer is in a project and the key reaches it."""
    member = alias_of(_IN_PROJECT, "member of project_visible")
    return and_(
        project.c.deleted_at.is_(None),
        or_(viewer.project.is_(None), project.c.id == viewer.project),
        or_(viewer.organization.is_(None), project.c.organization_id == viewer.organization),
        or_(
            _owns_organization(project.c.organization_id, viewer),
            exists().where(
                member.c.project_id == project.c.id, member.c.account_id == viewer.account
            ),
        ),
    )


def in_visible_project(project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that a project id names a project that the viewer can see."""
    project = alias_of(_PROJECTS, "project of in_visible_project")
    return exists().where(project.c.id == project_id, project_visible(project))


def in_visible_entity(entity_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an entity id names an entity of a visible project."""
    entity = alias_of(_ENTITIES, "entity of in_visible_entity")
    return exists().where(entity.c.id == entity_id, in_visible_project(entity.c.project_id))


def in_visible_log(memory_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that the log of a visible project has the memory, deleted or not."""
    event = alias_of(_HISTORY, "event of in_visible_log")
    return exists().where(event.c.memory_id == memory_id, in_visible_project(event.c.project_id))


def in_visible_operation(operation_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id names an operation of a visible project."""
    operation = alias_of(_OPERATIONS, "operation of in_visible_operation")
    return exists().where(
        operation.c.id == operation_id, in_visible_project(operation.c.project_id)
    )


def in_visible_concept(concept_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id names a concept of a visible project."""
    concept = alias_of(_CONCEPTS, "concept of in_visible_concept")
    return exists().where(concept.c.id == concept_id, in_visible_project(concept.c.project_id))


def organization_role(organization: FromClause) -> ColumnElement[Any]:
    """Return the viewer's role in an organization; null for a key confined to one project."""
    member = alias_of(_IN_ORGANIZATION, "member of organization_role")
    own = (
        select(member.c.role)
        .where(member.c.organization_id == organization.c.id, member.c.account_id == _ACCOUNT)
        .scalar_subquery()
    )
    return case((_ONLY_PROJECT.is_(None), own))


def organization_visible(organization: FromClause) -> ColumnElement[bool]:
    """Return the condition that the viewer is in an organization, or in a project of it."""
    member = alias_of(_IN_ORGANIZATION, "member of organization_visible")
    project = alias_of(_PROJECTS, "project of organization_visible")
    return and_(
        organization.c.deleted_at.is_(None),
        or_(_ONLY_ORGANIZATION.is_(None), organization.c.id == _ONLY_ORGANIZATION),
        or_(
            and_(
                _ONLY_PROJECT.is_(None),
                exists().where(
                    member.c.organization_id == organization.c.id,
                    member.c.account_id == _ACCOUNT,
                ),
            ),
            exists().where(
                project.c.organization_id == organization.c.id, project_visible(project)
            ),
        ),
    )


def organization_of_viewer(organization: FromClause) -> ColumnElement[bool]:
    """Return the same as `organization_visible`, led by the memberships of the viewer.

    Lists use it, because they would otherwise read every organization.
    """
    member = alias_of(_IN_ORGANIZATION, "member of organization_of_viewer")
    guest = alias_of(_IN_PROJECT, "guest of organization_of_viewer")
    project = alias_of(_PROJECTS, "project of organization_of_viewer")
    own = select(member.c.organization_id).where(member.c.account_id == _ACCOUNT)
    visited = (
        select(project.c.organization_id)
        .join(guest, guest.c.project_id == project.c.id)
        .where(guest.c.account_id == _ACCOUNT)
    )
    return and_(organization.c.id.in_(own.union(visited)), organization_visible(organization))


def in_visible_organization(organization_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id names an organization that the viewer can see."""
    organization = alias_of(_ORGANIZATIONS, "organization of in_visible_organization")
    return exists().where(organization.c.id == organization_id, organization_visible(organization))


def account_visible(account: FromClause) -> ColumnElement[bool]:
    """Return the condition that the viewer can see an account.

    It is the viewer's own, or has a membership, a key or a webhook that the viewer can see. A
    viewer who is only a member of a project sees the organization, but not its members.
    """
    member = alias_of(_IN_ORGANIZATION, "member of account_visible")
    guest = alias_of(_IN_PROJECT, "guest of account_visible")
    organization = alias_of(_ORGANIZATIONS, "organization of account_visible")
    key = alias_of(_KEYS, "key of account_visible")
    webhook = alias_of(_WEBHOOKS, "webhook of account_visible")
    return or_(
        account.c.id == _ACCOUNT,
        exists().where(
            member.c.account_id == account.c.id,
            member.c.organization_id == organization.c.id,
            organization_visible(organization),
            organization_role(organization).is_not(None),
        ),
        exists().where(guest.c.account_id == account.c.id, in_visible_project(guest.c.project_id)),
        exists().where(key.c.account_id == account.c.id, api_key_visible(key)),
        exists().where(
            webhook.c.account_id == account.c.id, in_owned_project(webhook.c.project_id)
        ),
    )


def api_key_visible(key: FromClause) -> ColumnElement[bool]:
    """Return the condition that the viewer can see a key.

    It is the viewer's own, or confined to a project or organization that the viewer owns. A
    confined key does not see keys of a wider scope.
    """
    project = alias_of(_PROJECTS, "project of api_key_visible")
    owned_project = exists().where(
        project.c.id == key.c.project_id,
        project_visible(project),
        project_role(project) == Role.OWNER,
    )
    return and_(
        or_(
            _ONLY_PROJECT.is_(None),
            and_(key.c.reach == "PROJECT", key.c.project_id == _ONLY_PROJECT),
        ),
        or_(
            _ONLY_ORGANIZATION.is_(None),
            and_(key.c.reach == "ORGANIZATION", key.c.organization_id == _ONLY_ORGANIZATION),
            and_(key.c.reach == "PROJECT", in_visible_project(key.c.project_id)),
        ),
        or_(
            key.c.account_id == _ACCOUNT,
            and_(key.c.reach == "PROJECT", owned_project),
            and_(key.c.reach == "ORGANIZATION", _owns_organization(key.c.organization_id)),
        ),
    )


def in_owned_organization(organization_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id names an organization that the viewer sees as its OWNER."""
    organization = alias_of(_ORGANIZATIONS, "organization of in_owned_organization")
    return exists().where(
        organization.c.id == organization_id,
        organization_visible(organization),
        organization_role(organization) == Role.OWNER,
    )


def in_owned_project(project_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id names a project that the viewer sees as its OWNER."""
    project = alias_of(_PROJECTS, "project of in_owned_project")
    return exists().where(
        project.c.id == project_id,
        project_visible(project),
        project_role(project) == Role.OWNER,
    )


def invitation_has_place(invitation: FromClause) -> ColumnElement[bool]:
    """Return the condition that the organization or project of an invitation is not deleted."""
    organization = alias_of(_ORGANIZATIONS, "organization of invitation_has_place")
    project = alias_of(_PROJECTS, "project of invitation_has_place")
    return and_(
        exists().where(
            organization.c.id == invitation.c.organization_id, organization.c.deleted_at.is_(None)
        ),
        or_(
            invitation.c.project_id.is_(None),
            exists().where(project.c.id == invitation.c.project_id, project.c.deleted_at.is_(None)),
        ),
    )


def inviter_is_owner(invitation: FromClause) -> ColumnElement[bool]:
    """Return the condition that the inviter still owns the place of an invitation."""
    owner = alias_of(_IN_PROJECT, "owner of inviter_is_owner")
    anywhere = null()
    inviter = Viewer(invitation.c.inviter_id, anywhere, anywhere)
    return or_(
        _owns_organization(invitation.c.organization_id, inviter),
        exists().where(
            owner.c.project_id == invitation.c.project_id,
            owner.c.account_id == invitation.c.inviter_id,
            owner.c.role == Role.OWNER,
        ),
    )


def invitation_of_viewer(invitation: FromClause) -> ColumnElement[bool]:
    """Return the condition that an invitation is pending and for the address of the viewer.

    A confined key does not see invitations: an OWNER may have created it for another account.
    """
    account = alias_of(_ACCOUNTS, "account of invitation_of_viewer")
    address = select(account.c.email).where(account.c.id == _ACCOUNT).scalar_subquery()
    return and_(
        _ONLY_PROJECT.is_(None),
        _ONLY_ORGANIZATION.is_(None),
        invitation.c.email == address,
        invitation.c.status == InvitationStatus.PENDING,
        invitation_has_place(invitation),
        inviter_is_owner(invitation),
    )


def invitation_visible(invitation: FromClause) -> ColumnElement[bool]:
    """Return the condition that the viewer owns the place of an invitation, or is invited."""
    return and_(
        invitation_has_place(invitation),
        or_(
            in_owned_organization(invitation.c.organization_id),
            in_owned_project(invitation.c.project_id),
            invitation_of_viewer(invitation),
        ),
    )


def in_owned_webhook(webhook_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that an id names a webhook of a project that the viewer owns."""
    webhook = alias_of(_WEBHOOKS, "webhook of in_owned_webhook")
    return exists().where(webhook.c.id == webhook_id, in_owned_project(webhook.c.project_id))


def audit_entry_visible(entry: FromClause) -> ColumnElement[bool]:
    """Return the condition that the viewer owns the organization of an entry, or its project."""
    return or_(in_owned_organization(entry.c.organization_id), in_owned_project(entry.c.project_id))


def receipt_visible(receipt: FromClause) -> ColumnElement[bool]:
    """Return the condition that the viewer can see a receipt.

    The viewer owns the organization or the project, or requested the erasure. After the project is
    erased, one who owned only the project can see the receipt only as its requester.
    """
    account = alias_of(_ACCOUNTS, "account of receipt_visible")
    return or_(
        in_owned_organization(receipt.c.organization_id),
        in_owned_project(receipt.c.project_id),
        and_(
            _ONLY_PROJECT.is_(None),
            or_(_ONLY_ORGANIZATION.is_(None), receipt.c.organization_id == _ONLY_ORGANIZATION),
            exists().where(account.c.id == _ACCOUNT, account.c.email == receipt.c.requested_by),
        ),
    )
