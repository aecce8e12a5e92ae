"""The limits of requests: how many at once, how long, how large, how often."""

import asyncio
from itertools import pairwise
from typing import Any

import httpx
import pytest

from core.errors import LimitExceeded
from harness.settings import settings_for
from resolvers.context import authenticate
from resolvers.runtime.pending import Claim
from schema.transport.live import Live
from schema.transport.mailbox import Mailbox
from schema.transport.results import ClientOperation, Result
from tests.support.clients.websocket import Closed, connected, listening
from tests.support.documents.limits import TRANSPORTS, Sent, errors_over
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import deployed, temporary_dir

PLAIN = Sent("{ __typename }")
ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) { memories { id text } userErrors { code } }
}
"""
RENAME = """
mutation ($id: ID!) { updateProject(id: $id, input: {name: "New"}) { userErrors { code } } }
"""
TEXTS = "query ($n: Int) { memories(first: $n) { nodes { text } } }"
FOREVER = "subscription { memoryEvents { sequence } }"
ANOTHER = "subscription { memoryEvents { sequence type } }"
THIRD = "subscription { memoryEvents { sequence id } }"


def said(*texts: str, user: str = "alice", infer: bool = False) -> dict[str, Any]:
    """Return the input of an add."""
    messages = [{"role": "user", "content": text} for text in texts]
    return {"messages": messages, "userId": user, "infer": infer}


def codes(errors: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the code and the limit of each error."""
    return [(one["extensions"]["code"], one["extensions"].get("limit")) for one in errors]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_so_many_requests_of_a_key_run_at_once(
    transport: str, small: Tenant, small_address: str
) -> None:
    services = small.deployment.services
    viewer = await small.owner.ask("{ viewer { apiKey { id } } }")
    key_id = viewer["viewer"]["apiKey"]["id"]
    async with services.slots.hold(key_id):
        # One more may run.
        assert await errors_over(transport, small, small_address, PLAIN) == []
        async with services.slots.hold(key_id) as release:
            refused = await errors_over_any_status(transport, small, small_address, PLAIN)
            assert codes(refused) == [("LIMIT_EXCEEDED", "requests")]
            assert refused[0]["extensions"]["requested"] == 3
            # Another key has its own slots.
            assert await small.reader.ask(PLAIN.query) == {"__typename": "Query"}
            waiting = asyncio.create_task(errors_over(transport, small, small_address, PLAIN))
            await asyncio.sleep(0.05)
            release()
            assert await waiting == []
    assert len(services.slots) == 0


async def errors_over_any_status(
    transport: str, tenant: Tenant, address: str, sent: Sent
) -> list[dict[str, Any]]:
    """As `errors_over`, also for a response with another status than 200."""
    if transport == "websocket":
        return await errors_over(transport, tenant, address, sent)
    response = await tenant.owner.post(sent.query, **(sent.variables or {}))
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) > 0
    errors: list[dict[str, Any]] = response.json()["errors"]
    return errors


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_response_has_a_largest_size(
    transport: str, small: Tenant, small_address: str
) -> None:
    for start in range(0, 80, 10):
        small.deployment.services.rates._characters.clear()
        texts = [f"{n} {'a' * 990}" for n in range(start, start + 10)]
        await small.owner.do(ADD, input=said(*texts))
        small.deployment.services.rates._points.clear()
    assert await errors_over(transport, small, small_address, Sent(TEXTS, {"n": 60})) == []
    (error,) = await errors_over(transport, small, small_address, Sent(TEXTS, {"n": 70}))
    assert codes([error]) == [("RESPONSE_TOO_LARGE", "response")]
    assert error["extensions"]["allowed"] == 65_536
    assert error["extensions"]["requested"] > 65_536


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_operation_has_a_deadline(transport: str) -> None:
    with temporary_dir() as folder:
        settings = settings_for(folder, deadline_seconds=1e-9)
        async with deployed(settings) as running, listening(running) as address:
            tenant = make_tenant(running)
            (error,) = await errors_over(transport, tenant, address, Sent(TEXTS, {"n": 1}))
            assert codes([error]) == [("TIMED_OUT", "deadline")]
            rename = Sent(RENAME, {"id": tenant.project_id})
            (error,) = await errors_over(transport, tenant, address, rename)
            assert "may have taken effect" in error["message"]
            # An add waits for models, and has no deadline.
            added = await tenant.owner.do(ADD, input=said("I like tea"))
            assert [memory["text"] for memory in added["memories"]] == ["I like tea"]


