"""Accepting, declining and revoking invitations."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.tenancy.invitations import (
    accept_invitation,
    decline_invitation,
    revoke_invitation,
)
from resolvers.tenancy.scopes import IN_PROJECT
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.invitation import Invitation
from schema.types.member import Member

if TYPE_CHECKING:
    from schema.types.organization import Organization
    from schema.types.project import Project

LazyOrganization = Annotated["Organization", strawberry.lazy("schema.types.organization")]
LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]

Secret = Annotated[
    str | None,
    strawberry.argument(description="The secret that the inviter got. Give either this or `id`."),
]
InvitationId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The invitation's id, as `viewer.invitations` lists it."),
]

_INVITED = (
    "Requires a key of the invited account with ACCOUNT reach and ADMIN permission, also with the "
    "secret. The error is NOT_FOUND for an invitation that is not pending."
)


@strawberry.type(description="The payload of `acceptInvitation`.")
class AcceptInvitationPayload(Payload):
    """The accepted invitation, its place and the membership."""

    invitation: Invitation | None = strawberry.field(
        default=None, description="The accepted invitation."
    )
    organization: LazyOrganization | None = strawberry.field(
        default=None, description="The organization; null after an invitation to a project."
    )
    project: LazyProject | None = strawberry.field(
        default=None, description="The project; null after an invitation to an organization."
    )
    member: Member | None = strawberry.field(default=None, description="The created membership.")


@strawberry.type(description="The payload of `declineInvitation`.")
class DeclineInvitationPayload(Payload):
    """The declined invitation."""

    invitation: Invitation | None = strawberry.field(
        default=None, description="The declined invitation."
    )


@strawberry.type(description="The payload of `revokeInvitation`.")
class RevokeInvitationPayload(Payload):
    """The revoked invitation."""

    invitation: Invitation | None = strawberry.field(
        default=None, description="The invitation after the change."
    )


@strawberry.type
class InvitationMutation:
    """The mutations for invitations."""

    @mutation(
        AcceptInvitationPayload,
        f"Makes the caller's account a member, as an invitation offers. {_INVITED}",
    )
    async def accept_invitation(
        self, info: Info, secret: Secret = None, id: InvitationId = None
    ) -> AcceptInvitationPayload:
        """Accept an invitation."""
        accepted = await accept_invitation(info.context, id, secret)
        place = as_graphql(accepted.place)
        in_project = accepted.scope is IN_PROJECT
        return AcceptInvitationPayload(
            invitation=as_graphql(accepted.invitation),
            organization=None if in_project else place,
            project=place if in_project else None,
            member=as_graphql(accepted.member),
        )

    @mutation(
        DeclineInvitationPayload,
        f"Ends an invitation of the caller's account without joining. {_INVITED}",
    )
    async def decline_invitation(
        self, info: Info, secret: Secret = None, id: InvitationId = None
    ) -> DeclineInvitationPayload:
        """Decline an invitation."""
        row = await decline_invitation(info.context, id, secret)
        return DeclineInvitationPayload(invitation=as_graphql(row))

    @mutation(
        RevokeInvitationPayload,
        "Ends a pending invitation; one that has ended already does not change. The error is "
        "ALREADY_EXISTS for an accepted one, whose member can be removed instead. Requires the "
        "OWNER role and a key with ADMIN permission.",
    )
    async def revoke_invitation(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The invitation's id.")],
    ) -> RevokeInvitationPayload:
        """Revoke an invitation."""
        row = await revoke_invitation(info.context, id)
        return RevokeInvitationPayload(invitation=as_graphql(row))
