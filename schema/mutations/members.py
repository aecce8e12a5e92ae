"""Adding, updating and removing members of organizations and projects."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from core.access import Role
from resolvers.tenancy.members import add_member, remove_member, update_member
from resolvers.tenancy.scopes import IN_ORGANIZATION, IN_PROJECT
from resolvers.tenancy.service_accounts import create_service_account
from schema.arguments import OrganizationId, ProjectId
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.invitation import Invitation
from schema.types.member import Member
from schema.types.viewer import Account

if TYPE_CHECKING:
    from schema.types.organization import Organization
    from schema.types.project import Project


LazyOrganization = Annotated["Organization", strawberry.lazy("schema.types.organization")]

LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]

Email = Annotated[str, strawberry.argument(description="The account's e-mail address.")]

NewRole = Annotated[Role, strawberry.argument(description="The account's role.")]


@strawberry.type(description="The payload of `addOrganizationMember`.")
class AddOrganizationMemberPayload(Payload):
    """An organization, with its member or the invitation."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization."
    )
    member: Member | None = strawberry.field(
        default=None, description="The created membership; null if the address is invited."
    )
    invitation: Invitation | None = strawberry.field(
        default=None, description="The created invitation; null if the account became a member."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The invitation's secret, for the invited. It is returned only once and is not "
        "stored.",
    )


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
    """A project, with its member or the invitation."""

    project: LazyProject | None = strawberry.field(default=None, description="The project.")
    member: Member | None = strawberry.field(
        default=None, description="The created membership; null if the address is invited."
    )
    invitation: Invitation | None = strawberry.field(
        default=None, description="The created invitation; null if the account became a member."
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The invitation's secret, for the invited. It is returned only once and is not "
        "stored.",
    )


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


@strawberry.type(description="The payload of `createServiceAccount`.")
class CreateServiceAccountPayload(Payload):
    """A service account with its membership and its organization."""

    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization that owns the account."
    )
    account: Account | None = strawberry.field(default=None, description="The created account.")
    member: Member | None = strawberry.field(
        default=None, description="The account's membership, as a READER of the organization."
    )


@strawberry.type
class MemberMutation:
    """The mutations for members."""

    @mutation(
        AddOrganizationMemberPayload,
        "Invites an e-mail address to an organization, whether it has an account or not. An "
        "account that is in a project of the organization becomes a member at once. The error is "
        "ALREADY_EXISTS for a member and for an invited address. Requires the OWNER role and a key "
        "with ADMIN permission.",
    )
    async def add_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email, role: NewRole
    ) -> AddOrganizationMemberPayload:
        """Add a member."""
        added = await add_member(info.context, IN_ORGANIZATION, organization_id, email, role)
        return AddOrganizationMemberPayload(
            organization=added.place,
            member=as_graphql(added.member),
            invitation=as_graphql(added.invitation),
            secret=added.secret,
        )

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
        "Removes a member from an organization and from all its projects, and revokes the "
        "invitations of its address. A service account is deleted with its keys. The error is "
        "LAST_OWNER if no OWNER would remain. Requires the OWNER role and a key with ADMIN "
        "permission.",
    )
    async def remove_organization_member(
        self, info: Info, organization_id: OrganizationId, email: Email
    ) -> RemoveOrganizationMemberPayload:
        """Remove a member."""
        place, address = await remove_member(info.context, IN_ORGANIZATION, organization_id, email)
        return RemoveOrganizationMemberPayload(organization=place, removed_email=address)

    @mutation(
        AddProjectMemberPayload,
        "Invites an e-mail address to a project, whether it has an account or not. An account that "
        "is in the project's organization, as far as the caller can see it there, becomes a member "
        "at once. The error is ALREADY_EXISTS for a member and for an invited address. Requires "
        "the OWNER role and a key with ADMIN permission.",
    )
    async def add_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email, role: NewRole
    ) -> AddProjectMemberPayload:
        """Add a member."""
        project = info.context.project_id(project_id)
        added = await add_member(info.context, IN_PROJECT, project, email, role)
        return AddProjectMemberPayload(
            project=added.place,
            member=as_graphql(added.member),
            invitation=as_graphql(added.invitation),
            secret=added.secret,
        )

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
        "Removes a member from a project, and revokes the invitation of its address. The error is "
        "LAST_OWNER if no OWNER would remain. Requires the OWNER role and a key with ADMIN "
        "permission.",
    )
    async def remove_project_member(
        self, info: Info, *, project_id: ProjectId = None, email: Email
    ) -> RemoveProjectMemberPayload:
        """Remove a member."""
        project = info.context.project_id(project_id)
        place, address = await remove_member(info.context, IN_PROJECT, project, email)
        return RemoveProjectMemberPayload(project=place, removed_email=address)

    @mutation(
        CreateServiceAccountPayload,
        "Creates a service account: an account of a machine, which belongs to the organization and "
        "is deleted with it. It gets its keys from OWNERs by `createApiKey`, under the `email` of "
        "the account. `removeOrganizationMember` deletes it with its keys. Requires the OWNER role "
        "and a key with ADMIN permission.",
    )
    async def create_service_account(
        self,
        info: Info,
        organization_id: OrganizationId,
        name: Annotated[
            str,
            strawberry.argument(description="The account's name, at most 256 characters."),
        ],
    ) -> CreateServiceAccountPayload:
        """Create a service account."""
        place, account, member = await create_service_account(info.context, organization_id, name)
        return CreateServiceAccountPayload(
            organization=place, account=as_graphql(account), member=as_graphql(member)
        )
