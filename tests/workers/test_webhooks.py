"""Webhook deliveries: content, order, retries, and what ends them.

The deployment has no workers: tests run the jobs, so no test waits for time to pass. Receivers
reject messages signed with a shifted clock, so signatures are checked with the real clock.
"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from core.enums import JobKind
from core.ids import now
from resolvers.webhooks.delivery import RETRIES
from tests.support.documents.webhooks import (
    CHANGE,
    FORGET,
    LOG,
    RESTORE,
    ROTATE,
    WebhookFixture,
    immediate_retries,
    make_webhook,
)
from tests.support.fixtures.factories import make_tenant
from tests.support.servers.deployment import Deployment
from tests.support.servers.receiver import Do, Receiver
from workers import webhooks
from workers.runner import Runner

SECONDS = (5, 300, 1_800, *(hours * 3_600 for hours in (2, 5, 10, 14, 20, 24)))
UNREACHABLE = "The receiver did not send a complete HTTP response."
CATALOG = """
mutation ($id: ID!) {
  updateProject(id: $id, input: {customCategories: [{name: "tea"}, {name: "cake"}]}) {
    userErrors { code }
  }
}
"""


async def test_the_content_of_a_message(hook: WebhookFixture) -> None:
    before = now()
    (memory,) = await hook.tenant.add("I love tea")
    await hook.drain()
    (event,) = (await hook.tenant.owner.ask(LOG))["project"]["history"]["nodes"]
    (request,) = hook.receiver.requests
    delivery = await hook.delivery()
    assert request.verified(hook.secret) == {
        "type": "memory.add",
        "timestamp": event["createdAt"].replace("Z", "+00:00"),
        "event_id": event["id"],
        "project_id": hook.tenant.project_id,
        "sequence": 1,
        "cursor": event["cursor"],
        "event_details": {
            "id": memory["id"],
            "data": {"memory": "I love tea"},
            "event": "ADD",
        },
    }
    assert request.method == "POST"
    assert request.path == "/hook?token=of-the-receiver"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "Mnemograph"
    assert request.id == delivery["id"]
    assert before <= datetime.fromisoformat(delivery["completedAt"]) <= now()
    assert delivery == {
        "id": request.id,
        "eventId": event["id"],
        "eventType": "MEMORY_ADD",
        "status": "SUCCEEDED",
        "attempts": 1,
        "responseStatus": 204,
        "error": None,
        "createdAt": delivery["createdAt"],
        "nextAttemptAt": None,
        "completedAt": delivery["completedAt"],
    }


async def test_each_kind_of_event_in_the_order_of_the_log(hook: WebhookFixture) -> None:
    owner = hook.tenant.owner
    await owner.do(CATALOG, id=hook.tenant.project_id)
    (memory,) = await hook.tenant.add("one")
    id = memory["id"]
    for input in (
        {"text": "two"},
        {"categories": ["tea"]},
        {"text": "three", "categories": ["cake"]},
        {"metadata": {"a": 1}},
    ):
        await owner.do(CHANGE, id=id, input=input)
    await owner.do(FORGET, id=id)
    events = (await owner.ask(LOG))["project"]["history"]["nodes"]
    await owner.do(RESTORE, id=id, event=events[-1]["id"])
    await hook.drain()
    told = [
        (body["sequence"], body["type"], body["event_details"]["data"])
        for body in hook.receiver.bodies
    ]
    tea, cake = ["tea"], ["cake"]
    assert told == [
        (1, "memory.add", {"memory": "one"}),
        (2, "memory.update", {"memory": "two"}),
        (3, "memory.categorize", {"memory": "two", "categories": tea}),
        (4, "memory.update", {"memory": "three"}),
        (4, "memory.categorize", {"memory": "three", "categories": cake}),
        (5, "memory.update", {"memory": "three"}),
        (6, "memory.delete", {"memory": "three"}),
        (7, "memory.add", {"memory": "three"}),
        (7, "memory.categorize", {"memory": "three", "categories": cake}),
    ]
    assert len({request.id for request in hook.receiver.requests}) == 9


async def test_only_subscribed_events_after_the_creation_are_sent(
    idle: Deployment, receiver: Receiver
) -> None:
    tenant = make_tenant(idle)
    before, _ = await tenant.add("before", "beside")
    hook = await make_webhook(tenant, receiver, "MEMORY_DELETE")
    await tenant.add("after")
    await tenant.owner.do(FORGET, id=before["id"])
    await hook.drain()
    assert hook.texts() == ["before"]
    # Events of another project are not sent.
    await make_webhook(make_tenant(idle), receiver)
    await hook.drain()
    assert len(receiver.requests) == 1


async def test_many_events_are_sent_in_order(
    hook: WebhookFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a page of the log, and more than one run of the webhook's job."""
    monkeypatch.setattr("resolvers.webhooks.delivery._PAGE", 4)
    monkeypatch.setattr("resolvers.webhooks.delivery._SPAN", 7)
    texts = [f"Fact number {n}" for n in range(45)]
    await hook.tenant.add(*texts[:30])
    await hook.tenant.add(*texts[30:])
    await hook.drain()
    assert hook.texts() == texts
    assert await hook.statuses() == [("SUCCEEDED", 1, 204, None)] * 45


