"""Members by the facade: the same for organizations and for projects, so the same tests."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.rest.mem0.rest import FORBIDDEN, NOBODY, ask, assert_refused, cost, invalid, missing
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import ACCEPT, Tenant
from tests.support.servers.deployment import Deployment

NOTHING = "00000000-0000-7000-8000-000000000000"
MEMBERS = """
query ($id: ID!) { place(id: $id) { members { nodes { role account { email name } } } } }
"""
INVITATIONS = "{ viewer { invitations { nodes { id } } } }"
EXISTS = (409, "ALREADY_EXISTS", ["email"])
LAST_OWNER = (409, "LAST_OWNER", ["email"])


@dataclass(frozen=True)
class Place:
    """An organization or a project of a tenant."""

    tenant: Tenant
    noun: str

    @property
    def is_project(self) -> bool:
        """Whether it is a project."""
        return self.noun == "project"

    @property
    def id(self) -> str:
        """Its id."""
        return self.tenant.project_id if self.is_project else self.tenant.organization_id

    @property
    def made(self) -> int:
        """The status that tells of a new member, which mem0 has differently for each."""
        return 200 if self.is_project else 201

    @property
    def path(self) -> str:
        """Where its members are."""
        return self.at(self.id)

    def at(self, id: str, organization_id: str | None = None) -> str:
        """Return where the members of another place are."""
        home = organization_id or self.tenant.organization_id
        root = "/api/v1/orgs/organizations"
        return (
            f"{root}/{home}/projects/{id}/members/" if self.is_project else f"{root}/{id}/members/"
        )

    def email(self, name: str) -> str:
        """Return an address that nobody else has."""
        return f"{name}-{self.tenant.owner_email.removeprefix('owner-')}"

    async def members(self, client: Client) -> list[dict[str, Any]]:
        """Return the members as the facade tells, which is what GraphQL tells."""
        answer = await ask(client, "GET", self.path)
        assert answer.keys() == {"members"}
        members: list[dict[str, Any]] = answer["members"]
        document = MEMBERS.replace("place", self.noun)
        nodes = (await client.ask(document, id=self.id))[self.noun]["members"]["nodes"]
        assert members == [
            {
                "username": node["account"]["name"] or node["account"]["email"],
                "role": node["role"],
                "email": node["account"]["email"],
            }
            for node in nodes
        ]
        return members

    async def join(self, name: str, role: str) -> Client:
        """Add a member by the facade and accept the invitation; return its client."""
        body = {"email": self.email(name), "role": role}
        await ask(self.tenant.owner, "POST", self.path, body, status=self.made)
        client = self.tenant.key(self.email(name))
        (invitation,) = (await client.ask(INVITATIONS))["viewer"]["invitations"]["nodes"]
        await client.do(ACCEPT, id=invitation["id"])
        return client

    async def roles(self) -> dict[str, str]:
        """Return what everybody is, by name."""
        found = await self.members(self.tenant.owner)
        return {member["email"].split("-")[0]: member["role"] for member in found}


@pytest.fixture(params=["organization", "project"])
def place(request: pytest.FixtureRequest, tenant: Tenant) -> Place:
    """An organization whose only member is its owner, or a project with the reader beside."""
    return Place(tenant, request.param)


def those(place: Place, **roles: str) -> dict[str, str]:
    """Return who is there from the beginning, and who else."""
    reader = {"reader": "READER"} if place.is_project else {}
    return {"owner": "OWNER", **reader, **roles}


async def test_members_are_added_changed_and_removed(place: Place) -> None:
    owner, path = place.tenant.owner, place.path
    assert await place.roles() == those(place)
    # Somebody of whom nobody has heard yet, written in another way.
    body = {"email": place.email("Anna").upper(), "role": "READER"}
    answer = await ask(owner, "POST", path, body, status=place.made)
    assert answer.keys() == {"message"}
    assert await place.roles() == those(place)
    await assert_refused(place.tenant, owner, EXISTS, "POST", path, body)
    await ask(owner, "DELETE", path, email=place.email("anna"))
    await place.join("anna", "READER")
    assert await place.roles() == those(place, anna="READER")
    body = {"email": place.email("anna"), "role": "OWNER"}
    for _ in range(2):
        assert (await ask(owner, "PUT", path, body)).keys() == {"message"}
        assert await place.roles() == those(place, anna="OWNER")
    assert (await ask(owner, "DELETE", path, email=place.email("anna"))).keys() == {"message"}
    assert await place.roles() == those(place)


async def test_the_removed_member_may_be_named_in_the_body(place: Place) -> None:
    owner, path = place.tenant.owner, place.path
    for name in ("anna", "ben"):
        await place.join(name, "OWNER")
    await ask(owner, "DELETE", path, {"email": place.email("anna")})
    assert await place.roles() == those(place, ben="OWNER")
    # What the body says goes before what the query does.
    await ask(owner, "DELETE", path, {"email": place.email("ben")}, email=place.email("owner"))
    assert await place.roles() == those(place)


async def test_leaving_an_organization_is_leaving_its_projects(tenant: Tenant) -> None:
    organization, project = Place(tenant, "organization"), Place(tenant, "project")
    body = {"email": tenant.reader_email, "role": "READER"}
    await ask(tenant.owner, "POST", organization.path, body, status=201)
    assert await organization.members(tenant.reader) == await organization.members(tenant.owner)
    await ask(tenant.owner, "DELETE", organization.path, {"email": tenant.reader_email})
    assert await project.roles() == {"owner": "OWNER"}
    await assert_refused(tenant, tenant.reader, missing("project_id"), "GET", project.path)


async def test_a_member_may_leave_by_itself(place: Place) -> None:
    tenant = place.tenant
    await place.join("stranger", "OWNER")
    assert await ask(tenant.stranger, "DELETE", place.path, {"email": tenant.stranger_email})
    where = missing("project_id" if place.is_project else "org_id")
    await assert_refused(tenant, tenant.stranger, where, "GET", place.path)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"role": "READER"}, "email"),
        ({"email": None, "role": "READER"}, "email"),
        ({"email": "nobody", "role": "READER"}, "email"),
        ({"email": ["a@example.com"], "role": "READER"}, "email"),
        ({"email": "a@example.com"}, "role"),
        ({"email": "a@example.com", "role": None}, "role"),
        ({"email": "a@example.com", "role": "reader"}, "role"),
        ({"email": "a@example.com", "role": "ADMIN"}, "role"),
    ],
)
async def test_bad_input(place: Place, body: dict[str, Any], named: str) -> None:
    tenant = place.tenant
    for method in ("POST", "PUT"):
        await assert_refused(tenant, tenant.owner, invalid(named), method, place.path, body)


async def test_the_removed_member_is_required(place: Place) -> None:
    tenant = place.tenant
    for body in (None, {}, {"email": None}, {"email": "nobody"}, {"email": 1}):
        await assert_refused(tenant, tenant.owner, invalid("email"), "DELETE", place.path, body)
    await assert_refused(tenant, tenant.owner, invalid("email"), "DELETE", place.path, email="")


async def test_conflicts(place: Place) -> None:
    tenant = place.tenant
    owner, path, email = tenant.owner, place.path, tenant.owner_email
    body = {"email": email, "role": "READER"}
    await assert_refused(tenant, owner, EXISTS, "POST", path, body)
    await assert_refused(tenant, owner, LAST_OWNER, "PUT", path, body)
    await assert_refused(tenant, owner, LAST_OWNER, "DELETE", path, {"email": email})
    for unknown in (tenant.stranger_email, place.email("unheard")):
        body = {"email": unknown, "role": "READER"}
        await assert_refused(tenant, owner, missing("email"), "PUT", path, body)
        await assert_refused(tenant, owner, missing("email"), "DELETE", path, {"email": unknown})


async def test_permissions(place: Place) -> None:
    tenant, noun = place.tenant, "project_id" if place.is_project else "org_id"
    body = {"email": place.email("anna"), "role": "OWNER"}
    for method, sent in (("GET", None), ("POST", body), ("PUT", body), ("DELETE", body)):
        await assert_refused(tenant, tenant.nobody, NOBODY, method, place.path, sent)
        await assert_refused(tenant, tenant.stranger, missing(noun), method, place.path, sent)
        for id in (NOTHING, "abc"):
            await assert_refused(tenant, tenant.owner, missing(noun), method, place.at(id), sent)
        if method != "GET":
            await assert_refused(tenant, tenant.reader, FORBIDDEN, method, place.path, sent)
    if place.is_project:
        assert await place.members(tenant.reader) == await place.members(tenant.owner)
    else:
        # A guest of one of its projects does not learn who else is in the organization.
        await assert_refused(tenant, tenant.reader, FORBIDDEN, "GET", place.path)


async def test_a_project_must_belong_to_the_organization_of_its_path(tenant: Tenant) -> None:
    place = Place(tenant, "project")
    body = {"email": place.email("anna"), "role": "OWNER"}
    for home in (tenant.stranger_organization_id, NOTHING, "abc"):
        path = place.at(tenant.project_id, home)
        for method, sent in (("GET", None), ("POST", body), ("PUT", body), ("DELETE", body)):
            await assert_refused(tenant, tenant.owner, missing("org_id"), method, path, sent)


async def test_members_cost_the_same_however_many(place: Place, deployment: Deployment) -> None:
    before = await cost(place.tenant.owner, deployment, "GET", place.path)
    for n in range(5):
        await place.join(f"anna{n}", "READER")
    assert await cost(place.tenant.owner, deployment, "GET", place.path) == before
