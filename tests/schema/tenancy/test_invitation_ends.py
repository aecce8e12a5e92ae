"""How invitations end: each state, at once with others, and with what they depend on."""

import asyncio

import pytest

from core.ids import now
from tests.support.documents.inviting import (
    ACCEPT,
    DECLINE,
    DELETE,
    INVITE,
    NODE,
    REMOVE,
    REVOKE,
    UPDATE,
    Place,
    mine,
)
from tests.support.documents.refusals import (
    already_exists,
    assert_missing,
    assert_refused,
    last_owner,
    not_found,
)
from tests.support.fixtures.factories import Tenant


@pytest.fixture(params=["Organization", "Project"])
def place(request: pytest.FixtureRequest, tenant: Tenant) -> Place:
    """An organization or a project."""
    return Place(tenant, request.param)


async def test_a_declined_invitation_is_over(place: Place) -> None:
    tenant = place.tenant
    payload = await place.invite(tenant.stranger_email)
    id = payload["invitation"]["id"]
    declined = await tenant.stranger.do(DECLINE, secret=payload["secret"])
    assert declined["invitation"]["status"] == "DECLINED"
    await assert_refused(tenant, tenant.stranger, not_found(id, "id"), ACCEPT, id=id)
    assert tenant.stranger_email not in await place.roles()
    assert [one["status"] for one in await place.listed()] == ["DECLINED"]
    # Revoking it changes nothing, and the address can be invited again.
    assert (await tenant.owner.do(REVOKE, id=id))["invitation"]["status"] == "DECLINED"
    await place.invite(tenant.stranger_email)
    assert [one["status"] for one in await place.listed()] == ["PENDING", "DECLINED"]


async def test_a_revoked_invitation_is_over(place: Place) -> None:
    tenant = place.tenant
    payload = await place.invite(tenant.stranger_email)
    id = payload["invitation"]["id"]
    for _ in range(2):
        revoked = await tenant.owner.do(REVOKE, id=id)
        assert revoked["invitation"]["status"] == "REVOKED"
    refusal = not_found(None, "secret")
    await assert_refused(tenant, tenant.stranger, refusal, ACCEPT, secret=payload["secret"])
    await assert_refused(tenant, tenant.stranger, not_found(id, "id"), REVOKE, id=id)
    assert await mine(tenant.stranger) == []


async def test_an_expired_invitation_is_over(place: Place) -> None:
    tenant = place.tenant
    payload = await place.invite(tenant.stranger_email)
    id = payload["invitation"]["id"]
    place.change(id, expires_at=now())
    for document in (ACCEPT, DECLINE):
        await assert_refused(tenant, tenant.stranger, not_found(id, "id"), document, id=id)
    assert await mine(tenant.stranger) == []
    assert [one["status"] for one in await place.listed()] == ["EXPIRED"]
    again = await place.invite(tenant.stranger_email)
    await tenant.stranger.do(ACCEPT, secret=again["secret"])


async def test_an_address_is_invited_once(place: Place) -> None:
    tenant, email = place.tenant, place.tagged("guest")
    await place.invite(email)
    again = {"id": place.id, "email": email.upper(), "role": "OWNER"}
    refusal = already_exists("email")
    await assert_refused(tenant, tenant.owner, refusal, place.says(INVITE), **again)


@pytest.mark.every_database
async def test_invitations_at_once_make_one(place: Place) -> None:
    invitation = {"id": place.id, "email": place.tagged("guest"), "role": "READER"}
    answers = await asyncio.gather(
        *(place.tenant.owner.ask(place.says(INVITE), **invitation) for _ in range(3))
    )
    errors = [payload["userErrors"] for answer in answers for payload in answer.values()]
    assert sorted(errors, key=len) == [[], *[[already_exists("email")]] * 2]
    assert len(await place.listed()) == 1


@pytest.mark.every_database
async def test_of_accepts_and_revocations_at_once_one_counts(place: Place) -> None:
    tenant = place.tenant
    id = (await place.invite(tenant.stranger_email))["invitation"]["id"]
    calls = [tenant.stranger.ask(ACCEPT, id=id) for _ in range(3)]
    calls += [tenant.owner.ask(REVOKE, id=id)]
    answers = await asyncio.gather(*calls)
    errors = [payload["userErrors"] for answer in answers for payload in answer.values()]
    assert errors.count([]) == 1
    (listed,) = await place.listed()
    joined = tenant.stranger_email in await place.roles()
    assert joined is (listed["status"] == "ACCEPTED")


