"""Members of organizations and of projects: the same rules for both, so the same tests."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.clients.graphql import Client
from tests.support.documents.refusals import (
    OWNER_AND_ADMIN,
    already_exists,
    assert_missing,
    assert_refused,
    forbidden,
    invalid,
    last_owner,
    not_found,
    snapshot,
    with_details,
)
from tests.support.fixtures.factories import Tenant

# A document speaks of a place; `Place.says` makes an organization or a project of it.
ADD = with_details("""
mutation ($id: ID!, $email: String!, $role: Role!) {
  addPlaceMember(placeId: $id, email: $email, role: $role) {
    place { id viewerRole }
    member { role joinedAt account { id email name } }
    userErrors { ...Details }
  }
}
""")
UPDATE = ADD.replace("add", "update")
REMOVE = with_details("""
mutation ($id: ID!, $email: String!) {
  removePlaceMember(placeId: $id, email: $email) {
    place { id viewerRole } removedEmail userErrors { ...Details }
  }
}
""")
ADD_BY_DEFAULT = with_details("""
mutation ($email: String!) {
  addProjectMember(email: $email, role: READER) {
    project { id } invitation { email } userErrors { ...Details }
  }
}
""")
PLACE = "query ($id: ID!) { place(id: $id) { id viewerRole } }"
MEMBERS = """
query ($id: ID!) { place(id: $id) { members { totalCount nodes { role account { email } } } } }
"""


@dataclass(frozen=True)
class Place:
    """An organization or a project, with the documents that speak of its members."""

    tenant: Tenant
    noun: str
    id: str

    @property
    def field(self) -> str:
        """The name of the place in answers."""
        return self.noun.lower()

    @property
    def shown(self) -> dict[str, Any]:
        """The place as its owner sees it."""
        return {"id": self.id, "viewerRole": "OWNER"}

    @property
    def add(self) -> str:
        """The mutation that adds a member."""
        return self.says(ADD)

    @property
    def update(self) -> str:
        """The mutation that changes a member's role."""
        return self.says(UPDATE)

    @property
    def remove(self) -> str:
        """The mutation that ends a membership."""
        return self.says(REMOVE)

    async def join(self, email: str, role: str) -> Client:
        """Invite an address and accept for it; return a client of its account."""
        return await self.tenant.join(email, role, **{self.field: self.id})

    def says(self, document: str) -> str:
        """Return a document about a place as one about an organization or a project."""
        return document.replace("Place", self.noun).replace("place", self.field)

    def tagged(self, name: str) -> str:
        """Return an address that nobody else has."""
        return f"{name}-{self.tenant.owner_email.removeprefix('owner-')}"

    async def members(self, client: Client) -> list[tuple[str, str]]:
        """Return the members in order: (address, role)."""
        found = (await client.ask(self.says(MEMBERS), id=self.id))[self.field]["members"]
        assert found["totalCount"] == len(found["nodes"])
        return [(member["account"]["email"], member["role"]) for member in found["nodes"]]

    async def role(self, client: Client) -> str | None:
        """Return what a client's account is in the place."""
        role: str | None = (await client.ask(self.says(PLACE), id=self.id))[self.field][
            "viewerRole"
        ]
        return role


@pytest.fixture(params=["Organization", "Project"])
def place(request: pytest.FixtureRequest, tenant: Tenant) -> Place:
    """An organization whose only member is its owner, or a project with the reader beside."""
    if request.param == "Project":
        return Place(tenant, request.param, tenant.project_id)
    return Place(tenant, request.param, tenant.organization_id)


@pytest.fixture
def already(place: Place) -> list[tuple[str, str]]:
    """The members that a place starts with."""
    first = [(place.tenant.owner_email, "OWNER")]
    reader = [(place.tenant.reader_email, "READER")]
    return first if place.noun == "Organization" else first + reader


async def test_a_member_is_not_added_again(place: Place) -> None:
    owner = place.tenant.owner
    email = place.tagged("guest")
    await place.join(email, "READER")
    for again in (email, email.upper(), place.tenant.owner_email):
        await assert_refused(
            place.tenant,
            owner,
            already_exists("email"),
            place.add,
            id=place.id,
            email=again,
            role="OWNER",
        )


@pytest.mark.parametrize(
    "email",
    ["", "  ", "nobody", "nobody@", "@example.com", "no body@example.com", "a\0b@example.com"],
)
async def test_a_bad_address_is_refused(place: Place, email: str) -> None:
    for document, others in (
        (place.add, {"role": "READER"}),
        (place.update, {"role": "READER"}),
        (place.remove, {}),
    ):
        await assert_refused(
            place.tenant,
            place.tenant.owner,
            invalid("email"),
            document,
            id=place.id,
            email=email,
            **others,
        )


async def test_accounts_without_membership_look_like_unknown_accounts(place: Place) -> None:
    for email in (place.tenant.stranger_email, place.tagged("unknown")):
        for document, others in ((place.update, {"role": "OWNER"}), (place.remove, {})):
            await assert_refused(
                place.tenant,
                place.tenant.owner,
                not_found(None, "email"),
                document,
                id=place.id,
                email=email,
                **others,
            )


