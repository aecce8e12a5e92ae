"""Server-sent events: one response for one operation, from which a client can go on by itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx
import pytest

from schema.transport import sse
from tests.support.clients.websocket import EVENTS, PATIENCE
from tests.support.documents.erasure import key_of
from tests.support.documents.ingesting import add_inferred, blocked_adds
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

STREAM = "text/event-stream"
WHO = "{ viewer { account { email } } }"
REVOKE = "mutation ($id: ID!) { revokeApiKey(id: $id) { apiKey { id } userErrors { code } } }"
UPDATES = "subscription ($id: ID!) { operationUpdates(id: $id) { status } }"
BEGIN = "{ project { historyCursor } }"
ADD = """
mutation {
  addMemories(input: {infer: false, userId: "alice", messages: [{role: "user", content: "Tea"}]}) {
    memories { text } userErrors { code }
  }
}
"""


class Event(NamedTuple):
    """An event: its kind, its id if it has one, and what it says."""

    kind: str
    id: str | None
    body: Any


COMPLETE = Event("complete", None, None)


class Stream:
    """A response of events, as a client that follows the standard reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def block(self) -> list[str]:
        """Return the lines of the next event or comment, none when the response has ended."""
        lines: list[str] = []
        async for line in self._lines:
            if not line:
                return lines
            lines.append(line)
        assert lines == []
        return lines

    async def next(self) -> Event | None:
        """Return the next event, or None when the response has ended."""
        lines = [":"]
        while lines == [":"]:
            lines = await self.block()
        if not lines:
            return None
        fields = dict(line.partition(":")[::2] for line in lines)
        assert len(fields) == len(lines)
        assert fields.keys() <= {"id", "event", "data"}
        kind, data = fields["event"].strip(), fields["data"].strip()
        id = fields["id"].strip() if "id" in fields else None
        return Event(kind, id, json.loads(data) if data else None)

    async def rest(self) -> list[Event]:
        """Return all events until the response ends."""
        found = []
        while (event := await self.next()) is not None:
            found.append(event)
        return found

    async def told(self, count: int) -> list[dict[str, Any]]:
        """Return so many events of a log, each under its own cursor."""
        found = []
        for _ in range(count):
            event = await self.next()
            assert event is not None
            (data,) = event.body["data"].values()
            assert (event.kind, event.id) == ("next", data["cursor"])
            found.append(data)
        return found


@asynccontextmanager
async def asked(
    address: str, key: str | None, document: str, *, get: bool = False, **options: Any
) -> AsyncIterator[httpx.Response]:
    """Send a document; `headers` may be among the options, all else is a variable."""
    headers = {"Accept": STREAM, **options.pop("headers", {})}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    url, sent = f"http://{address}/graphql", {"query": document, "variables": options}
    # Without certificates, which take longer to read than most answers here take to come.
    async with httpx.AsyncClient(timeout=PATIENCE, verify=False) as http:
        if get:
            params = {"query": document, "variables": json.dumps(options)}
            opened = http.stream("GET", url, params=params, headers=headers)
        else:
            opened = http.stream("POST", url, json=sent, headers=headers)
        async with opened as response:
            yield response


@asynccontextmanager
async def streamed(
    address: str, key: str | None, document: str, **options: Any
) -> AsyncIterator[Stream]:
    """Send a document that is answered by events."""
    async with asked(address, key, document, **options) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].split(";")[0] == STREAM
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-request-id"]
        stream = Stream(response)
        # What comes first and at once tells proxies and clients that the response has begun.
        assert await stream.block() == [":"]
        yield stream


async def beginning(tenant: Tenant) -> str:
    cursor: str = (await tenant.owner.ask(BEGIN))["project"]["historyCursor"]
    return cursor