async def test_an_invitation_ends_with_its_place(place: Place) -> None:
    tenant = place.tenant
    payload = await place.invite(tenant.stranger_email)
    id = payload["invitation"]["id"]
    await tenant.owner.do(place.says(DELETE), id=place.id)
    await assert_refused(tenant, tenant.stranger, not_found(id, "id"), ACCEPT, id=id)
    assert await mine(tenant.stranger) == []
    for client in (tenant.owner, tenant.stranger):
        await assert_missing(client, NODE, id=id)
        await assert_refused(tenant, client, not_found(id, "id"), REVOKE, id=id)


@pytest.mark.every_database
@pytest.mark.parametrize("how", ["removed", "demoted"])
async def test_an_invitation_ends_when_its_inviter_is_no_longer_an_owner(
    place: Place, how: str
) -> None:
    """Otherwise a former OWNER would come back by an invitation of an account that is theirs."""
    tenant, email = place.tenant, place.tagged("second")
    second = await tenant.join(email, "OWNER", **{place.field: place.id})
    payload = await place.invite(tenant.stranger_email, "OWNER", by=second)
    id = payload["invitation"]["id"]
    if how == "removed":
        await tenant.owner.do(place.says(REMOVE), id=place.id, email=email)
    else:
        await tenant.owner.do(place.says(UPDATE), id=place.id, email=email, role="READER")
    refusal = not_found(None, "secret")
    await assert_refused(tenant, tenant.stranger, refusal, ACCEPT, secret=payload["secret"])
    assert await mine(tenant.stranger) == []
    shown = {one["id"]: one["status"] for one in await place.listed()}
    assert shown[id] == "REVOKED"
    await place.invite(tenant.stranger_email)


async def test_a_removed_member_does_not_come_back_by_an_older_invitation(tenant: Tenant) -> None:
    organization, project = Place(tenant, "Organization"), Place(tenant, "Project")
    other = await project.invite(tenant.stranger_email, "OWNER")
    await tenant.join(tenant.stranger_email, organization=tenant.organization_id)
    removed = {"id": organization.id, "email": tenant.stranger_email}
    await tenant.owner.do(organization.says(REMOVE), **removed)
    refusal = not_found(None, "secret")
    await assert_refused(tenant, tenant.stranger, refusal, ACCEPT, secret=other["secret"])
    assert {one["status"] for one in await project.listed()} == {"REVOKED"}


async def test_removing_an_invited_address_revokes_its_invitation(place: Place) -> None:
    tenant = place.tenant
    id = (await place.invite(tenant.stranger_email))["invitation"]["id"]
    gone = {"id": place.id, "email": tenant.stranger_email}
    payload = await tenant.owner.do(place.says(REMOVE), **gone)
    assert payload["removedEmail"] == tenant.stranger_email
    await assert_refused(tenant, tenant.stranger, not_found(id, "id"), ACCEPT, id=id)
    refusal = not_found(None, "email")
    await assert_refused(tenant, tenant.owner, refusal, place.says(REMOVE), **gone)


async def test_an_account_that_has_joined_meanwhile_keeps_its_role(tenant: Tenant) -> None:
    organization, project = Place(tenant, "Organization"), Place(tenant, "Project")
    payload = await project.invite(tenant.stranger_email, "OWNER")
    await tenant.join(tenant.stranger_email, organization=organization.id)
    added = await tenant.owner.do(
        project.says(INVITE), id=project.id, email=tenant.stranger_email, role="READER"
    )
    assert (added["member"], added["invitation"], added["secret"]) == (
        {"role": "READER"},
        None,
        None,
    )
    refusal = already_exists("secret")
    await assert_refused(tenant, tenant.stranger, refusal, ACCEPT, secret=payload["secret"])
    assert (await project.roles())[tenant.stranger_email] == "READER"


async def test_an_owner_of_a_project_alone_does_not_learn_who_is_in_the_organization(
    tenant: Tenant,
) -> None:
    """For a guest, a member of the organization is an address like any other."""
    project = Place(tenant, "Project")
    colleague, guest = project.tagged("colleague"), project.tagged("guest")
    await tenant.join(colleague, organization=tenant.organization_id)
    client = await tenant.join(guest, "OWNER", project=project.id)
    assert (await project.invite(colleague, by=client))["invitation"]["status"] == "PENDING"


async def test_an_invited_owner_is_not_an_owner_yet(place: Place) -> None:
    tenant = place.tenant
    await place.invite(tenant.stranger_email, "OWNER")
    leaving = {"id": place.id, "email": tenant.owner_email}
    await assert_refused(tenant, tenant.owner, last_owner(), place.says(REMOVE), **leaving)


async def test_lists_cost_the_same_however_many(place: Place) -> None:
    async def cost() -> int:
        with place.tenant.deployment.counted_statements() as statements:
            await place.listed()
        return len(statements)

    await place.invite(place.tagged("guest0"))
    before = await cost()
    for n in range(1, 5):
        await place.invite(place.tagged(f"guest{n}"))
    assert await cost() == before
