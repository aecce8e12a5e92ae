"""The OpenAPI document of the mem0 API: valid, complete, and matched by the responses."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from rest.mem0.endpoints import ENDPOINTS
from tests.rest.mem0.remembering import added
from tests.rest.mem0.rest import call
from tests.support.fixtures.factories import Tenant


async def document(tenant: Tenant) -> dict[str, Any]:
    """Return the document as anybody gets it."""
    response = await tenant.nobody.http.get("/openapi.json")
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


async def test_it_is_valid_and_has_every_endpoint(tenant: Tenant) -> None:
    found = await document(tenant)
    validate(found)
    described = {
        (method.upper(), path) for path, methods in found["paths"].items() for method in methods
    }
    assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    assert len(ENDPOINTS) == len(described)


async def test_everything_in_it_is_described(tenant: Tenant) -> None:
    found = await document(tenant)
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"].endswith("."), (method, path)
            assert all(given["description"] for given in operation["parameters"]), (method, path)
    ids = [one["operationId"] for methods in found["paths"].values() for one in methods.values()]
    assert len(set(ids)) == len(ids)
    assert all(tag["description"] for tag in found["tags"])


async def test_the_statuses_of_limits_are_described(tenant: Tenant) -> None:
    found = await document(tenant)
    for endpoint in ENDPOINTS:
        responses = found["paths"][endpoint.path][endpoint.method.lower()]["responses"]
        assert responses.keys() >= {"429", "504"}, endpoint.path
        of_bodies = responses.keys() & {"413", "415"}
        assert of_bodies == ({"413", "415"} if endpoint.body else set()), endpoint.path
    headers = {"Authorization": f"Token {tenant.owner.key}"}
    refused = await tenant.owner.http.post("/v3/memories/", content=b"{}", headers=headers)
    assert refused.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/ping/", None),
        ("GET", "/v1/memories/{memory_id}/", None),
        ("PUT", "/v1/memories/{memory_id}/", {"text": "I like coffee"}),
        ("GET", "/v1/memories/{memory_id}/history/", None),
        ("DELETE", "/v1/memories/{memory_id}/", None),
        ("POST", "/v3/memories/add/", {"messages": "Hi", "user_id": "a", "infer": False}),
        ("POST", "/v3/memories/add/", {"messages": "Hi", "user_id": "a"}),
        ("POST", "/v1/memories/", {"messages": "Hi", "user_id": "a", "infer": False}),
        ("POST", "/v2/memories/", {"filters": {"user_id": "alice"}}),
        ("POST", "/v3/memories/", {"filters": {"user_id": "alice"}}),
        ("POST", "/v2/memories/search/", {"query": "tea", "filters": {"user_id": "alice"}}),
        ("POST", "/v3/memories/search/", {"query": "tea", "filters": {"user_id": "alice"}}),
        ("GET", "/v1/entities/", None),
        ("GET", "/v1/events/", None),
        ("GET", "/v1/stats/", None),
        ("POST", "/v1/summary/", {}),
        ("GET", "/api/v1/orgs/organizations/", None),
        ("GET", "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/", None),
        ("GET", "/api/v1/orgs/organizations/{org_id}/projects/{project_id}/members/", None),
        ("GET", "/v1/memories/7/", None),
    ],
)
async def test_responses_match_the_document(
    tenant: Tenant, method: str, path: str, body: Any
) -> None:
    found = await document(tenant)
    (memory_id,) = await added(
        tenant, "I like tea", metadata={"a": 1}, run_id="r1", user_id="alice"
    )
    ids = {
        "memory_id": memory_id,
        "org_id": tenant.organization_id,
        "project_id": tenant.project_id,
    }
    template = path.replace("/7/", "/{memory_id}/")
    response = await call(tenant.owner, method, path.format(**ids), body)
    promised = found["paths"][template][method.lower()]["responses"]
    schema = promised[str(response.status_code)]["content"]["application/json"]["schema"]
    whole = {**schema, "components": found["components"]}
    Draft202012Validator(whole).validate(response.json())
    # A schema that accepts everything would check nothing.
    assert re.search(r'"(\$ref|required)"', str(schema).replace("'", '"'))