@pytest.mark.parametrize("get", [False, True], ids=["POST", "GET"])
async def test_a_log_is_followed_and_gone_on_with_from_the_last_event(
    tenant: Tenant, address: str, get: bool
) -> None:
    key, empty = tenant.owner.key, await beginning(tenant)
    async with streamed(address, key, EVENTS, get=get, after=empty) as stream:
        for n in range(3):
            await tenant.add(f"Thing {n}")
        events = await stream.told(3)
        assert [event["sequence"] for event in events] == [1, 2, 3]
    await tenant.add("Thing 3")
    # The client sends what it sent before, and the last id: the latter is the truer one.
    last = {"Last-Event-ID": events[1]["cursor"]}
    async with streamed(address, key, EVENTS, get=get, after=empty, headers=last) as stream:
        more = await stream.told(2)
        assert more[0] == events[2]
        await tenant.add("Thing 4")
        more += await stream.told(1)
        assert [event["newText"] for event in more] == ["Thing 2", "Thing 3", "Thing 4"]
    # An id that was never given is the same as none.
    none = {"Last-Event-ID": ""}
    async with streamed(address, key, EVENTS, after=more[1]["cursor"], headers=none) as stream:
        assert await stream.told(1) == more[2:]
    async with streamed(address, key, EVENTS, headers={"Last-Event-ID": "nonsense"}) as stream:
        failure, *end = await stream.rest()
        assert end == [COMPLETE]
        assert failure.body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_comments_keep_a_quiet_stream_alive(
    tenant: Tenant, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "_HEARTBEAT_SECONDS", 0.01)
    async with streamed(address, tenant.owner.key, EVENTS, after=await beginning(tenant)) as stream:
        assert [await stream.block() for _ in range(3)] == [[":"]] * 3
        await tenant.add("Tea")
        assert (await stream.told(1))[0]["newText"] == "Tea"


async def test_a_finished_stream_sends_complete(tenant: Tenant, address: str) -> None:
    key = tenant.owner.key
    who = Event("next", None, {"data": {"viewer": {"account": {"email": tenant.owner_email}}}})
    for get in (False, True):
        async with streamed(address, key, WHO, get=get) as stream:
            assert await stream.rest() == [who, COMPLETE]
    async with streamed(address, key, ADD) as stream:
        added, *end = await stream.rest()
        assert added.body == {
            "data": {"addMemories": {"memories": [{"text": "Tea"}], "userErrors": []}}
        }
        assert end == [COMPLETE]
    with blocked_adds(tenant, userId="alice"):
        waiting = await add_inferred(tenant.owner, "I play tennis.", wait=False)
        id = waiting["operation"]["id"]
        async with streamed(address, key, UPDATES, id=id) as stream:
            first = await stream.next()
            assert first == Event(
                "next", None, {"data": {"operationUpdates": {"status": "PENDING"}}}
            )
    async with streamed(address, key, UPDATES, id=id) as stream:
        *_, last, end = await stream.rest()
        assert last.body == {"data": {"operationUpdates": {"status": "SUCCEEDED"}}}
        assert end == COMPLETE


@pytest.mark.parametrize(
    ("document", "get", "code", "message"),
    [
        ("{ a", False, "BAD_USER_INPUT", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nothing }", False, "BAD_USER_INPUT", "Cannot query field 'nothing' on type 'Query'."),
        ("", False, "BAD_USER_INPUT", "The query is empty."),
        ('subscription { memoryEvents(projectId: "x") { id } }', False, "NOT_FOUND", None),
        ('subscription { operationUpdates(id: "x") { id } }', True, "NOT_FOUND", None),
        ('subscription { memoryEvents(after: "x") { id } }', True, "BAD_USER_INPUT", None),
        (ADD, True, "BAD_USER_INPUT", "A mutation must be sent by POST."),
    ],
)
async def test_errors_are_sent_and_end_the_stream(
    tenant: Tenant, address: str, document: str, get: bool, code: str, message: str | None
) -> None:
    async with streamed(address, tenant.owner.key, document, get=get) as stream:
        failure, *end = await stream.rest()
        assert end == [COMPLETE]
        assert (failure.kind, failure.id) == ("next", None)
        assert failure.body.keys() == {"errors"}
        (error,) = failure.body["errors"]
        assert error["extensions"]["code"] == code
        assert error["extensions"]["requestId"] == stream.response.headers["x-request-id"]
        assert message in (None, error["message"])
    assert (await tenant.owner.ask("{ memories { totalCount } }"))["memories"]["totalCount"] == 0


