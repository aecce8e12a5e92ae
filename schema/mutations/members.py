"""Adding, updating and removing members of organizations and projects."""

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

NewRole = Annotated[Role, strawberry.argument(description="The account's role.")]


@strawberry.type(description="The payload of `addOrganizationMember`.")
class AddOrganizationMemberPayload(Payload):
    """An organization and its member."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization."
    )
    member: Member | None = strawberry.field(default=None, description="The created membership.")


@strawberry.type(description="The payload of `updateOrganizationMember`.")
class UpdateOrganizationMemberPayload(Payload):
    """An organization and its member."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization."
    )
    member: Member | None = strawberry.field(default=None, description="The changed membership.")


@strawberry.type(description="The payload of `removeOrganizationMember`.")
class RemoveOrganizationMemberPayload(Payload):
    """An organization and the removed member."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization; null if the caller can no longer see it."
    )
    removed_email: str | None = strawberry.field(
        default=None, description="The e-mail address of the removed member."
    )


@strawberry.type(description="The payload of `addProjectMember`.")
class AddProjectMemberPayload(Payload):
    """A project and its member."""

    project: LazyProject | None = strawberry.field(default=None, description="The project.")
    member: Member | None = strawberry.field(default=None, description="The created membership.")


@strawberry.type(description="The payload of `updateProjectMember`.")
class UpdateProjectMemberPayload(Payload):
    """A project and its member."""

    project: LazyProject | None = strawberry.field(default=None, description="The project.")
    member: Member | None = strawberry.field(default=None, description="The changed membership.")


@strawberry.type(description="The payload of `removeProjectMember`.")
class RemoveProjectMemberPayload(Payload):
    """A project and the removed member."""

    project: LazyProject | None = strawberry.field(
        default=None, description="The project; null if the caller can no longer see it."
    )
    removed_email: str | None = strawberry.field(
        default=None, description="The e-mail address of the removed member."
    )


@strawberry.type
class MemberMutation:
    """The mutations for members."""

    @mutation(
        AddOrganizationMemberPayload,
        "Adds an account to an organization. If the address has no account, one is created. The "
        "error is ALREADY_EXISTS for an account that is already a member. Requires the OWNER role "
        "and a key with ADMIN permission.",
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
        "Changes the role of a member of an organization. The error is LAST_OWNER if no OWNER "
        "would remain. Requires the OWNER role and a key with ADMIN permission.",
    )
    async def update_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email, role: NewRole
    ) -> UpdateOrganizationMemberPayload:
        """Update a member."""
        place, member = await update_member(
            info.context, IN_ORGANIZATION, organization_id, email, role
        )
        return UpdateOrganizationMemberPayload(organization=place, member=as_graphql(member))

    @mutation(
        RemoveOrganizationMemberPayload,
        "Removes a member from an organization and from all its projects. The error is LAST_OWNER "
        "if no OWNER would remain. Requires the OWNER role and a key with ADMIN permission.",
    )
    async def remove_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email
    ) -> RemoveOrganizationMemberPayload:
        """Remove a member."""
        place, address = await remove_member(info.context, IN_ORGANIZATION, organization_id, email)
        return RemoveOrganizationMemberPayload(organization=place, removed_email=address)

    @mutation(
        AddProjectMemberPayload,
        "Adds an account to a project. If the address has no account, one is created. The error "
        "is ALREADY_EXISTS for an account that is already a member. Requires the OWNER role and a "
        "key with ADMIN permission.",
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
        "Changes the role of a member of a project. The error is LAST_OWNER if no OWNER would "
        "remain. Requires the OWNER role and a key with ADMIN permission.",
    )
    async def update_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email, role: NewRole
    ) -> UpdateProjectMemberPayload:
        """Update a member."""
        project = info.context.project_id(project_id)
        place, member = await update_member(info.context, IN_PROJECT, project, email, role)
        return UpdateProjectMemberPayload(project=place, member=as_graphql(member))

    @mutation(
        RemoveProjectMemberPayload,
        "Removes a member from a project. The error is LAST_OWNER if no OWNER would remain. "
        "Requires the OWNER role and a key with ADMIN permission.",
    )
    async def remove_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email
    ) -> RemoveProjectMemberPayload:
        """Remove a member."""
        project = info.context.project_id(project_id)
        place, address = await remove_member(info.context, IN_PROJECT, project, email)
        return RemoveProjectMemberPayload(project=place, removed_email=address)
