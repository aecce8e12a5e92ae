"""The router of the mem0 API: authentication, paths, and request bodies."""

import base64
from typing import Any

import pytest

from core.limits.settings import MEGABYTE
from tests.rest.mem0.rest import ask, call, refused
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant

PING = "/v1/ping/"
MANY = "/v1/memories/"


def keyed(tenant: Tenant, value: str) -> dict[str, str]:
    """Return the header that says who asks, with the owner's key in its place."""
    key = tenant.owner.key or ""
    encoded = base64.b64encode(f"any:{key}".encode()).decode()
    return {"Authorization": value.format(key=key, basic=encoded)}


@pytest.mark.parametrize("value", ["Token {key}", "Bearer {key}", "Basic {basic}", "token {key}"])
async def test_ways_to_send_a_key(tenant: Tenant, value: str) -> None:
    response = await tenant.owner.http.get(PING, headers=keyed(tenant, value))
    assert response.status_code == 200
    assert response.json()["user_email"] == tenant.owner_email


@pytest.mark.parametrize("value", ["Token {key}x", "Key {key}", "{key}", "Basic !", "Basic ÿ", ""])
async def test_other_headers_do_not_authenticate(tenant: Tenant, value: str) -> None:
    headers = {name: text.encode("latin-1") for name, text in keyed(tenant, value).items()}
    response = await tenant.owner.http.get(PING, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["detail"]


@pytest.mark.parametrize("path", [PING, "//v1/ping/", "/v1/ping", "///v1//ping//"])
async def test_extra_slashes_are_accepted(tenant: Tenant, path: str) -> None:
    # The client of the tests would take two slashes in front for a host.
    headers = keyed(tenant, "Token {key}")
    response = await tenant.owner.http.get(f"http://mnemograph.localhost{path}", headers=headers)
    assert response.status_code == 200
    assert response.json()["status"] == "ok"


async def test_an_unknown_path_returns_a_json_error(tenant: Tenant) -> None:
    assert await refused(tenant.owner, "GET", "/v1/nothing/") == (404, "NO_SUCH_PATH", [])


async def test_an_unknown_method_returns_the_allowed_ones(tenant: Tenant) -> None:
    response = await call(tenant.owner, "PATCH", MANY)
    assert response.status_code == 405
    assert response.headers["Allow"] == "DELETE, GET, POST"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{", []),
        (b"[]", []),
        (b"null", []),
        (b"7", []),
        (b'"text"', []),
        (b"\xff", []),
        (b"[" * 5_000, []),
        (b"1" * 5_000, []),
        (b"{}", ["messages"]),
        (b'{"messages": 7}', ["messages"]),
    ],
)
async def test_an_invalid_body_is_rejected(tenant: Tenant, body: bytes, path: list[str]) -> None:
    headers = {**keyed(tenant, "Token {key}"), "Content-Type": "application/json"}
    response = await tenant.owner.http.post(MANY, content=body, headers=headers)
    assert response.status_code == 400, response.text
    found: dict[str, Any] = response.json()
    assert found["code"] == "INVALID_INPUT"
    assert found["path"][:1] == path
    assert found["detail"] == found["error"] == found["message"]


ADDED = b'{"messages": "I like tea.", "user_id": "Ana", "infer": false}'
FORM = b"messages=I+like+tea.&user_id=Ana"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (None, ADDED),
        ("", ADDED),
        ("text/plain", ADDED),
        ("text/plain; charset=utf-8", b"{"),
        ("application/x-www-form-urlencoded", FORM),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/json-patch+json", ADDED),
        ("text/plain, application/json", ADDED),
    ],
)
async def test_a_body_must_be_json(tenant: Tenant, content_type: str | None, body: bytes) -> None:
    """Pages of other origins can send forms and plain texts without asking the server first."""
    headers = keyed(tenant, "Token {key}")
    if content_type is not None:
        headers["Content-Type"] = content_type
    with unchanged(tenant.deployment):
        response = await tenant.owner.http.post(MANY, content=body, headers=headers)
    assert response.status_code == 415, response.text
    assert response.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON ; charset=utf-8"])
async def test_json_has_parameters_and_any_case(tenant: Tenant, content_type: str) -> None:
    headers = {**keyed(tenant, "Token {key}"), "Content-Type": content_type}
    response = await tenant.owner.http.post(MANY, content=ADDED, headers=headers)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json"])
@pytest.mark.parametrize("body", [b"", b" \n"])
async def test_a_request_without_a_body_needs_no_content_type(
    tenant: Tenant, content_type: str | None, body: bytes
) -> None:
    headers = keyed(tenant, "Token {key}")
    if content_type is not None:
        headers["Content-Type"] = content_type
    path = "/v1/memories/?user_id=Ana"
    response = await tenant.owner.http.request("DELETE", path, content=body, headers=headers)
    assert response.status_code == 200, response.text


async def test_a_body_has_a_limit(tenant: Tenant) -> None:
    headers = keyed(tenant, "Token {key}")
    response = await tenant.owner.http.post(MANY, content=b" " * (MEGABYTE + 1), headers=headers)
    assert response.status_code == 413
    assert response.json()["code"] == "LIMIT_EXCEEDED"


async def test_authentication_precedes_validation(tenant: Tenant) -> None:
    response = await tenant.nobody.http.post(MANY, content=b"{")
    assert response.status_code == 401


async def test_ping_echoes_the_organization_and_the_project(tenant: Tenant) -> None:
    ids = {"org_id": tenant.organization_id, "project_id": tenant.project_id}
    expected = {"status": "ok", **ids, "user_email": tenant.owner_email}
    assert await ask(tenant.owner, "GET", PING, **ids) == expected
    assert await ask(tenant.owner, "GET", PING) == expected


@pytest.mark.parametrize("which", ["stranger's project", "stranger's organization", "no project"])
async def test_ping_rejects_what_the_caller_cannot_see(tenant: Tenant, which: str) -> None:
    org, project = tenant.organization_id, tenant.project_id
    given, expected = {
        "stranger's project": (
            {"org_id": org, "project_id": tenant.stranger_project_id},
            (404, "NOT_FOUND", ["project_id"]),
        ),
        "stranger's organization": (
            {"org_id": tenant.stranger_organization_id, "project_id": project},
            (404, "NOT_FOUND", ["org_id"]),
        ),
        "no project": ({"org_id": org}, (400, "INVALID_INPUT", ["project_id"])),
    }[which]
    assert await refused(tenant.owner, "GET", PING, **given) == expected


async def test_an_internal_error_reveals_nothing(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("rest.framework.request.Call.project", broken)
    response = await call(tenant.owner, "GET", PING)
    assert response.status_code == 500
    assert response.json()["code"] == "INTERNAL"
    assert "secret" not in response.text


async def test_a_reader_may_look(tenant: Tenant) -> None:
    reader: Client = tenant.reader
    assert (await ask(reader, "GET", PING, project_id=tenant.project_id))["status"] == "ok"
