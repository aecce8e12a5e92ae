"""Projects, their settings and their members: `/api/v1/orgs/organizations/{org_id}/projects/`.

The trap: mem0's clients have settings without a counterpart here. A setting without an effect is
rejected by name, so that a client cannot rely on it.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict
from typing_extensions import TypedDict

from core.errors import InvalidInput
from core.timestamps import iso_text
from resolvers.tenancy.organizations import projects_of_organization
from resolvers.tenancy.projects import (
    create_project,
    delete_project,
    members_of_project,
    update_project,
)
from resolvers.tenancy.scopes import IN_PROJECT
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0 import members
from rest.mem0.adding import catalog_of
from rest.mem0.members import Leaving, Member, MemberBody, Members, accounts_of
from rest.mem0.organizations import ROOT, path_organization
from rest.mem0.pages import all_rows
from rest.mem0.serializers import Message
from storage.tenancy.projects import ProjectRow

# The fields that null clears, with their empty values. For all other fields, null counts as
# omitted, as in mem0's clients.
_CLEARED: dict[str, Any] = {
    "description": None,
    "custom_instructions": None,
    "agent_custom_instructions": None,
    "custom_categories": [],
}


class Project(TypedDict):
    """A project with its settings and its members."""

    project_id: str
    org_id: str
    name: str
    description: str | None
    custom_instructions: str | None
    agent_custom_instructions: str | None
    custom_categories: list[dict[str, str | None]]
    enable_graph: bool
    multilingual: bool
    decay: bool
    is_default: bool
    user_role: str | None
    members: list[Member]
    created_at: str
    updated_at: str


class ProjectMade(TypedDict):
    """The id of a created project."""

    message: str
    project_id: str


class ProjectQuery(RequestParameters):
    """The fields to return, by default all."""

    fields: list[str] | None = None


class ProjectBody(RequestParameters):
    """A project to create."""

    name: str
    description: str | None = None


def _joined(value: Any) -> Any:
    """Return instructions as one text; in mem0's reference they are a list."""
    is_texts = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "\n".join(value) if is_texts else value


def _described(value: Any) -> Any:
    """Return categories as objects; mem0's clients declare them as names only."""
    if not isinstance(value, list):
        return value
    return [{item: None} if isinstance(item, str) else item for item in value]


Instructions = Annotated[str | None, BeforeValidator(_joined)]
Categories = Annotated[list[dict[str, str | None]] | None, BeforeValidator(_described)]


