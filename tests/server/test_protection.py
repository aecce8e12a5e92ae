"""Host names and headers that protect the users of browsers."""

from dataclasses import replace

import httpx
import pytest

from core.settings import Environment
from server import create_app
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

OWN = ["localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST.", "a.localhost"]
FOREIGN = ["attacker.example", "localhost.attacker.example", "10.0.0.1", "", "127.0.0.1.nip.io"]


async def get(
    deployment: Deployment, path: str, headers: dict[str, str], **settings: object
) -> httpx.Response:
    app = create_app(deployment.services, deployment.settings.model_copy(update=settings))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        return await http.get(path, headers=headers)


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        *(({}, host, 200) for host in OWN),
        *(({}, host, 421) for host in FOREIGN),
        ({"allowed_hosts": "memory.example"}, "memory.example", 200),
        ({"allowed_hosts": "memory.example"}, "localhost", 200),
        ({"allowed_hosts": "memory.example, .internal"}, "a.b.internal:80", 200),
        ({"allowed_hosts": ".internal"}, "internal", 421),
        ({"host": "0.0.0.0"}, "attacker.example", 200),
        ({"host": "0.0.0.0", "allowed_hosts": "memory.example"}, "memory.example", 200),
        ({"host": "0.0.0.0", "allowed_hosts": "memory.example"}, "attacker.example", 421),
    ],
)
async def test_the_server_answers_to_its_own_names(
    deployment: Deployment, settings: dict[str, object], host: str, status: int
) -> None:
    answer = await get(deployment, "/health/live", {"host": host}, **settings)
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


@pytest.mark.parametrize(
    "path",
    ["/graphql", "/openapi.json", "/health/live", "/v1/memories/", "/nowhere", "/exports/x.jsonl"],
)
async def test_every_response_protects_browsers(deployment: Deployment, path: str) -> None:
    answer = await get(deployment, path, {})
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_page_runs_its_own_scripts_only(deployment: Deployment) -> None:
    answer = await get(deployment, "/graphql", {"accept": "text/html"})
    policy = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    assert policy["script-src"].count("'sha256-") == answer.text.count("<script>") == 1


async def test_production_hides_the_schema_from_strangers(tenant: Tenant) -> None:
    production = {"environment": Environment.PRODUCTION}
    key = {"authorization": f"Bearer {tenant.owner.key}"}
    deployment = tenant.deployment
    for headers, settings, status in (
        ({}, {}, 200),
        ({}, production, 401),
        ({"authorization": "Bearer wrong"}, production, 401),
        (key, production, 200),
    ):
        answer = await get(deployment, "/openapi.json", headers, **settings)
        assert answer.status_code == status
        assert ("openapi" in answer.json()) == (status == 200)
    introspection = await get(
        deployment, "/graphql?query={__schema{queryType{name}}}", {}, **production
    )
    assert introspection.status_code == 401


@pytest.mark.parametrize(
    "document",
    [
        "{ vewer { id } }",
        "{ memories(frst: 1) { totalCount } }",
        "{ ...F } fragment F on Querry { __typename }",
        "{ memories(orderBy: {field: CREATED}) { totalCount } }",
    ],
    ids=["field", "argument", "type", "enum"],
)
async def test_production_suggests_no_names(tenant: Tenant, document: str) -> None:
    services = tenant.deployment.services
    headers = {"authorization": f"Bearer {tenant.owner.key}", "content-type": "application/json"}
    messages = []
    for suggests in (True, False):
        app = create_app(replace(services, suggests=suggests), tenant.deployment.settings)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.post("/graphql", json={"query": document}, headers=headers)
        messages.append(answer.json()["errors"][0]["message"])
    assert "Did you mean" in messages[0]
    assert messages[1] == messages[0].partition(" Did you mean")[0]