async def test_the_schedule_of_retries(hook: WebhookFixture) -> None:
    assert [pause.total_seconds() for pause in RETRIES.pauses] == list(SECONDS)
    hook.receiver.next(*[500] * 10)
    await hook.tenant.add("Tea")
    start = now()
    clock = start
    for attempt, pause in enumerate(SECONDS, 1):
        ahead = (clock - now()).total_seconds() + 0.1
        await hook.drain(RETRIES, later=ahead - 2 if attempt > 1 else 0)
        if attempt > 1:
            # A moment before it is due, nothing is sent.
            assert len(hook.receiver.requests) == attempt - 1
            begun = now() + timedelta(seconds=ahead)
            await hook.drain(RETRIES, later=ahead)
        else:
            begun = start
        delivery = await hook.delivery()
        assert (delivery["status"], delivery["attempts"]) == ("PENDING", attempt)
        assert (delivery["responseStatus"], delivery["error"]) == (500, "It answered 500.")
        clock = datetime.fromisoformat(delivery["nextAttemptAt"])
        assert pause <= (clock - begun).total_seconds() <= pause * 1.2 + 60
        assert len(hook.receiver.requests) == attempt
    await hook.drain(RETRIES, later=(clock - now()).total_seconds() + 0.1)
    assert await hook.statuses() == [("FAILED", 10, 500, "It answered 500.")]
    await hook.drain(RETRIES, later=1e7)
    assert len({request.id for request in hook.receiver.requests}) == 1
    assert len(hook.receiver.requests) == 10


def test_pauses_are_longer_by_up_to_a_fifth() -> None:
    for tries, seconds in enumerate(SECONDS, 1):
        drawn = [RETRIES.pause(tries) for _ in range(200)]
        longer = [pause.total_seconds() / seconds for pause in drawn if pause is not None]
        assert len(longer) == 200
        assert 1 <= min(longer) < 1.1 < max(longer) <= 1.2
    assert RETRIES.pause(10) is None


@pytest.mark.parametrize(
    ("way", "status", "error"),
    [
        (500, 500, "It answered 500."),
        (404, 404, "It answered 404."),
        (307, 307, "It answered 307: redirects are not followed."),
        (Do.DROP, None, UNREACHABLE),
    ],
)
async def test_failures_are_retried(
    hook: WebhookFixture, way: int | Do, status: int | None, error: str
) -> None:
    hook.receiver.next(way, way)
    await hook.tenant.add("Tea")
    await hook.drain(immediate_retries(1))
    ((ended, attempts, answered, told),) = await hook.statuses()
    assert (ended, attempts, answered) == ("FAILED", 2, status)
    assert told == error
    # A redirect is not followed: only the two attempts arrived.
    assert [request.method for request in hook.receiver.requests] == ["POST", "POST"]