class ProjectChanges(RequestParameters):
    """The changes to a project. Omitted fields do not change; null clears texts and categories."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    description: str | None = None
    custom_instructions: Instructions = None
    agent_custom_instructions: Instructions = None
    custom_categories: Categories = None
    enable_graph: bool | None = None
    multilingual: bool | None = None
    decay: bool | None = None

    def changes(self) -> dict[str, Any]:
        """Return the changes as arguments of the resolver.

        Raises `InvalidInput` for an unknown setting.
        """
        for name, value in (self.model_extra or {}).items():
            if value is not None and name not in _IDLE:
                raise InvalidInput(f"The setting {name} is not supported: leave it out.", name)
        values = {name: getattr(self, name) for name in _SETTINGS & self.model_fields_set}
        if values.get("custom_categories") is not None:
            values["custom_categories"] = catalog_of(values["custom_categories"])
        return {
            name: _CLEARED[name] if value is None else value
            for name, value in values.items()
            if value is not None or name in _CLEARED
        }


_SETTINGS = ProjectChanges.model_fields.keys() - RequestParameters.model_fields.keys()
# Clients may send back the fields that they have read; those are ignored. So is the version of
# mem0's API, because all versions are served side by side.
_IDLE = {*Project.__annotations__, "version"}


async def list_projects(call: Call[NoParameters, NoParameters]) -> list[Project]:
    """List the projects of an organization that the caller can see."""
    organization = await path_organization(call)
    rows = await all_rows(call, partial(projects_of_organization, call.ctx, organization.id))
    return await _serialize(call, rows)


async def create(call: Call[NoParameters, ProjectBody]) -> ProjectMade:
    """Create a project with the caller as its OWNER."""
    organization = await path_organization(call)
    body = call.body
    created = await create_project(call.ctx, organization.id, body.name, body.description)
    return {"message": "Project created successfully.", "project_id": created.id}


async def get(call: Call[ProjectQuery, NoParameters]) -> Project | dict[str, Any]:
    """Return a project, or only the requested fields of it."""
    (project,) = await _serialize(call, [await _project_of(call)])
    fields = call.query.fields
    if fields is None:
        return project
    return {name: value for name, value in project.items() if name in fields}


async def update(call: Call[NoParameters, ProjectChanges]) -> Message:
    """Change the settings of a project."""
    changes = call.body.changes()
    project = await _project_of(call)
    await update_project(call.ctx, project.id, changes)
    return {"message": "Project updated successfully"}


async def delete(call: Call[NoParameters, NoParameters]) -> Message:
    """Permanently delete a project with everything in it."""
    project = await _project_of(call)
    await delete_project(call.ctx, project.id)
    return {"message": "Project and related data deleted successfully."}


async def list_members(call: Call[NoParameters, NoParameters]) -> Members:
    """List the members of a project."""
    project = await _project_of(call)
    return await members.members_of(call, partial(members_of_project, call.ctx, project.id))


async def add_member(call: Call[NoParameters, MemberBody]) -> Message:
    """Invite an address to a project; an account of its organization joins at once."""
    project = await _project_of(call)
    await members.add(call, IN_PROJECT, project.id)
    return {"message": "User added to the project successfully."}


async def update_member(call: Call[NoParameters, MemberBody]) -> Message:
    """Change the role of a member of a project; the last OWNER must remain."""
    project = await _project_of(call)
    await members.update(call, IN_PROJECT, project.id)
    return {"message": "User role updated successfully."}


async def remove_member(call: Call[Leaving, Leaving]) -> Message:
    """Remove a member from a project; the last OWNER must remain."""
    project = await _project_of(call)
    await members.remove(call, IN_PROJECT, project.id)
    return {"message": "Member removed from the project"}


async def _project_of(call: Call[Any, Any]) -> ProjectRow:
    """Return the project of the path. Raises `NotFound` for one of another organization."""
    return await call.project_of(call.path["project_id"], call.path["org_id"])


async def _serialize(call: Call[Any, Any], rows: Sequence[ProjectRow]) -> list[Project]:
    """Return projects with their members, with a number of queries that is constant."""
    lists = await asyncio.gather(
        *(all_rows(call, partial(members_of_project, call.ctx, row.id)) for row in rows)
    )
    people = await accounts_of(call, (member.account_id for list in lists for member in list))
    default = call.ctx.actor.default_project_id
    return [
        {
            "project_id": row.id,
            "org_id": row.organization_id,
            "name": row.name,
            "description": row.description,
            "custom_instructions": row.custom_instructions,
            "agent_custom_instructions": row.agent_custom_instructions,
            "custom_categories": [
                {category["name"]: category["description"]} for category in row.custom_categories
            ],
            "enable_graph": row.enable_graph,
            "multilingual": row.multilingual,
            "decay": row.decay,
            "is_default": row.id == default,
            "user_role": row.viewer_role.value if row.viewer_role else None,
            "members": members.serialize_members(rows_of_members, people),
            "created_at": iso_text(row.created_at),
            "updated_at": iso_text(row.updated_at),
        }
        for row, rows_of_members in zip(rows, lists, strict=True)
    ]


_ALL = f"{ROOT}{{org_id}}/projects/"
_ONE = f"{_ALL}{{project_id}}/"
_MEMBERS = f"{_ONE}members/"
_TAG = "projects"

ENDPOINTS = [
    Endpoint("GET", _ALL, list_projects, list[Project], _TAG),
    Endpoint("POST", _ALL, create, ProjectMade, _TAG, body=ProjectBody),
    Endpoint("GET", _ONE, get, Project | dict[str, Any], _TAG, query=ProjectQuery),
    Endpoint("PATCH", _ONE, update, Message, _TAG, body=ProjectChanges),
    Endpoint("DELETE", _ONE, delete, Message, _TAG),
    Endpoint("GET", _MEMBERS, list_members, Members, _TAG),
    Endpoint("POST", _MEMBERS, add_member, Message, _TAG, body=MemberBody),
    Endpoint("PUT", _MEMBERS, update_member, Message, _TAG, body=MemberBody),
    Endpoint("DELETE", _MEMBERS, remove_member, Message, _TAG, query=Leaving, body=Leaving),
]