async def test_a_role_changes_and_counts_at_once(
    place: Place, already: list[tuple[str, str]]
) -> None:
    owner, email = place.tenant.owner, place.tagged("guest")
    guest = await place.join(email, "READER")
    for role in ("OWNER", "READER"):
        payload = await owner.do(place.update, id=place.id, email=email.upper(), role=role)
        assert payload[place.field] == place.shown
        member = payload["member"]
        assert (member["role"], member["account"]["email"]) == (role, email)
        assert await place.members(owner) == [*already, (email, role)]
        assert await place.role(guest) == role
        invitation = {"id": place.id, "email": place.tagged("other"), "role": "READER"}
        if role == "OWNER":
            await guest.do(place.add, **invitation)
        else:
            refusal = forbidden(OWNER_AND_ADMIN)
            await assert_refused(place.tenant, guest, refusal, place.add, **invitation)


async def test_a_role_that_is_had_already_changes_nothing(place: Place) -> None:
    before, email = snapshot(place.tenant), place.tenant.owner_email
    payload = await place.tenant.owner.do(place.update, id=place.id, email=email, role="OWNER")
    assert payload["member"]["role"] == "OWNER"
    assert payload["member"]["account"]["email"] == email
    assert snapshot(place.tenant) == before


async def test_the_last_owner_stays(place: Place) -> None:
    owner, email = place.tenant.owner, place.tenant.owner_email
    await place.join(place.tagged("guest"), "READER")
    # An OWNER who is only invited does not count.
    invited = {"email": place.tagged("invited"), "role": "OWNER"}
    await owner.do(place.add, id=place.id, **invited)
    demotion = {"id": place.id, "email": email, "role": "READER"}
    await assert_refused(place.tenant, owner, last_owner(), place.update, **demotion)
    await assert_refused(place.tenant, owner, last_owner(), place.remove, id=place.id, email=email)


async def test_an_owner_may_step_down_where_there_is_another(place: Place) -> None:
    second = place.tagged("second")
    owner = place.tenant.owner
    await place.join(second, "OWNER")
    payload = await owner.do(place.update, id=place.id, email=second, role="READER")
    assert payload["member"]["role"] == "READER"
    await owner.do(place.update, id=place.id, email=second, role="OWNER")
    await owner.do(place.update, id=place.id, email=place.tenant.owner_email, role="READER")
    other = place.tenant.key(second)
    await assert_refused(place.tenant, other, last_owner(), place.remove, id=place.id, email=second)


async def test_a_removed_member_is_gone(place: Place, already: list[tuple[str, str]]) -> None:
    owner, email = place.tenant.owner, place.tagged("guest")
    await place.join(email, "OWNER")
    guest = place.tenant.key(email)
    payload = await owner.do(place.remove, id=place.id, email=email.upper())
    assert payload == {place.field: place.shown, "removedEmail": email, "userErrors": []}
    assert await place.members(owner) == already
    await assert_missing(guest, place.says(PLACE), id=place.id)
    refusal = not_found(None, "email")
    await assert_refused(place.tenant, owner, refusal, place.remove, id=place.id, email=email)


async def test_a_removed_member_loses_access(place: Place) -> None:
    email = place.tagged("second")
    await place.join(email, "OWNER")
    second = place.tenant.key(email)
    payload = await second.do(place.remove, id=place.id, email=email)
    assert payload == {place.field: None, "removedEmail": email, "userErrors": []}
    await assert_missing(second, place.says(PLACE), id=place.id)


async def two_owners(place: Place) -> list[tuple[Client, str]]:
    """Return both owners of a place, made the only ones: (client, address)."""
    second = place.tagged("second")
    await place.join(second, "OWNER")
    return [
        (place.tenant.key(second), second),
        (place.tenant.key(place.tenant.owner_email), place.tenant.owner_email),
    ]


@pytest.mark.every_database
@pytest.mark.parametrize("round_", range(3))
@pytest.mark.parametrize("verb", ["remove", "update"])
async def test_of_two_owners_who_go_at_once_one_stays(place: Place, verb: str, round_: int) -> None:
    owners = await two_owners(place)
    role = {"role": "READER"} if verb == "update" else {}
    answers = await asyncio.gather(
        *(
            client.ask(getattr(place, verb), id=place.id, email=email, **role)
            for client, email in owners
        )
    )
    errors = [payload["userErrors"] for answer in answers for payload in answer.values()]
    assert sorted(errors, key=len) == [[], [last_owner()]]
    (stayed,) = [email for (_, email), found in zip(owners, errors, strict=True) if found]
    members = await place.members(place.tenant.key(stayed))
    assert [email for email, role in members if role == "OWNER"] == [stayed]


@pytest.mark.every_database
@pytest.mark.parametrize("round_", range(3))
async def test_of_two_owners_who_remove_each_other_one_stays(place: Place, round_: int) -> None:
    (first, first_email), (second, second_email) = await two_owners(place)
    answers = await asyncio.gather(
        first.ask(place.remove, id=place.id, email=second_email),
        second.ask(place.remove, id=place.id, email=first_email),
    )
    errors = [payload["userErrors"] for answer in answers for payload in answer.values()]
    assert sorted(map(len, errors)) == [0, 1]
    stayed, email = (second, second_email) if errors[0] else (first, first_email)
    assert [who for who, role in await place.members(stayed) if role == "OWNER"] == [email]


async def test_a_place_that_is_not_named_is_the_keys_own(tenant: Tenant) -> None:
    email = f"guest-{tenant.owner_email.removeprefix('owner-')}"
    payload = await tenant.owner.do(ADD_BY_DEFAULT, email=email)
    assert payload == {
        "project": {"id": tenant.project_id},
        "invitation": {"email": email},
        "userErrors": [],
    }
    homeless = tenant.key(f"homeless-{tenant.owner_email.removeprefix('owner-')}")
    await assert_refused(tenant, homeless, invalid("projectId"), ADD_BY_DEFAULT, email=email)
