"""Organizations and their members: `/api/v1/orgs/organizations/`."""

from functools import partial
from typing import Any

from typing_extensions import TypedDict

from core.errors import NotFound
from core.timestamps import iso_text
from resolvers.tenancy.organizations import (
    create_organization,
    delete_organization,
    members_of_organization,
    organizations_of_viewer,
)
from resolvers.tenancy.scopes import IN_ORGANIZATION
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0 import members
from rest.mem0.members import Leaving, MemberBody, Members
from rest.mem0.pages import all_rows
from rest.mem0.serializers import Message
from storage.tenancy.organizations import ORGANIZATIONS, OrganizationRow

ROOT = "/api/v1/orgs/organizations/"


class Organization(TypedDict):
    """An organization; `user_role` is null if the caller is only a member of its projects."""

    org_id: str
    name: str
    user_role: str | None
    created_at: str
    updated_at: str


class OrganizationMade(TypedDict):
    """The id of a created organization."""

    message: str
    org_id: str


class OrganizationBody(RequestParameters):
    """An organization to create."""

    name: str


async def path_organization(call: Call[Any, Any]) -> OrganizationRow:
    """Return the organization of the path. Raises `NotFound` if the caller cannot see it."""
    id = call.path["org_id"]
    organization: OrganizationRow | None = await call.ctx.loaders.row_or_none(ORGANIZATIONS, id)
    if organization is None:
        raise NotFound("organization", id, "org_id")
    return organization


async def list_organizations(call: Call[NoParameters, NoParameters]) -> list[Organization]:
    """List the organizations of the caller."""
    rows = await all_rows(call, partial(organizations_of_viewer, call.ctx))
    return [_serialize(row) for row in rows]


async def create(call: Call[NoParameters, OrganizationBody]) -> OrganizationMade:
    """Create an organization with the caller as its OWNER."""
    created = await create_organization(call.ctx, call.body.name)
    return {"message": "Organization created successfully.", "org_id": created.id}


async def get(call: Call[NoParameters, NoParameters]) -> Organization:
    """Return an organization."""
    return _serialize(await path_organization(call))


async def delete(call: Call[NoParameters, NoParameters]) -> Message:
    """Permanently delete an organization with all its projects."""
    organization = await path_organization(call)
    await delete_organization(call.ctx, organization.id)
    return {"message": "Organization deleted successfully!"}


async def list_members(call: Call[NoParameters, NoParameters]) -> Members:
    """List the members of an organization."""
    organization = await path_organization(call)
    return await members.members_of(call, partial(members_of_organization, call.ctx, organization))


async def add_member(call: Call[NoParameters, MemberBody]) -> Message:
    """Invite an address to an organization; an account of one of its projects joins at once."""
    organization = await path_organization(call)
    await members.add(call, IN_ORGANIZATION, organization.id)
    return {"message": "User added to the organization."}


async def update_member(call: Call[NoParameters, MemberBody]) -> Message:
    """Change the role of a member of an organization; the last OWNER must remain."""
    organization = await path_organization(call)
    await members.update(call, IN_ORGANIZATION, organization.id)
    return {"message": "User role updated successfully"}


async def remove_member(call: Call[Leaving, Leaving]) -> Message:
    """Remove a member from an organization and its projects; the last OWNER must remain."""
    organization = await path_organization(call)
    await members.remove(call, IN_ORGANIZATION, organization.id)
    return {"message": "User removed from organization."}


def _serialize(row: OrganizationRow) -> Organization:
    return {
        "org_id": row.id,
        "name": row.name,
        "user_role": row.viewer_role.value if row.viewer_role else None,
        "created_at": iso_text(row.created_at),
        "updated_at": iso_text(row.updated_at),
    }


_ONE = f"{ROOT}{{org_id}}/"
_MEMBERS = f"{_ONE}members/"
_TAG = "organizations"

ENDPOINTS = [
    Endpoint("GET", ROOT, list_organizations, list[Organization], _TAG),
    Endpoint("POST", ROOT, create, OrganizationMade, _TAG, body=OrganizationBody, status=201),
    Endpoint("GET", _ONE, get, Organization, _TAG),
    Endpoint("DELETE", _ONE, delete, Message, _TAG),
    Endpoint("GET", _MEMBERS, list_members, Members, _TAG),
    Endpoint("POST", _MEMBERS, add_member, Message, _TAG, body=MemberBody, status=201),
    Endpoint("PUT", _MEMBERS, update_member, Message, _TAG, body=MemberBody),
    Endpoint("DELETE", _MEMBERS, remove_member, Message, _TAG, query=Leaving, body=Leaving),
]