async def test_a_body_has_a_largest_size(small: Tenant, small_address: str) -> None:
    within = '{"query": "{ __typename }"' + " " * 90_000 + "}"
    headers = {
        "Authorization": f"Bearer {small.owner.key}",
        "Content-Type": "application/json",
    }
    url = f"http://{small_address}/graphql"
    async with httpx.AsyncClient(headers=headers) as http:
        assert (await http.post(url, content=within)).status_code == 200
        response = await http.post(url, content=" " * 100_001)
        assert response.status_code == 413
        (error,) = response.json()["errors"]
        assert codes([error]) == [("LIMIT_EXCEEDED", "body")]
        assert (error["extensions"]["requested"], error["extensions"]["allowed"]) == (
            100_001,
            100_000,
        )
    async with connected(small_address, small.owner.key) as socket:
        await socket.send({"type": "ping", "payload": {"long": "x" * 90_000}})
        await socket.sync()
        await socket.send(" " * 100_001)
        assert (await socket.closed).code == 1009


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_key_has_a_rate_of_points(
    transport: str, small: Tenant, small_address: str
) -> None:
    # 30 + 2 + 100 * 2 points, of 1,000.
    asked = Sent(TEXTS, {"n": 100})
    for _ in range(4):
        assert await errors_over(transport, small, small_address, asked) == []
    if transport == "websocket" or transport == "sse":
        errors = await errors_over(transport, small, small_address, asked)
    else:
        errors = await errors_over_any_status(transport, small, small_address, asked)
    assert codes(errors) == [("RATE_LIMITED", "rate of points")]
    found = errors[0]["extensions"]
    assert found["requested"] == 232
    assert found["allowed"] == 1_000 - 4 * 232
    # 160 points are missing, and 100 are added each second.
    assert found["retryAfter"] == 2
    # Another key has its own rate.
    await small.reader.ask(asked.query, n=100)


async def test_responses_tell_about_the_rate(small: Tenant) -> None:
    response = await small.owner.post(PLAIN.query)
    assert response.headers["ratelimit-policy"] == '"points";q=1000;w=10'
    assert response.headers["ratelimit"] == '"points";r=970;t=1'
    await small.owner.do(ADD, input=said("a" * 400))
    response = await small.owner.post(PLAIN.query)
    assert '"characters";q=1000;w=60' in response.headers["ratelimit-policy"]
    assert '"characters";r=600;t=24' in response.headers["ratelimit"]


async def test_a_key_has_a_rate_of_characters(small: Tenant) -> None:
    await small.owner.do(ADD, input=said("a" * 900))
    small.deployment.services.rates._points.clear()
    response = await small.owner.post(ADD, input=said("b" * 200))
    assert response.status_code == 429
    assert codes(response.json()["errors"]) == [("RATE_LIMITED", "rate of characters")]
    headers = {"Authorization": f"Token {small.owner.key}"}
    body = {"messages": "b" * 200, "user_id": "alice", "infer": False}
    answer = await small.owner.http.post("/v1/memories/", json=body, headers=headers)
    assert answer.status_code == 429
    assert answer.json()["code"] == "RATE_LIMITED"
    assert int(answer.headers["retry-after"]) > 0
    found = await small.owner.ask("{ memories { totalCount } }")
    assert found["memories"]["totalCount"] == 1


