"""Adding members to organizations and projects, changing and removing them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import Role
from resolvers.tenancy.members import (
    IN_ORGANIZATION,
    IN_PROJECT,
    add_member,
    remove_member,
    update_member,
)
from schema.arguments import OrganizationId, ProjectId
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.member import Member

if TYPE_CHECKING:
    from schema.types.organization import Organization
    from schema.types.project import Project


LazyOrganization = Annotated["Organization", strawberry.lazy("schema.types.organization")]

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]

Email = Annotated[str, strawberry.argument(description="The account's e-mail address.")]

NewRole = Annotated[Role, strawberry.argument(description="What the account is to be.")]


@strawberry.type(description="The answer of `addOrganizationMember`.")
class AddOrganizationMemberPayload(Payload):
    """An organization and its member."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization."
    )
    member: Member | None = strawberry.field(default=None, description="The membership made.")


@strawberry.type(description="The answer of `updateOrganizationMember`.")
class UpdateOrganizationMemberPayload(Payload):
    """An organization and its member."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization."
    )
    member: Member | None = strawberry.field(default=None, description="The membership changed.")


@strawberry.type(description="The answer of `removeOrganizationMember`.")
class RemoveOrganizationMemberPayload(Payload):
    """An organization and who left it."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization; none when the caller left it."
    )
    removed_email: str | None = strawberry.field(
        default=None, description="Whose membership ended."
    )


@strawberry.type(description="The answer of `addProjectMember`.")
class AddProjectMemberPayload(Payload):
    """A project and its member."""

    project: LazyProject | None = strawberry.field(default=None, description="The project.")
    member: Member | None = strawberry.field(default=None, description="The membership made.")


@strawberry.type(description="The answer of `updateProjectMember`.")
class UpdateProjectMemberPayload(Payload):
    """A project and its member."""

    project: LazyProject | None = strawberry.field(default=None, description="The project.")
    member: Member | None = strawberry.field(default=None, description="The membership changed.")


@strawberry.type(description="The answer of `removeProjectMember`.")
class RemoveProjectMemberPayload(Payload):
    """A project and who left it."""

    project: LazyProject | None = strawberry.field(
        default=None, description="The project; none when the caller left it."
    )
    removed_email: str | None = strawberry.field(
        default=None, description="Whose membership ended."
    )


@strawberry.type
class MemberMutation:
    """What `Mutation` has of members."""

    @mutation(
        AddOrganizationMemberPayload,
        "Make an account a member of an organization; an address without an account gets one. "
        "Needs an OWNER and a key with ADMIN permission.",
    )
    async def add_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email, role: NewRole
    ) -> AddOrganizationMemberPayload:
        """Add a member."""
        place, member = await add_member(
            info.context, IN_ORGANIZATION, organization_id, email, role
        )
        return AddOrganizationMemberPayload(organization=place, member=as_graphql(member))

    @mutation(
        UpdateOrganizationMemberPayload,
        "Change what a member of an organization is. The last OWNER stays OWNER.",
    )
    async def update_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email, role: NewRole
    ) -> UpdateOrganizationMemberPayload:
        """Change a member."""
        place, member = await update_member(
            info.context, IN_ORGANIZATION, organization_id, email, role
        )
        return UpdateOrganizationMemberPayload(organization=place, member=as_graphql(member))

    @mutation(
        RemoveOrganizationMemberPayload,
        "End a membership in an organization and in all its projects. The last OWNER stays.",
    )
    async def remove_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email
    ) -> RemoveOrganizationMemberPayload:
        """Remove a member."""
        place, address = await remove_member(info.context, IN_ORGANIZATION, organization_id, email)
        return RemoveOrganizationMemberPayload(organization=place, removed_email=address)

    @mutation(
        AddProjectMemberPayload,
        "Make an account a member of a project; an address without an account gets one. Needs an "
        "OWNER and a key with ADMIN permission.",
    )
    async def add_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email, role: NewRole
    ) -> AddProjectMemberPayload:
        """Add a member."""
        project = info.context.project_id(project_id)
        place, member = await add_member(info.context, IN_PROJECT, project, email, role)
        return AddProjectMemberPayload(project=place, member=as_graphql(member))

    @mutation(
        UpdateProjectMemberPayload,
        "Change what a member of a project is. The last OWNER stays OWNER.",
    )
    async def update_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email, role: NewRole
    ) -> UpdateProjectMemberPayload:
        """Change a member."""
        project = info.context.project_id(project_id)
        place, member = await update_member(info.context, IN_PROJECT, project, email, role)
        return UpdateProjectMemberPayload(project=place, member=as_graphql(member))

    @mutation(
        RemoveProjectMemberPayload,
        "End a membership in a project. The last OWNER stays.",
    )
    async def remove_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email
    ) -> RemoveProjectMemberPayload:
        """Remove a member."""
        project = info.context.project_id(project_id)
        place, address = await remove_member(info.context, IN_PROJECT, project, email)
        return RemoveProjectMemberPayload(project=place, removed_email=address)
