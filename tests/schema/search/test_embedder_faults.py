"""An embedder that is down, slow, wrong or picky: what callers see, and that nothing is stored."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from harness.settings import settings_for
from tests.support.documents.ingesting import finished_operation
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed
from tests.support.servers.openai_answers import (
    EMBEDDINGS,
    Answer,
    Behaviour,
    Request,
    cut,
    slow,
    status,
    vectors,
    words,
)
from tests.support.servers.openai_server import OpenAIServer

TEA, COFFEE, MILK = "I like tea.", "I like coffee.", "I like milk."
SEARCH = "query ($query: String!) { searchMemories(query: $query) { hits { memory { text } } } }"
ERROR = "userErrors { __typename code message path ... on UnavailableError { retryAfter } }"
ADD = f"""
mutation ($input: AddMemoriesInput!) {{
  addMemories(input: $input) {{ operation {{ id status }} memories {{ id text }} {ERROR} }}
}}
"""
UPDATE = f"""
mutation ($id: ID!, $text: String) {{
  updateMemory(id: $id, input: {{text: $text}}) {{ memory {{ text }} {ERROR} }}
}}
"""
UPDATE_MANY = f"""
mutation ($id: ID!, $text: String) {{
  updateMemories(inputs: [{{id: $id, input: {{text: $text}}}}]) {{ results {{ {ERROR} }} {ERROR} }}
}}
"""
RESTORE = f"""
mutation ($id: ID!, $event: ID!) {{
  restoreMemory(id: $id, historyEventId: $event) {{ memory {{ text }} {ERROR} }}
}}
"""
PREVIEW = f"""
query ($input: AddMemoriesInput!) {{
  previewMemories(input: $input) {{ outcomes {{ text }} {ERROR} }}
}}
"""
EVENTS = "query ($id: ID!) { memory(id: $id) { text history { nodes { id } } } }"


@pytest_asyncio.fixture(scope="module")
async def deployment(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    """A server whose embedder is an endpoint."""
    folder: Path = tmp_path_factory.mktemp("embedder")
    with OpenAIServer() as server:
        settings = settings_for(
            folder,
            embedding_model="test-embedder",
            openai_base_url=server.url,
            openai_timeout_seconds=10,
        )
        async with deployed(settings) as running:
            running.app.state.endpoint = server
            yield running


@pytest.fixture
def endpoint(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    """The endpoint, whose client never pauses and has cached nothing."""
    deployment.services.embedder._queries.clear()  # type: ignore[attr-defined]
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.001)
    server: OpenAIServer = deployment.app.state.endpoint
    server.reset()
    yield server
    server.reset()


@pytest.fixture
async def tenant(deployment: Deployment, endpoint: OpenAIServer) -> Tenant:
    """A tenant with two memories, whose vectors are not among the cached ones of single texts."""
    tenant = make_tenant(deployment)
    await tenant.owner.do(ADD, input=verbatim("I own a dog.", TEA))
    return tenant


def verbatim(*texts: str, **options: Any) -> dict[str, Any]:
    """Return an input that is stored verbatim, unless the options say otherwise."""
    messages = [{"role": "user", "content": text} for text in texts]
    return {"messages": messages, "userId": "alice", "infer": False, **options}


FAULTS: dict[str, tuple[Behaviour, str, int]] = {
    "down": (status(500, "Boom."), "The embedding model failed (500): Boom", 5),
    "busy": (status(429, "Wait.", retry_after=0.01), "The embedding model is busy (429): Wait", 1),
    "cut": (cut, "The embedding model could not be reached: ", 5),
    "slow": (slow(30), "The embedding model could not be reached: no answer within 0.3 s", 5),
    "too few vectors": (vectors([]), "The embedding model answered with ", 5),
    "zero vectors": (
        vectors([[0.0] * 64]),
        "The embedding model answered with a zero or non-fi",
        5,
    ),
    "another dimension": (vectors([[1.0] * 8]), "The embedding model answered with 8 numbers", 5),
    "a wrong key": (status(401, "Who?"), "The embedding model rejected the request (401)", 60),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_failing_embedder_is_unavailable(
    tenant: Tenant, endpoint: OpenAIServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    behaviour, said, pause = FAULTS[name]
    if name == "slow":
        monkeypatch.setattr(tenant.deployment.services.embedder, "_timeout", 0.3)
    memory = (await tenant.owner.ask("{ memories { nodes { id } } }"))["memories"]["nodes"][0]
    events = (await tenant.owner.ask(EVENTS, id=memory["id"]))["memory"]["history"]["nodes"]
    endpoint.answer_with(behaviour, path=EMBEDDINGS)

    async def search() -> Any:
        answer = await tenant.owner.answer(SEARCH, query="What do I drink?")
        (error,) = answer["errors"]
        assert answer["data"] is None
        extensions = error["extensions"]
        return error["message"], extensions["code"], extensions["retryAfter"]

    def asked(document: str, **variables: Any) -> Callable[[], Awaitable[Any]]:
        async def ask() -> Any:
            (payload,) = (await tenant.owner.ask(document, **variables)).values()
            (error,) = payload["userErrors"]
            assert error["__typename"] == "UnavailableError"
            return error["message"], error["code"], error["retryAfter"]

        return ask

    change = {"id": memory["id"], "text": COFFEE}
    for request in (
        search,
        asked(ADD, input=verbatim(COFFEE, idempotencyKey="k")),
        asked(UPDATE, **change),
        asked(UPDATE_MANY, **change),
        asked(RESTORE, id=memory["id"], event=events[0]["id"]),
        asked(PREVIEW, input=verbatim(COFFEE)),
    ):
        with unchanged(tenant.deployment):
            message, code, after = await request()
        assert message.startswith(said)
        assert message.endswith(" (model test-embedder).")
        assert (code, after) == ("UNAVAILABLE", pause)

    endpoint.reset()
    monkeypatch.undo()
    found = await tenant.owner.ask(SEARCH, query="What do I drink?")
    assert TEA in [hit["memory"]["text"] for hit in found["searchMemories"]["hits"]]
    payload = await tenant.owner.do(ADD, input=verbatim(COFFEE, idempotencyKey="k"))
    assert [each["text"] for each in payload["memories"]] == [COFFEE]
    assert (await tenant.owner.do(UPDATE, id=memory["id"], text=MILK))["memory"]["text"] == MILK


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v2/memories/search/", {"query": "Tea?", "filters": {"user_id": "alice"}}),
        (
            "POST",
            "/v1/memories/",
            {"messages": [{"role": "user", "content": MILK}], "user_id": "alice", "infer": False},
        ),
        ("PUT", "/v1/memories/{id}/", {"text": COFFEE}),
    ],
)
async def test_rest_says_when_to_retry(
    tenant: Tenant, endpoint: OpenAIServer, method: str, path: str, body: dict[str, Any]
) -> None:
    memory = (await tenant.owner.ask("{ memories { nodes { id } } }"))["memories"]["nodes"][0]
    endpoint.answer_with(status(503, "Loading.", retry_after=0.01), path=EMBEDDINGS)
    with unchanged(tenant.deployment):
        answer = await tenant.deployment.http.request(
            method,
            path.format(id=memory["id"]),
            json=body,
            headers={"Authorization": f"Token {tenant.owner.key}"},
        )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "UNAVAILABLE"
    assert answer.json()["detail"] == (
        "The embedding model failed (503): Loading (model test-embedder)."
    )


async def test_an_accepted_add_is_kept_until_the_embedder_works(
    tenant: Tenant, endpoint: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runner.pause", lambda attempts: timedelta(0))
    endpoint.next(*[vectors([])] * 2, path=EMBEDDINGS)
    input = verbatim(COFFEE, infer=True, wait=False)
    operation = (await tenant.owner.do(ADD, input=input))["operation"]
    done = await finished_operation(tenant.owner, operation["id"])
    assert (done["status"], done["attempts"]) == ("SUCCEEDED", 3)
    assert [event["newText"] for event in done["results"]] == [COFFEE]


async def test_an_endpoint_that_takes_ten_texts(tenant: Tenant, endpoint: OpenAIServer) -> None:
    def ten(request: Request) -> Answer:
        fits = len(request.texts) <= 10
        return (words if fits else status(422, "batch size > 10"))(request)

    endpoint.answer_with(ten, path=EMBEDDINGS)
    texts = [f"I own book {number}." for number in range(35)]
    payload = await tenant.owner.do(ADD, input=verbatim(*texts))
    assert [each["text"] for each in payload["memories"]] == texts
    endpoint.reset()
    endpoint.answer_with(ten, path=EMBEDDINGS)
    await tenant.owner.do(ADD, input=verbatim(*texts, userId="bob"))
    assert max(len(request.texts) for request in endpoint.embeddings) <= 10
