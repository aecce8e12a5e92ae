"""Documents about invitations, and the places that tests invite to."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import update

from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import (
    with_details,
)
from tests.support.fixtures.factories import Tenant

FIELDS = """
fragment Fields on Invitation {
  id email escapedEmail role inviterEmail status createdAt expiresAt acceptedAt
  organization { id name } project { id name }
}
"""
INVITE = with_details(
    """
mutation ($id: ID!, $email: String!, $role: Role!) {
  addPlaceMember(placeId: $id, email: $email, role: $role) {
    place { id } member { role } invitation { ...Fields } secret userErrors { ...Details }
  }
}
""",
    FIELDS,
)
ACCEPT = with_details(
    """
mutation ($id: ID, $secret: String) {
  acceptInvitation(id: $id, secret: $secret) {
    invitation { ...Fields } organization { id } project { id }
    member { role account { email } } userErrors { ...Details }
  }
}
""",
    FIELDS,
)
DECLINE = with_details(
    """
mutation ($id: ID, $secret: String) {
  declineInvitation(id: $id, secret: $secret) {
    invitation { ...Fields } userErrors { ...Details }
  }
}
""",
    FIELDS,
)
REVOKE = with_details(
    """
mutation ($id: ID!) {
  revokeInvitation(id: $id) { invitation { ...Fields } userErrors { ...Details } }
}
""",
    FIELDS,
)
MINE = "{ viewer { invitations { totalCount nodes { ...Fields } } } }" + FIELDS
THEIRS = (
    """
query ($id: ID!) { place(id: $id) { viewerRole invitations { totalCount nodes { ...Fields } } } }
"""
    + FIELDS
)
NODE = "query ($id: ID!) { node(id: $id) { ... on Invitation { ...Fields } } }" + FIELDS
MEMBERS = "query ($id: ID!) { place(id: $id) { members { nodes { role account { email } } } } }"
REMOVE = with_details("""
mutation ($id: ID!, $email: String!) {
  removePlaceMember(placeId: $id, email: $email) { removedEmail userErrors { ...Details } }
}
""")
UPDATE = with_details("""
mutation ($id: ID!, $email: String!, $role: Role!) {
  updatePlaceMember(placeId: $id, email: $email, role: $role) { userErrors { ...Details } }
}
""")
DELETE = "mutation ($id: ID!) { deletePlace(id: $id) { deletedId userErrors { code } } }"
KEY = with_details("""
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { secret userErrors { ...Details } }
}
""")
INVITED_ACCOUNT = "a key of the invited account"
TABLE = METADATA.tables["invitations"]


@dataclass(frozen=True)
class Place:
    """An organization or a project of a tenant, with the documents about its invitations."""

    tenant: Tenant
    noun: str

    @property
    def field(self) -> str:
        """The name of the place in responses."""
        return self.noun.lower()

    @property
    def id(self) -> str:
        """The id of the place."""
        project = self.noun == "Project"
        return self.tenant.project_id if project else self.tenant.organization_id

    def says(self, document: str) -> str:
        """Return a document about a place as one about this kind of place."""
        return document.replace("Place", self.noun).replace("place", self.field)

    def tagged(self, name: str) -> str:
        """Return an address that no other test uses."""
        return f"{name}-{self.tenant.owner_email.removeprefix('owner-')}"

    async def invite(
        self, email: str, role: str = "READER", by: Client | None = None
    ) -> dict[str, Any]:
        """Invite an address; return the payload."""
        inviter = by or self.tenant.owner
        payload: dict[str, Any] = await inviter.do(
            self.says(INVITE), id=self.id, email=email, role=role
        )
        assert payload["member"] is None
        return payload

    async def listed(self) -> list[dict[str, Any]]:
        """Return the invitations as the owner sees them, newest first."""
        found = (await self.tenant.owner.ask(self.says(THEIRS), id=self.id))[self.field]
        invitations: list[dict[str, Any]] = found["invitations"]["nodes"]
        assert found["invitations"]["totalCount"] == len(invitations)
        return invitations

    async def roles(self) -> dict[str, str]:
        """Return the members' roles by address."""
        found = (await self.tenant.owner.ask(self.says(MEMBERS), id=self.id))[self.field]
        return {each["account"]["email"]: each["role"] for each in found["members"]["nodes"]}

    def change(self, id: str, **values: Any) -> None:
        """Change the stored row of an invitation."""
        with self.tenant.deployment.services.db.engine.begin() as connection:
            connection.execute(update(TABLE).where(TABLE.c.id == id).values(**values))


async def mine(client: Client) -> list[dict[str, Any]]:
    """Return the invitations that a client sees as the invited account."""
    found = (await client.ask(MINE))["viewer"]["invitations"]
    assert found["totalCount"] == len(found["nodes"])
    invitations: list[dict[str, Any]] = found["nodes"]
    return invitations