async def test_a_failing_message_does_not_delay_later_ones(hook: WebhookFixture) -> None:
    await hook.tenant.add("one", "two", "three")
    hook.receiver.next(200, 503)
    await hook.drain(RETRIES)
    assert hook.texts() == ["one", "two", "three"]
    states = [state for state, *_ in await hook.statuses()]
    assert states == ["SUCCEEDED", "PENDING", "SUCCEEDED"]
    await hook.drain(RETRIES, later=7)
    assert hook.texts() == ["one", "two", "three", "two"]
    assert [state for state, *_ in await hook.statuses()] == ["SUCCEEDED"] * 3


async def test_a_new_event_is_sent_while_another_waits_for_its_retry(hook: WebhookFixture) -> None:
    hook.receiver.next(*[500] * 9)
    await hook.tenant.add("one")
    await hook.drain(RETRIES)
    await hook.tenant.add("two")
    await hook.drain(RETRIES)
    assert hook.texts() == ["one", "two"]


async def test_a_receiver_gets_all_messages_after_an_outage(hook: WebhookFixture) -> None:
    await hook.tenant.add("one", "two")
    hook.receiver.disappear()
    await hook.drain(RETRIES)
    assert {row[0] for row in await hook.statuses()} == {"PENDING"}
    hook.receiver.come_back()
    await hook.drain(RETRIES, later=7)
    assert hook.texts() == ["one", "two"]
    assert await hook.statuses() == [("SUCCEEDED", 2, 204, None)] * 2


async def test_both_secrets_are_valid_during_a_rotation(hook: WebhookFixture) -> None:
    rotated = await hook.tenant.owner.do(ROTATE, id=hook.id)
    await hook.tenant.add("one")
    await hook.drain()
    (request,) = hook.receiver.requests
    for secret in (hook.secret, rotated["secret"]):
        assert request.verified(secret)["event_details"]["data"] == {"memory": "one"}
    again = await hook.tenant.owner.do(ROTATE, id=hook.id)
    await hook.tenant.add("two")
    await hook.drain()
    assert hook.receiver.requests[1].verified(rotated["secret"])
    assert hook.receiver.requests[1].verified(again["secret"])
    with pytest.raises(WebhookVerificationError):
        hook.receiver.requests[1].verified(hook.secret)
    await hook.tenant.add("three")
    await hook.drain(later=24 * 3_600 + 1)
    assert len(hook.receiver.requests[1].headers["webhook-signature"].split()) == 2
    assert len(hook.receiver.requests[2].headers["webhook-signature"].split()) == 1


async def test_an_internal_error_does_not_delay_other_webhooks(
    hook: WebhookFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hook.tenant.add("one", "two")
    write, bad = webhooks.render, ["one"]

    def written(services: Any, message: Any) -> Any:
        if message.event.new_text in bad:
            raise RuntimeError("cannot be written")
        return write(services, message)

    monkeypatch.setattr(webhooks, "render", written)
    await hook.drain(immediate_retries(0))
    assert hook.texts() == ["two"]
    failed, sent = await hook.statuses()
    assert failed == ("FAILED", 1, None, webhooks.DEFECT.error)
    assert sent == ("SUCCEEDED", 1, 204, None)


async def test_a_deleted_project_sends_nothing(hook: WebhookFixture) -> None:
    await hook.tenant.add("one")
    gone = "mutation ($id: ID!) { deleteProject(id: $id) { deletedId userErrors { code } } }"
    await hook.tenant.owner.do(gone, id=hook.tenant.project_id)
    # The erasure deletes the rows later.
    turn = Runner(hook.tenant.deployment.services)
    assert await turn._take(JobKind.DELIVER)
    assert not await turn._take(JobKind.DELIVER)
    assert hook.receiver.requests == []
