"""The server as a process: start, kills at the worst moments, stop, and monitoring.

A killed process cannot clean up, so these tests check that acknowledged work is durable.
"""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from core.enums import JobKind
from harness.postgres import fresh_postgres
from harness.process import KEY, Chroma, Place, Process, wait_until
from server import NO_CHAT_MODEL
from tests.conftest import BACKENDS
from workers.registry import JOB_TYPES

pytestmark = pytest.mark.every_database

ADD = """
mutation ($texts: [MessageInput!]!, $projectId: ID) {
  addMemories(projectId: $projectId, input: {infer: false, userId: "alice", messages: $texts}) {
    memories { id } userErrors { message }
  }
}
"""
MEMORIES = """
query ($after: Cursor) {
  memories(first: 100, after: $after) {
    nodes { text user { totalMemories } } totalCount pageInfo { hasNextPage endCursor }
  }
}
"""
LOG = "{ project { history(last: 1) { totalCount nodes { sequence newText } } } }"
SEARCH = """
query ($query: String!, $topK: Int!) {
  searchMemories(query: $query, topK: $topK, threshold: 0) { hits { score memory { text } } }
}
"""
VIEWER = "{ viewer { account { email } } }"
CREATE_PROJECT = """
mutation { createProject(input: {name: "Second"}) { project { id } userErrors { message } } }
"""
DELETE_PROJECT = """
mutation ($id: ID!) { deleteProject(id: $id) { deletedId userErrors { message } } }
"""
RECEIPTS = "{ viewer { organization { erasures { nodes { counts completedAt } } } } }"
INDEX_BATCH = JOB_TYPES[JobKind.INDEX].batch
PROJECT = "query ($id: ID!) { project(id: $id) { name } }"


def said(*texts: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text} for text in texts]


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Place:
    return Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")


