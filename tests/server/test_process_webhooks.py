"""Webhooks of a server that is killed: committed events are sent after the restart."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.postgres import fresh_postgres
from harness.process import Place, Process, wait_until
from tests.conftest import BACKENDS
from tests.support.documents.webhooks import CREATE
from tests.support.servers.receiver import Do, Receiver

ADD = """
mutation ($text: String!) {
  addMemories(input: {infer: false, userId: "alice", messages: [{role: "user", content: $text}]}) {
    memories { id } userErrors { message }
  }
}
"""
DELIVERIES = """
{
  project {
    webhooks { nodes { deliveries { nodes { id status attempts } } } }
  }
}
"""
# As many webhooks as this are sent to at once.
TASKS = 4


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Place]:
    """A place to start servers, on each kind of database."""
    if request.param == "sqlite":
        yield Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    else:
        with fresh_postgres(f"mnemograph_webhooks_{worker_id}") as url:
            yield Place(tmp_path / "data", url)


def start(place: Place) -> Process:
    return place.start(warm=True, webhook_allowed_hosts="127.0.0.1")


def ended(server: Process, count: int = 1) -> list[dict[str, object]]:
    """Wait until there are so many deliveries and none is pending; return them."""

    def all_of_them() -> list[dict[str, object]]:
        webhooks = server.ask(DELIVERIES)["project"]["webhooks"]["nodes"]
        return [delivery for webhook in webhooks for delivery in webhook["deliveries"]["nodes"]]

    wait_until(
        lambda: [delivery["status"] for delivery in all_of_them()] == ["SUCCEEDED"] * count,
        "an end of all deliveries",
    )
    return all_of_them()


def test_killed_before_and_during_a_delivery(place: Place) -> None:
    """Of five webhooks four are being sent to, so of the fifth nothing but its job is there."""
    with Receiver() as receiver:
        receiver.next(*[Do.STALL] * TASKS)
        with start(place) as server:
            for n in range(TASKS + 1):
                input = {"name": str(n), "url": receiver.url, "eventTypes": ["MEMORY_ADD"]}
                server.do(CREATE, input=input)
            server.do(ADD, text="I love tea")
            wait_until(lambda: len(receiver.requests) == TASKS, "four messages on their way")
            assert place.one("SELECT count(*) FROM webhook_deliveries") == TASKS
            server.kill()
        place.expire_leases()
        with start(place) as server:
            deliveries = ended(server, TASKS + 1)
            # The attempts that were cut off are not known to anybody.
            assert {delivery["attempts"] for delivery in deliveries} == {1}
            assert server.stop() == 0
    ids = [request.id for request in receiver.requests]
    assert sorted(set(ids)) == sorted(str(delivery["id"]) for delivery in deliveries)
    assert len(ids) == TASKS + TASKS + 1
    # What is sent twice says the same, under the same id.
    assert len({(request.id, request.body) for request in receiver.requests}) == TASKS + 1


def test_killed_while_waiting_for_the_receiver(place: Place) -> None:
    with Receiver() as receiver:
        with start(place) as server:
            input = {"name": "Bot", "url": receiver.url, "eventTypes": ["MEMORY_ADD"]}
            secret = server.do(CREATE, input=input)["secret"]
            receiver.disappear()
            server.do(ADD, text="I love tea")
            tried = "SELECT count(*) FROM webhook_deliveries WHERE attempts = 1"
            wait_until(lambda: place.one(tried) == 1, "an attempt in vain")
            server.kill()
        receiver.come_back()
        place.expire_leases()
        place.sql("UPDATE webhook_deliveries SET next_attempt_at = created_at")
        with start(place) as server:
            (delivery,) = ended(server)
            assert delivery["attempts"] == 2
        (request,) = receiver.requests
        assert request.verified(secret)["event_details"]["data"] == {"memory": "I love tea"}
