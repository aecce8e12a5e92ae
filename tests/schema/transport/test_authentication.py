"""Who asks: the credentials that are taken, the ones that are not, and how long a key lives."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from core.access import ApiKeyPermission
from core.ids import now
from tests.support.documents.refusals import snapshot
from tests.support.fixtures.factories import Tenant

WHO = "{ viewer { account { email } } }"
KEY = "{ viewer { apiKey { id lastUsedAt expiresAt revokedAt } } }"
CREATE = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } secret userErrors { code } }
}
"""
REVOKE = """
mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id revokedAt } userErrors { code } } }
"""
LAST_USED = "query ($id: ID!) { node(id: $id) { ... on ApiKey { lastUsedAt } } }"


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def ask(tenant: Tenant, document: str, credentials: str | None) -> httpx.Response:
    headers = {} if credentials is None else {"Authorization": credentials}
    body = {"query": document}
    return await tenant.deployment.http.post("/graphql", json=body, headers=headers)


def assert_unauthenticated(response: httpx.Response, message: str) -> None:
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="mnemograph"'
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    request_id = response.headers["X-Request-ID"]
    extensions = {"code": "UNAUTHENTICATED", "requestId": request_id}
    assert response.json() == {"errors": [{"message": message, "extensions": extensions}]}


NO_KEY = "This needs an API key, as a Bearer token or by HTTP Basic."
NOT_VALID = "This API key is not valid."


@pytest.mark.parametrize(
    "credentials",
    [
        pytest.param(lambda key: f"Bearer {key}", id="Bearer"),
        pytest.param(lambda key: f"bearer {key}", id="bearer in lower case"),
        pytest.param(lambda key: f"Bearer   {key}  ", id="Bearer with more spaces"),
        pytest.param(lambda key: f"Token {key}", id="Token"),
        pytest.param(lambda key: f"TOKEN {key}", id="Token in upper case"),
        pytest.param(lambda key: basic(key, ""), id="Basic, key as user name"),
        pytest.param(lambda key: basic(key, "whatever"), id="Basic, key as user name of two"),
        pytest.param(lambda key: basic("", key), id="Basic, key as password"),
        pytest.param(lambda key: basic("whoever", key), id="Basic, key as password of two"),
        pytest.param(
            lambda key: "Basic " + base64.b64encode(key.encode()).decode(), id="Basic, no colon"
        ),
    ],
)
async def test_a_key_is_taken(tenant: Tenant, credentials: Callable[[str], str]) -> None:
    assert tenant.owner.key is not None
    response = await ask(tenant, WHO, credentials(tenant.owner.key))
    assert response.status_code == 200
    assert response.json() == {"data": {"viewer": {"account": {"email": tenant.owner_email}}}}


async def test_of_two_keys_the_first_counts(tenant: Tenant) -> None:
    owner, stranger = str(tenant.owner.key), str(tenant.stranger.key)
    for credentials, email in (
        (basic(owner, stranger), tenant.owner_email),
        (basic(stranger, owner), tenant.stranger_email),
        (basic("mg_nothing", stranger), tenant.stranger_email),
        (basic(owner, "mg_nothing"), tenant.owner_email),
    ):
        response = await ask(tenant, WHO, credentials)
        assert response.json() == {"data": {"viewer": {"account": {"email": email}}}}


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        pytest.param(None, NO_KEY, id="no header"),
        pytest.param("", NO_KEY, id="empty header"),
        pytest.param("Bearer", NO_KEY, id="Bearer without a key"),
        pytest.param("Bearer ", NO_KEY, id="Bearer with a blank key"),
        pytest.param("Basic", NO_KEY, id="Basic without credentials"),
        pytest.param("Basic !!!", NO_KEY, id="Basic, not Base64"),
        pytest.param("Basic /w==", NO_KEY, id="Basic, not UTF-8"),
        pytest.param(basic("", ""), NO_KEY, id="Basic, both empty"),
        pytest.param("mg_nothing", NO_KEY, id="no scheme"),
        pytest.param("Bearer mg_nothing", NOT_VALID, id="unknown Bearer"),
        pytest.param("Token mg_nothing", NOT_VALID, id="unknown Token"),
        pytest.param(basic("mg_nothing", "mg_nothing"), NOT_VALID, id="unknown Basic"),
    ],
)
async def test_anything_else_is_not(tenant: Tenant, credentials: str | None, message: str) -> None:
    assert_unauthenticated(await ask(tenant, WHO, credentials), message)


async def test_a_key_of_another_scheme_is_not_taken(tenant: Tenant) -> None:
    assert_unauthenticated(await ask(tenant, WHO, f"Digest {tenant.owner.key}"), NO_KEY)


async def test_bytes_that_are_no_text_are_no_key(tenant: Tenant) -> None:
    headers = [(b"Authorization", b"Bearer \xff\xfe\x80")]
    body = {"query": WHO}
    response = await tenant.deployment.http.post("/graphql", json=body, headers=headers)
    assert_unauthenticated(response, NOT_VALID)


async def test_a_key_must_be_whole(tenant: Tenant) -> None:
    key = str(tenant.owner.key)
    for wrong in (key[:-1], key + "x", key.upper(), key[:8]):
        assert_unauthenticated(await ask(tenant, WHO, f"Bearer {wrong}"), NOT_VALID)


