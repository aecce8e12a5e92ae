"""Ingestion in processes that are killed: every acknowledged add is stored exactly once.

Each step of a job has a test that kills the server there. The server has no hooks for this: the
model delays its response, or the test holds the lock that the next step needs.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from harness.postgres import fresh_postgres
from harness.process import PATIENCE, Place, Process, wait_until
from tests.conftest import BACKENDS
from tests.support.servers.openai_answers import Answer, Request, default_answer, slow
from tests.support.servers.openai_server import OpenAIServer

ADD = """
mutation ($text: String!, $user: String!, $wait: Boolean!, $once: String) {
  addMemories(input: {
    messages: [{role: "user", content: $text}], userId: $user, wait: $wait, idempotencyKey: $once
  }) { operation { id status attempts } memories { text } userErrors { message } }
}
"""
FIND = "query ($id: ID!) { operation(id: $id) { status attempts progress error } }"
ALL = """
{
  memories(first: 100) { totalCount nodes { text state version } }
  project {
    history(first: 100) { totalCount nodes { sequence type operationId newText } }
    operations(first: 100) { totalCount nodes { id status attempts } }
  }
}
"""


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Place]:
    """A place to start servers, on each kind of database."""
    if request.param == "sqlite":
        yield Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    else:
        with fresh_postgres(f"mnemograph_ingestion_{worker_id}") as url:
            yield Place(tmp_path / "data", url)


class Held(OpenAIServer):
    """A chat model that delays its first answers until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.speak = threading.Event()
        self.answer_with(self._think)

    def _think(self, request: Request) -> Answer:
        self.speak.wait(PATIENCE)
        return default_answer(request)


@pytest.fixture
def model() -> Iterator[Held]:
    with Held() as server:
        yield server
        server.speak.set()


def start(place: Place, model: OpenAIServer | None = None) -> Process:
    if model is None:
        return place.start(warm=True)
    return place.start(warm=True, chat_model="m", openai_base_url=model.url)


def add(server: Process, text: str, *, wait: bool = False, **options: Any) -> Any:
    return server.do(ADD, text=text, wait=wait, **{"user": "alice", **options})


def ended(server: Process, id: str) -> dict[str, Any]:
    """Return an operation when it has come to its end."""

    def operation() -> dict[str, Any]:
        found: dict[str, Any] = server.ask(FIND, id=id)["operation"]
        return found

    wait_until(lambda: operation()["status"] in ("SUCCEEDED", "FAILED"), "an end of the operation")
    return operation()


def check_once(server: Process, attempts: dict[str, tuple[str, int]]) -> None:
    """Check that just these texts are remembered, once, by (id of the operation, its attempts)."""
    found = server.ask(ALL)
    memories, log = found["memories"], found["project"]["history"]
    assert memories["totalCount"] == len(attempts)
    assert sorted(memory["text"] for memory in memories["nodes"]) == sorted(attempts)
    assert {(memory["state"], memory["version"]) for memory in memories["nodes"]} == {("ACTIVE", 1)}
    assert log["totalCount"] == len(attempts)
    assert [event["sequence"] for event in log["nodes"]] == list(range(1, len(attempts) + 1))
    told = {event["newText"]: (event["type"], event["operationId"]) for event in log["nodes"]}
    assert told == {text: ("ADD", id) for text, (id, _) in attempts.items()}
    operations = found["project"]["operations"]
    assert operations["totalCount"] == len(attempts)
    ends = {node["id"]: (node["status"], node["attempts"]) for node in operations["nodes"]}
    assert ends == {id: ("SUCCEEDED", count) for id, count in attempts.values()}


def test_killed_before_the_job_and_during_the_model_request(place: Place, model: Held) -> None:
    """A server works on four adds at a time, so the fifth is acknowledged and not begun."""
    ids: dict[str, str] = {}
    with start(place, model) as server:
        for n in range(3):
            ids[f"Fact {n}"] = add(server, f"Fact {n}", user=str(n))["operation"]["id"]
        lost: list[type[Exception]] = []

        def waits() -> None:
            try:
                add(server, "Fact 3", wait=True, user="3", once="k")
            except httpx.TransportError as error:
                lost.append(type(error))

        thread = threading.Thread(target=waits)
        thread.start()
        wait_until(lambda: len(model.chats) == 4, "four that think")
        last = add(server, "Fact 4", user="4", once="last")["operation"]
        assert last == {"id": last["id"], "status": "PENDING", "attempts": 0}
        ids["Fact 4"] = last["id"]
        server.kill()
        thread.join()
        assert len(lost) == 1
    states = "SELECT status, attempts, count(*) FROM operations GROUP BY 1, 2 ORDER BY 1"
    assert place.sql(states) == [("PENDING", 0, 1), ("RUNNING", 1, 4)]
    assert place.one("SELECT count(*) FROM memories") == 0
    model.speak.set()
    place.expire_leases()

    with start(place, model) as server:
        # The caller who has lost the connection asks again, and so does one who has not.
        again = add(server, "Fact 3", wait=True, user="3", once="k")
        assert again["memories"] == [{"text": "Fact 3"}]
        ids["Fact 3"] = again["operation"]["id"]
        assert add(server, "Fact 4", user="4", once="last")["operation"]["id"] == ids["Fact 4"]
        for id in ids.values():
            assert ended(server, id)["status"] == "SUCCEEDED"
        place.wait_for_jobs()
        attempts = dict.fromkeys(ids, 2) | {"Fact 4": 1}
        check_once(server, {text: (id, attempts[text]) for text, id in ids.items()})
    assert len(model.chats) == 4 + 5


