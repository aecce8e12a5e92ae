"""Generated requests to the mem0 API, valid and invalid ones, from its OpenAPI document."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode

from rest.framework.openapi import document
from rest.framework.request import Endpoint
from rest.mem0.endpoints import ENDPOINTS
from tests.fuzzing.generation import TEXTS, fuzzing
from tests.permissions.world import World

# The server runs in the same process, and uses `random` while Hypothesis generates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

API = schemathesis.openapi.from_dict(document(ENDPOINTS))
SCOPE = ("org_id", "project_id")


@cache
def cases(path: str, method: str) -> st.SearchStrategy[Case]:
    """Return the requests of an endpoint: half of them break its schema."""
    operation: APIOperation[Any, Any, Any] = API[path][method]
    return st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )


def path_of(endpoint: Endpoint, names: Mapping[str, str], data: st.DataObject) -> dict[str, str]:
    """Return the parameters of a path: what exists, or else a text at an edge."""
    known = {
        "entity_type": "user",
        "entity_id": "alice",
        "memory_id": names["memory"],
        "event_id": names["operation"],
        "job_id": names["operation"],
        "org_id": names["organization"],
        "project_id": names["project"],
        "webhook_id": names["webhook"],
    }
    wanted = [part[1:-1] for part in endpoint.segments if part[0] == "{"]
    edges = st.sampled_from([text for text in TEXTS if text.strip("/.")])
    return {name: data.draw(st.just(known[name]) | edges) for name in wanted}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: f"{one.method} {one.path}")
@fuzzing(examples=6)
@given(data=st.data())
async def test_generated_requests(world: World, endpoint: Endpoint, data: st.DataObject) -> None:
    case = data.draw(cases(endpoint.path, endpoint.method))
    case.path_parameters = path_of(endpoint, world.names, data)
    if data.draw(st.booleans()):
        # Otherwise most requests would only be for a project that does not exist.
        for values in (case.query, case.body):
            if isinstance(values, dict):
                for name in SCOPE:
                    values.pop(name, None)
    sent = requests.Request(**case.as_transport_kwargs("http://mnemograph.localhost")).prepare()
    headers = {**sent.headers, "Authorization": f"Token {world.tenant.owner.key}"}
    answer = await world.tenant.owner.http.request(
        endpoint.method, sent.url or "", content=sent.body, headers=headers
    )
    assert answer.status_code < 500, answer.text
    assert answer.status_code < 400 or answer.json()["code"]