JSON = "application/json"
GRAPHQL = "application/graphql-response+json"


async def test_the_accept_header_decides_the_format(tenant: Tenant, address: str) -> None:
    subscription = "subscription { memoryEvents { sequence } }"
    key = tenant.owner.key
    for accept, of_query, of_subscription in (
        (STREAM, STREAM, STREAM),
        (f"{STREAM}, {JSON}", STREAM, STREAM),
        (f"{JSON}, {STREAM}", JSON, STREAM),
        (f"{GRAPHQL}, {JSON};q=0.9, {STREAM};q=0.5", GRAPHQL, STREAM),
        (JSON, JSON, None),
        (GRAPHQL, GRAPHQL, None),
        ("*/*", JSON, None),
    ):
        for get in (False, True):
            headers = {"Accept": accept}
            async with asked(address, key, WHO, get=get, headers=headers) as response:
                assert response.status_code == 200
                assert response.headers["content-type"].split(";")[0] == of_query, accept
            async with asked(address, key, subscription, get=get, headers=headers) as response:
                if of_subscription is not None:
                    assert response.headers["content-type"].split(";")[0] == STREAM
                    continue
                assert response.status_code == 406
                (error,) = json.loads(await response.aread())["errors"]
                assert (
                    error["message"]
                    == f"A subscription needs a WebSocket, or must accept {STREAM}."
                )


async def test_a_request_without_a_key_is_rejected(tenant: Tenant, address: str) -> None:
    for key in (None, "wrong"):
        async with asked(address, key, EVENTS) as response:
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == 'Bearer realm="mnemograph"'
            (error,) = json.loads(await response.aread())["errors"]
            assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_key_has_so_many_responses_at_once(
    tenant: Tenant, address: str, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment.services.connections, "_most", 2)
    key, empty = tenant.owner.key, await beginning(tenant)
    async with streamed(address, key, EVENTS, after=empty) as first:
        async with streamed(address, key, EVENTS, after=empty) as second:
            async with asked(address, key, EVENTS) as response:
                assert response.status_code == 429
                assert int(response.headers["retry-after"]) > 0
                (error,) = json.loads(await response.aread())["errors"]
                assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
                assert "(MNEMOGRAPH_LIVE_LIMIT)" in error["message"]
            async with streamed(address, tenant.reader.key, WHO) as other:
                assert (await other.rest())[-1] == COMPLETE
            # What is answered at once is no subscription.
            assert await tenant.owner.ask(WHO)
            await tenant.add("Tea")
            assert await first.told(1) == await second.told(1)
        # The place of a client that has left is free as soon as the server has noticed.
        async with asyncio.timeout(PATIENCE):
            status = 429
            while status == 429:
                async with asked(address, key, WHO) as response:
                    status = response.status_code
        assert status == 200


async def test_a_revoked_key_gets_an_error_and_a_stop_sends_none(
    tenant: Tenant, address: str, deployment: Deployment
) -> None:
    id, secret = await key_of(tenant.owner, permission="READ")
    empty, subscriptions = await beginning(tenant), deployment.services.connections
    async with (
        streamed(address, secret, EVENTS, after=empty) as theirs,
        streamed(address, tenant.owner.key, EVENTS, after=empty) as ours,
    ):
        await tenant.add("Tea")
        assert await theirs.told(1) == await ours.told(1)
        await tenant.owner.do(REVOKE, id=id)
        await subscriptions.revalidate()
        failure, *end = await theirs.rest()
        assert end == [COMPLETE]
        (error,) = failure.body["errors"]
        assert error["message"] == "This API key is no longer valid."
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        await tenant.add("Coffee")
        assert (await ours.told(1))[0]["newText"] == "Coffee"
        # Without `complete`, clients come back.
        subscriptions.close_all()
        assert await ours.rest() == []