@contextlib.contextmanager
def write_locked(place: Place) -> Iterator[None]:
    """Hold the lock that finishing an operation needs; nobody else is hindered on PostgreSQL."""
    if place.database_url.startswith("sqlite:///"):
        path = place.database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
    else:
        with psycopg.connect(place.database_url) as connection:
            connection.execute("SELECT id FROM operations FOR UPDATE")
            yield


def wait_for_the_write(place: Place) -> None:
    """Wait until the server waits for the lock."""
    if place.database_url.startswith("sqlite:///"):
        # Nothing shows that somebody waits; there is little to do before the write.
        time.sleep(1)
        return
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    wait_until(lambda: place.one(waiting), "a server that waits for the lock")


def test_killed_just_before_the_write(place: Place, model: Held) -> None:
    with start(place, model) as server:
        id = add(server, "A fact")["operation"]["id"]
        wait_until(lambda: model.chats, "a model that thinks")
        with write_locked(place):
            model.speak.set()
            wait_for_the_write(place)
            server.kill()
    assert place.sql("SELECT status, attempts FROM operations") == [("RUNNING", 1)]
    assert place.one("SELECT count(*) FROM memories") == 0
    assert place.one("SELECT count(*) FROM history") == 0
    place.expire_leases()

    with start(place, model) as server:
        assert ended(server, id)["status"] == "SUCCEEDED"
        place.wait_for_jobs()
        check_once(server, {"A fact": (id, 2)})


def test_killed_between_the_write_and_the_end_of_the_job(place: Place, model: Held) -> None:
    """The job is found again, its operation is finished: there is nothing left to do."""
    with start(place, model) as server:
        id = add(server, "A fact")["operation"]["id"]
        wait_until(lambda: model.chats, "a model that thinks")
        place.sql("CREATE TABLE kept AS SELECT * FROM jobs WHERE kind = 'INGEST'")
        model.speak.set()
        assert ended(server, id)["status"] == "SUCCEEDED"
        place.wait_for_jobs()
        server.kill()
    before = place.sql("SELECT * FROM operations")
    place.sql("INSERT INTO jobs SELECT * FROM kept")
    place.sql("DROP TABLE kept")
    assert place.one("SELECT count(*) FROM jobs WHERE kind = 'INGEST'") == 1
    place.expire_leases()

    with start(place, model) as server:
        place.wait_for_jobs()
        assert place.sql("SELECT * FROM operations") == before
        check_once(server, {"A fact": (id, 1)})
    assert len(model.chats) == 1


def test_a_lease_excludes_others_until_it_expires(place: Place, model: Held) -> None:
    with start(place, model) as server:
        id = add(server, "A fact")["operation"]["id"]
        wait_until(lambda: model.chats, "a model that thinks")
        server.kill()
    model.speak.set()
    with start(place, model) as server:
        # Whoever looks for jobs meets that one first, which is in the hands of a dead one yet.
        other = add(server, "Another fact", wait=True, user="bob")["operation"]
        assert other == {"id": other["id"], "status": "SUCCEEDED", "attempts": 1}
        assert server.ask(FIND, id=id)["operation"]["status"] == "RUNNING"
        assert len(model.chats) == 2
        place.expire_leases()
        assert ended(server, id) == {
            "status": "SUCCEEDED",
            "attempts": 2,
            "progress": 1.0,
            "error": None,
        }
        assert len(model.chats) == 3
        check_once(server, {"Another fact": (other["id"], 1), "A fact": (id, 2)})


def test_a_stop_waits_for_the_model(place: Place, model: Held) -> None:
    model.answer_with(slow(1.5))
    with start(place, model) as server:
        add(server, "A fact")
        wait_until(lambda: model.chats, "a model that thinks")
        assert server.stop() in (0, -15)
        assert [line for line in server.log if line["level"] not in ("info", "debug")] == []
    assert place.sql("SELECT status, attempts FROM operations") == [("SUCCEEDED", 1)]
    assert place.one("SELECT count(*) FROM memories") == 1
    assert place.one("SELECT count(*) FROM jobs WHERE kind = 'INGEST'") == 0


@pytest.mark.parametrize(("place", "kills"), [("sqlite", 3), ("postgresql", 2)], indirect=["place"])
def test_every_acknowledged_add_is_stored_once(place: Place, kills: int) -> None:
    """Killed at any moment, with the rules that ship with the server."""
    ids: dict[str, str] = {}
    interrupted = 0
    for round in range(kills):
        if round:
            place.expire_leases()
        with start(place) as server:
            for n in range(10):
                text = f"I own {round * 100 + n} green tea cups."
                ids[text] = add(server, text, user=str(n % 3))["operation"]["id"]
            time.sleep(round * 0.03)
            server.kill()
        interrupted += place.one("SELECT count(*) FROM operations WHERE status <> 'SUCCEEDED'")
    assert interrupted, "all was done before each kill: nothing was tested"
    place.expire_leases()
    with start(place) as server:
        ends = {text: ended(server, id) for text, id in ids.items()}
        place.wait_for_jobs()
        assert {end["status"] for end in ends.values()} == {"SUCCEEDED"}
        assert all(1 <= end["attempts"] <= kills + 1 for end in ends.values())
        check_once(server, {text: (ids[text], end["attempts"]) for text, end in ends.items()})