async def test_the_mem0_api_has_the_same_limits(small: Tenant) -> None:
    headers = {"Authorization": f"Token {small.owner.key}"}
    http = small.owner.http
    url = "/v2/memories/search/"
    nested: Any = 1
    for _ in range(70):
        nested = [nested]
    answer = await http.post(url, json={"query": "x", "filters": nested}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "TOO_COMPLEX")
    body = {"query": "x", "filters": {"user_id": "alice"}}
    for _ in range(2):
        assert (await http.post(url, json=body, headers=headers)).status_code == 200
    answer = await http.post(url, json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
    assert "ratelimit" in answer.headers


async def test_a_connection_and_a_key_have_so_many_subscriptions(
    patient: Tenant, small_address: str
) -> None:
    key = patient.owner.key
    async with connected(small_address, key) as socket, connected(small_address, key) as other:
        for document in (FOREVER, FOREVER, ANOTHER):
            await socket.subscribe(document)
        await socket.sync()
        documents = patient.deployment.services.connections._documents
        async with asyncio.timeout(30):
            while sum(counts.total() for counts in documents.values()) < 3:
                await asyncio.sleep(0.01)
        error = await (await socket.subscribe(FOREVER)).error()
        assert codes([error]) == [("LIMIT_EXCEEDED", "socketSubscriptions")]
        # Queries have their own lanes.
        assert await (await socket.subscribe(PLAIN.query)).data() == "Query"
        error = await (await other.subscribe(THIRD)).error()
        assert codes([error]) == [("LIMIT_EXCEEDED", "subscriptionDocuments")]
        fourth = await other.subscribe(FOREVER)
        await other.sync()
        await asyncio.sleep(0.2)
        error = await (await other.subscribe(FOREVER)).error()
        assert codes([error]) == [("LIMIT_EXCEEDED", "subscriptions")]
        await fourth.complete()
        await other.sync()
        await asyncio.sleep(0.2)
        again = await other.subscribe(FOREVER)
        patient.deployment.services.rates._points.clear()
        await patient.owner.do(ADD, input=said("I like tea"))
        assert await again.data() == {"sequence": 1}


async def test_results_that_are_not_read_are_limited(small: Tenant) -> None:
    mailbox = Mailbox(small.deployment.settings)
    await mailbox.post(b"x" * 40_000)
    with pytest.raises(LimitExceeded) as refused:
        await mailbox.post(b"x" * 30_000)
    assert refused.value.limit == "pending"
    assert await mailbox.take() == b"x" * 40_000
    # It is pending until it has been sent, which is when the next one is taken.
    with pytest.raises(LimitExceeded):
        await mailbox.post(b"x" * 30_000)
    taking = asyncio.create_task(mailbox.take())
    await asyncio.sleep(0)
    # One message alone may have any size.
    await mailbox.post(b"x" * 100_000)
    assert await taking == b"x" * 100_000


async def test_queries_of_a_connection_wait_in_line(patient: Tenant, small_address: str) -> None:
    async with connected(small_address, patient.owner.key) as socket:
        asked = [await socket.subscribe(PLAIN.query) for _ in range(5)]
        for one in asked:
            assert await one.data() == "Query"
    with pytest.raises(Closed):
        await socket.next()


async def test_many_operations_that_arrive_together_are_admitted_few_at_a_time(
    patient: Tenant,
) -> None:
    # Each is parsed and validated in one go, and others must be served in between.
    services = patient.deployment.services
    live = Live(services)
    actor = await authenticate(services, [patient.owner.key or ""])
    stay = services.connections.open(actor, lambda _: None)
    admitted = [0]

    class Reader:
        async def send(self, result: Result, room: Claim) -> None:
            assert result.errors == []

        def push(self, result: Result) -> None:
            raise AssertionError

    asked = [ClientOperation(f"{{ a{number}: __typename }}") for number in range(20)]
    tasks = [asyncio.create_task(live.answer(one, stay, Reader())) for one in asked]
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        admitted.append(len(live.admission.documents))
    assert [task.result() for task in tasks] == [[]] * 20
    services.connections.close(stay)
    assert admitted[-1] == 20
    steps = [after - before for before, after in pairwise(admitted)]
    assert max(steps) <= services.limits.max_requests == 2
