"""Invitations: nobody joins without consent, and an invitation reveals nothing to either side."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from core.access import ApiKeyPermission
from core.ids import now, uuid7
from storage.tables.metadata import METADATA
from tests.support.documents.inviting import (
    ACCEPT,
    DECLINE,
    INVITED_ACCOUNT,
    KEY,
    NODE,
    REVOKE,
    THEIRS,
    Place,
    mine,
)
from tests.support.documents.refusals import (
    ACCOUNT_AND_ADMIN,
    already_exists,
    assert_missing,
    assert_refused,
    forbidden,
    invalid,
    not_found,
)
from tests.support.fixtures.factories import Tenant


@pytest.fixture(params=["Organization", "Project"])
def place(request: pytest.FixtureRequest, tenant: Tenant) -> Place:
    """An organization or a project."""
    return Place(tenant, request.param)


@pytest.mark.every_database
@pytest.mark.parametrize("by", ["id", "secret"])
async def test_an_invited_account_joins_by_consent(place: Place, by: str) -> None:
    tenant, before = place.tenant, now()
    given = f" {tenant.stranger_email.upper()}\u200b"
    payload = await place.invite(given, "OWNER")
    invitation = payload["invitation"]
    created = datetime.fromisoformat(invitation["createdAt"])
    assert before <= created <= now()
    assert datetime.fromisoformat(invitation["expiresAt"]) - created == timedelta(days=7)
    assert (invitation["email"], invitation["role"]) == (tenant.stranger_email, "OWNER")
    assert (invitation["status"], invitation["inviterEmail"]) == ("PENDING", tenant.owner_email)
    assert invitation["organization"] == {"id": tenant.organization_id, "name": "Home"}
    assert await place.listed() == [invitation]
    assert tenant.stranger_email not in await place.roles()
    # The invited account sees the offer and nothing of the place.
    offer = {**invitation, "organization": None, "project": None}
    assert await mine(tenant.stranger) == [offer]
    assert (await tenant.stranger.ask(NODE, id=invitation["id"]))["node"] == offer
    await assert_missing(tenant.stranger, place.says(THEIRS), id=place.id)
    how = {"id": invitation["id"]} if by == "id" else {"secret": payload["secret"]}
    accepted = await tenant.stranger.do(ACCEPT, **how)
    assert accepted[place.field] == {"id": place.id}
    assert accepted["member"] == {"role": "OWNER", "account": {"email": tenant.stranger_email}}
    assert accepted["invitation"]["status"] == "ACCEPTED"
    assert accepted["invitation"]["acceptedAt"] is not None
    assert (await place.roles())[tenant.stranger_email] == "OWNER"
    assert await mine(tenant.stranger) == []
    assert await place.listed() == [accepted["invitation"]]
    # It cannot be used again, nor revoked.
    refusal = not_found(how.get("id"), by)
    await assert_refused(tenant, tenant.stranger, refusal, ACCEPT, **how)
    await assert_refused(tenant, tenant.stranger, refusal, DECLINE, **how)
    revoked = {"id": invitation["id"]}
    await assert_refused(tenant, tenant.owner, already_exists("id"), REVOKE, **revoked)


async def test_an_invitation_does_not_tell_whether_there_is_an_account(place: Place) -> None:
    """The payloads, the list and the audit log are the same but for ids, addresses and moments."""
    shown = []
    for email in (place.tenant.stranger_email, place.tagged("unknown")):
        payload = await place.invite(email)
        assert len(payload.pop("secret")) == len("mgi_") + 39
        (listed, *_) = await place.listed()
        assert listed == payload["invitation"]
        names = ("id", "email", "escapedEmail", "createdAt", "expiresAt")
        shown.append({key: listed[key] for key in listed if key not in names})
        key = {"name": "For them", "email": email, "projectId": place.tenant.project_id}
        missing = not_found(None, "input", "email")
        await assert_refused(place.tenant, place.tenant.owner, missing, KEY, input=key)
    assert shown[0] == shown[1]


async def test_the_secret_is_stored_as_a_digest(place: Place) -> None:
    secret = (await place.invite(place.tagged("guest")))["secret"]
    tables = ("invitations", "audit_entries")
    with place.tenant.deployment.services.db.engine.connect() as connection:
        stored = [str(connection.execute(select(METADATA.tables[name])).all()) for name in tables]
    assert all(secret[4:] not in text for text in stored)


async def test_a_stolen_secret_is_worth_nothing(place: Place) -> None:
    """Neither the thief joins, nor the invited account, and both accounts stay as they were."""
    tenant = place.tenant
    payload = await place.invite(place.tagged("guest"), "OWNER")
    secret, id = payload["secret"], payload["invitation"]["id"]
    refusal = {**forbidden(INVITED_ACCOUNT), "path": ["secret"]}
    for thief in (tenant.stranger, tenant.owner):
        for document in (ACCEPT, DECLINE):
            await assert_refused(tenant, thief, refusal, document, secret=secret)
            await assert_refused(tenant, thief, not_found(id, "id"), document, id=id)
    await assert_missing(tenant.stranger, NODE, id=id)
    assert await mine(tenant.stranger) == []
    assert place.tagged("guest") not in await place.roles()


async def test_a_key_that_does_not_speak_for_the_account_cannot_consent(place: Place) -> None:
    """A key that an OWNER made for the account elsewhere, and the account's weaker keys."""
    tenant = place.tenant
    payload = await place.invite(tenant.stranger_email)
    id, secret = payload["invitation"]["id"], payload["secret"]
    made = await tenant.stranger.do(
        KEY,
        input={"name": "K", "permission": "ADMIN", "projectId": tenant.stranger_project_id},
    )
    confined = tenant.deployment.client(made["secret"])
    weak = tenant.key(tenant.stranger_email, ApiKeyPermission.WRITE)
    refusal = forbidden(ACCOUNT_AND_ADMIN)
    for client in (confined, weak):
        for document in (ACCEPT, DECLINE):
            await assert_refused(tenant, client, refusal, document, id=id)
            await assert_refused(tenant, client, refusal, document, secret=secret)
    assert await mine(confined) == []
    await assert_missing(confined, NODE, id=id)
    assert len(await mine(weak)) == 1


@pytest.mark.parametrize("secret", ["", "mgi_" + "a" * 39, "\0", "x" * 10_000])
async def test_unknown_invitations(tenant: Tenant, secret: str) -> None:
    for document in (ACCEPT, DECLINE):
        stranger = tenant.stranger
        await assert_refused(tenant, stranger, not_found(None, "secret"), document, secret=secret)
        for id in (uuid7(), secret):
            await assert_refused(tenant, stranger, not_found(id, "id"), document, id=id)
            await assert_refused(tenant, stranger, not_found(id, "id"), REVOKE, id=id)
        await assert_refused(tenant, stranger, invalid("secret"), document)
        await assert_refused(tenant, stranger, invalid("secret"), document, secret=secret, id="x")