async def test_requests_without_a_key_are_not_parsed(tenant: Tenant) -> None:
    for document in ("{ viewer", "{ nothing }", "", "{ __schema { types { name } } }"):
        assert_unauthenticated(await ask(tenant, document, None), NO_KEY)


async def test_requests_without_a_key_change_nothing(tenant: Tenant) -> None:
    before = snapshot(tenant)
    document = 'mutation { createOrganization(input: {name: "Mine"}) { organization { id } } }'
    assert_unauthenticated(await ask(tenant, document, "Bearer mg_nothing"), NOT_VALID)
    assert snapshot(tenant) == before


async def test_a_key_is_asked_for_on_get(tenant: Tenant) -> None:
    http = tenant.deployment.http
    assert_unauthenticated(await http.get("/graphql", params={"query": WHO}), NO_KEY)
    headers = {"Authorization": f"Bearer {tenant.owner.key}"}
    response = await http.get("/graphql", params={"query": WHO}, headers=headers)
    assert response.json() == {"data": {"viewer": {"account": {"email": tenant.owner_email}}}}


async def make(tenant: Tenant, **input: Any) -> tuple[str, str]:
    """Return the id and the secret of a fresh key of the owner."""
    made = await tenant.owner.do(CREATE, input={"name": "Fresh", "permission": "ADMIN", **input})
    return made["apiKey"]["id"], made["secret"]


def change(tenant: Tenant, id: str, **values: Any) -> None:
    """Write columns of a key, to let time pass for it."""
    tenant.deployment.services.db.write_now(lambda tx: tx.api_keys.change(id, **values))


async def test_a_revoked_key_ends_at_once(tenant: Tenant) -> None:
    id, secret = await make(tenant)
    assert (await ask(tenant, WHO, f"Bearer {secret}")).status_code == 200
    before = now()
    revoked = await tenant.owner.do(REVOKE, id=id)
    assert_unauthenticated(await ask(tenant, WHO, f"Bearer {secret}"), NOT_VALID)
    moment = datetime.fromisoformat(revoked["apiKey"]["revokedAt"])
    assert before <= moment <= now()
    assert revoked["apiKey"]["id"] == id
    assert (await tenant.owner.do(REVOKE, id=id)) == revoked
    assert (await ask(tenant, WHO, f"Bearer {tenant.owner.key}")).status_code == 200


async def test_a_key_can_revoke_itself(tenant: Tenant) -> None:
    id, secret = await make(tenant)
    revoked = await tenant.deployment.client(secret).do(REVOKE, id=id)
    assert revoked["apiKey"]["id"] == id
    assert_unauthenticated(await ask(tenant, WHO, f"Bearer {secret}"), NOT_VALID)


async def test_an_expired_key_looks_like_an_unknown_one(tenant: Tenant) -> None:
    ends = (now() + timedelta(hours=1)).replace(microsecond=0)
    id, secret = await make(tenant, expiresAt=ends.isoformat())
    data = await tenant.deployment.client(secret).ask(KEY)
    assert datetime.fromisoformat(data["viewer"]["apiKey"]["expiresAt"]) == ends
    assert data["viewer"]["apiKey"]["revokedAt"] is None
    change(tenant, id, expires_at=now() - timedelta(milliseconds=1))
    assert_unauthenticated(await ask(tenant, WHO, f"Bearer {secret}"), NOT_VALID)


async def last_used(tenant: Tenant, id: str) -> datetime | None:
    found = (await tenant.owner.ask(LAST_USED, id=id))["node"]["lastUsedAt"]
    return None if found is None else datetime.fromisoformat(found)


async def test_the_last_use_is_noted(tenant: Tenant) -> None:
    id, secret = await make(tenant)
    assert await last_used(tenant, id) is None
    before = now()
    await tenant.deployment.client(secret).ask(WHO)
    used = await last_used(tenant, id)
    assert used is not None
    assert before <= used <= now()


async def test_a_use_within_the_minute_is_not_noted_again(tenant: Tenant) -> None:
    id, secret = await make(tenant)
    recent = (now() - timedelta(seconds=30)).replace(microsecond=0)
    change(tenant, id, last_used_at=recent)
    await tenant.deployment.client(secret).ask(WHO)
    assert await last_used(tenant, id) == recent
    change(tenant, id, last_used_at=recent - timedelta(minutes=1))
    before = now()
    await tenant.deployment.client(secret).ask(WHO)
    used = await last_used(tenant, id)
    assert used is not None
    assert used >= before


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_dead_key_is_not_used(tenant: Tenant, column: str) -> None:
    id, secret = await make(tenant)
    change(tenant, id, **{column: datetime(2020, 1, 1, tzinfo=UTC)})
    assert_unauthenticated(await ask(tenant, WHO, f"Bearer {secret}"), NOT_VALID)
    assert await last_used(tenant, id) is None


@pytest.mark.parametrize("permission", list(ApiKeyPermission))
async def test_every_key_reads(tenant: Tenant, permission: ApiKeyPermission) -> None:
    client = tenant.key(tenant.owner_email, permission)
    data = await client.ask("{ viewer { apiKey { permission reach } project { id } } }")
    key = {"permission": permission.value, "reach": "ACCOUNT"}
    assert data == {"viewer": {"apiKey": key, "project": {"id": tenant.project_id}}}