@pytest.fixture
def on_postgresql(tmp_path: Path, worker_id: str) -> Iterator[Place]:
    with fresh_postgres(f"mnemograph_process_{worker_id}") as url:
        yield Place(tmp_path / "data", url)


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest) -> Place:
    """A place to start servers, on each kind of database."""
    found: Place = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server for tests that only read."""
    with Process(tmp_path_factory.mktemp("process") / "data") as process:
        yield process


# ---------------------------------------------------------------- the first start, and secrets


def test_the_first_start_prints_the_key_once_and_no_secret_ever_again(on_sqlite: Place) -> None:
    with on_sqlite.start(key=None) as first:
        key = first.key
        assert first.stdout.splitlines() == [
            f"Mnemograph: {first.url}/graphql",
            NO_CHAT_MODEL,
            "Created account admin@localhost with an organization and a project, both named "
            "Default.",
            f"API key, shown this once: {key}",
        ]
        assert first.ask(VIEWER) == {"viewer": {"account": {"email": "admin@localhost"}}}
        made = first.do(
            'mutation { createApiKey(input: {name: "x"}) { secret userErrors { message } } }'
        )["secret"]
        assert first.post(VIEWER, key=made).is_success
        assert first.post(VIEWER, key=key[:-1]).status_code == 401
        assert "errors" in first.post("query ($a: Int!) { viewer }", a=key).json()
        httpx.get(f"{first.url}/graphql", params={"query": VIEWER}, auth=("", key))
        first.stop()
        written = [first.stdout.replace(key, "", 1), first.stderr]

    with on_sqlite.start(key=None, warm=True) as second:
        assert second.stdout == f"Mnemograph: {second.url}/graphql\n{NO_CHAT_MODEL}\n"
        assert second.post(VIEWER, key=key).json()["data"]["viewer"]["account"]
        written += [second.stdout, second.stderr]

    secrets = {key, key[:-1], made, (on_sqlite.data_dir / "pepper").read_text()}
    assert [secret for secret in secrets for text in written if secret in text] == []


# ---------------------------------------------------------------- killed


def check_all_there(server: Process, texts: list[str]) -> None:
    """Check that exactly these memories exist, in order, and that all counts agree."""
    found: list[str] = []
    after = None
    while True:
        page = server.ask(MEMORIES, after=after)["memories"]
        found += [memory["text"] for memory in page["nodes"]]
        assert page["totalCount"] == len(texts)
        assert {memory["user"]["totalMemories"] for memory in page["nodes"]} <= {len(texts)}
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert sorted(found) == sorted(texts)
    log = server.ask(LOG)["project"]["history"]
    assert log["totalCount"] == len(texts)
    assert [event["sequence"] for event in log["nodes"]] == ([len(texts)] if texts else [])


def interrupted(server: Process, texts: list[str], seconds: float) -> bool:
    """Kill the server during an add; return whether it had acknowledged the add."""
    outcome: list[bool] = []

    def add() -> None:
        try:
            outcome.append(server.post(ADD, texts=said(*texts)).is_success)
        except httpx.TransportError:
            outcome.append(False)

    thread = threading.Thread(target=add)
    thread.start()
    time.sleep(seconds)
    server.kill()
    thread.join()
    return outcome[0]


@pytest.mark.parametrize(("place", "kills"), [("sqlite", 4), ("postgresql", 2)], indirect=["place"])
def test_acknowledged_memories_survive_every_kill(place: Place, kills: int) -> None:
    kept: list[str] = []
    doubtful: list[str] = []
    for round in range(kills + 1):
        with place.start(warm=True) as server:
            if doubtful and server.ask(MEMORIES)["memories"]["totalCount"] > len(kept):
                # An add without an answer may have been done, but then it was done in full.
                kept += doubtful
            check_all_there(server, kept)
            if kept:
                # Most index jobs are in the hands of a killed worker for a minute yet.
                hits = server.ask(SEARCH, query=kept[-1], topK=3)["searchMemories"]["hits"]
                assert kept[-1] in [hit["memory"]["text"] for hit in hits]
            else:
                place.inflate_memory_counts()
            if round == kills:
                break
            for size in (1, 40):
                batch = [f"The {size} things of round {round}: {n * n} apples" for n in range(size)]
                assert len(server.do(ADD, texts=said(*batch))["memories"]) == size
                kept += batch
            doubtful = [f"Perhaps in round {round}: {n * n} pears" for n in range(20)]
            # Even rounds are killed right after an answer, odd ones amid an add or an indexing.
            if round % 2 == 0:
                server.kill()
                doubtful = []
            elif interrupted(server, doubtful, round / 20):
                kept += doubtful
                doubtful = []
            place.inflate_memory_counts()

    place.expire_leases()
    with place.start(warm=True) as server:
        place.wait_for_jobs()
        check_all_there(server, kept)
        # Nothing waits any more, so these come from the index. It may miss a few: a graph of near
        # twins has some that no walk reaches.
        hits = server.ask(SEARCH, query="apples", topK=1000)["searchMemories"]["hits"]
        texts = [hit["memory"]["text"] for hit in hits]
        assert set(texts) <= set(kept)
        assert 0.95 * len(kept) < len(set(texts)) == len(texts)


CONTENT = ("projects", "entities", "memories", "memory_vectors", "history", "jobs")


def rows_of(place: Place, project_id: str) -> dict[str, int]:
    """Return how many rows of a project the database holds, by table, empty ones left out."""
    counts = {
        table: place.one(
            f"SELECT count(*) FROM {table} WHERE {'id' if table == 'projects' else 'project_id'} = "
            f"'{project_id}'"
        )
        for table in CONTENT
    }
    return {table: count for table, count in counts.items() if count}


def test_a_deleted_project_is_erased_although_the_server_is_killed(place: Place) -> None:
    with place.start(warm=True) as server:
        server.do(ADD, texts=said("Something that stays"))
        project = server.do(CREATE_PROJECT)["project"]["id"]
        for part in range(3):
            texts = said(*(f"Something that goes: {part}, {n}" for n in range(200)))
            server.do(ADD, texts=texts, projectId=project)
        assert rows_of(place, project)["memories"] == 600
        assert server.do(DELETE_PROJECT, id=project)["deletedId"] == project
        server.kill()

    assert rows_of(place, project)["projects"] == 1
    place.expire_leases()
    with place.start(warm=True) as server:
        answer = server.post(PROJECT, id=project).json()
        assert answer["data"] == {"project": None}
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        wait_until(lambda: rows_of(place, project) == {}, "an erased project", 90)
        place.wait_for_jobs()
        check_all_there(server, ["Something that stays"])
        organization = server.ask(RECEIPTS)["viewer"]["organization"]
        (receipt,) = organization["erasures"]["nodes"]
        # Although it was killed in the middle, each memory was counted once.
        assert receipt["completedAt"]
        assert receipt["counts"]["memories"] == 600
        server.stop()

    index = Place(place.data_dir, f"sqlite:///{place.data_dir}/chroma/chroma.sqlite3")
    assert index.one(f"SELECT count(*) FROM collections WHERE name = '{project}'") == 0
    folders = {path.name for path in (place.data_dir / "chroma").iterdir() if path.is_dir()}
    assert folders <= {row[0] for row in index.sql("SELECT id FROM segments")}


# ---------------------------------------------------------------- stopped


def test_a_stop_lets_running_requests_finish(on_sqlite: Place) -> None:
    texts = [f"The long request says {n} and {n * n}" for n in range(600)]
    answers: list[httpx.Response] = []
    with on_sqlite.start(warm=True) as server:
        thread = threading.Thread(
            target=lambda: answers.append(server.post(ADD, texts=said(*texts)))
        )
        thread.start()
        # The key's first use is noted when the request is let in, long before it is answered.
        in_use = "SELECT count(*) FROM api_keys WHERE last_used_at IS NOT NULL"
        wait_until(lambda: on_sqlite.one(in_use), "a request that has begun")
        assert on_sqlite.one("SELECT count(*) FROM memories") == 0
        assert server.stop() in (0, -15)
        thread.join()
        assert answers[0].status_code == 200
        assert len(answers[0].json()["data"]["addMemories"]["memories"]) == 600
        assert [line for line in server.log if line["level"] not in ("info", "debug")] == []
    with on_sqlite.start(warm=True) as server:
        check_all_there(server, texts)


# ---------------------------------------------------------------- watched from outside


def test_health(server: Process) -> None:
    assert server.get("/health/live").json() == {"status": "live"}
    ready = server.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "checks": {"database": "ok", "index": "ok"}}


def lines_of(server: Process, request_id: str) -> list[dict[str, Any]]:
    """Return the log lines of a request; the last is written just after its answer is sent."""

    def found() -> list[dict[str, Any]]:
        return [line for line in server.log if line.get("request_id") == request_id]

    wait_until(found, f"a log line of {request_id}")
    return found()


@pytest.mark.parametrize("given", ["trace-42.a_B", "x" * 64])
def test_a_request_id_of_the_client_is_kept(server: Process, given: str) -> None:
    response = server.post("{ nonsense }", headers={"X-Request-ID": given})
    assert response.headers.get_list("x-request-id") == [given]
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "requestId": given}
    (line,) = lines_of(server, given)
    assert (line["event"], line["level"]) == ("request", "info")
    assert (line["method"], line["path"], line["status"]) == ("POST", "/graphql", 200)
    assert line["ms"] > 0


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", 'quo"te', "ünicode"])
def test_a_request_id_that_could_harm_a_log_is_replaced(server: Process, given: str) -> None:
    response = server.post("{ nonsense }", headers={"X-Request-ID": given.encode()})
    (answered,) = response.headers.get_list("x-request-id")
    assert answered not in ("", given)
    assert response.json()["errors"][0]["extensions"]["requestId"] == answered
    assert len(lines_of(server, answered)) == 1


def test_a_rejected_request_has_an_id(server: Process) -> None:
    response = server.post(VIEWER, key="mg_wrong")
    assert response.status_code == 401
    given = response.headers["x-request-id"]
    assert response.json()["errors"][0]["extensions"]["requestId"] == given
    assert [line["status"] for line in lines_of(server, given)] == [401]


def test_a_database_outage_leaks_nothing_and_ends(on_postgresql: Place) -> None:
    host, name = on_postgresql.database_url.rsplit("/", 1)
    # A server that trusts us ignores the password, but it is sent with every connection.
    url = on_postgresql.database_url.replace("postgres@", "postgres:password-to-hide@")
    with ExitStack() as stack:
        admin = stack.enter_context(psycopg.connect(host, autocommit=True))
        server = stack.enter_context(replace(on_postgresql, database_url=url).start(warm=True))
        server.do(ADD, texts=said("Said before"))
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        admin.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        ready = server.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"database": "unavailable", "index": "ok"}
        response = server.post(ADD, texts=said("Said meanwhile"))
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

        assert response.status_code in (500, 503)
        given = response.headers["x-request-id"]
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "INTERNAL", "requestId": given}
        levels = [line["level"] for line in lines_of(server, given)]
        assert "error" in levels
        pepper = (on_postgresql.data_dir / "pepper").read_text()
        secrets = (KEY, "password-to-hide", pepper, "Said meanwhile", "Said before")
        assert [secret for secret in secrets if secret[:32] in server.stderr] == []
        check_all_there(server, ["Said before"])


# ---------------------------------------------------------------- a Chroma server


def test_a_worker_shares_jobs_and_survives_an_index_outage(
    on_postgresql: Place, tmp_path: Path
) -> None:
    place = on_postgresql
    with ExitStack() as stack:
        chroma = Chroma(tmp_path / "chroma")
        stack.callback(chroma.kill)
        server = stack.enter_context(place.start(warm=True, chroma_url=chroma.url))
        worker = stack.enter_context(
            place.start(warm=True, chroma_url=chroma.url, command="worker")
        )
        assert worker.stdout == "Mnemograph: the worker is running.\n"

        texts = [f"Number {n} of what two share" for n in range(300)]
        server.do(ADD, texts=said(*texts))
        # The server stands still with the batch it has taken, so the rest is the worker's.
        server.send(signal.SIGSTOP)
        left = "SELECT count(*) FROM jobs"
        assert place.one(left) > INDEX_BATCH
        wait_until(lambda: place.one(left) <= INDEX_BATCH, "a worker that does what waits")
        server.send(signal.SIGCONT)
        place.wait_for_jobs()
        place.inflate_memory_counts()
        hits = server.ask(SEARCH, query="number", topK=1000)["searchMemories"]["hits"]
        assert sorted(hit["memory"]["text"] for hit in hits) == sorted(texts)
        assert worker.stop() == 0
        assert worker.log == []

        chroma.kill()
        ready = server.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"database": "ok", "index": "unavailable"}
        assert server.get("/health/live").status_code == 200
        server.do(ADD, texts=said("Said while there was no index"))
        assert place.one("SELECT count(*) FROM jobs") == 1
