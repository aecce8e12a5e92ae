"""Rebuilding an index in a server that is killed: the rebuild is completed after the restart."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.postgres import fresh_postgres
from harness.process import Place, Process, wait_until
from storage.search.chroma import VectorIndex
from tests.conftest import BACKENDS

ADD = """
mutation ($texts: [MessageInput!]!) {
  addMemories(input: {infer: false, userId: "alice", messages: $texts}) {
    memories { id } userErrors { message }
  }
}
"""
REINDEX = """
mutation ($id: ID!) {
  reindexProject(id: $id) { operation { id status } userErrors { message } }
}
"""
FIND = "query ($id: ID!) { operation(id: $id) { status progress error } }"
PROJECT = "{ project { id } }"
SEARCH = """
{ searchMemories(query: "fact", topK: 1000, threshold: 0) { hits { memory { text } } } }
"""
BEGUN = "SELECT count(*) FROM operations WHERE type = 'REINDEX' AND status = 'RUNNING'"
NUMBER = 100


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Place]:
    """A place to start servers, on each kind of database."""
    if request.param == "sqlite":
        yield Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    else:
        with fresh_postgres(f"mnemograph_reindexing_{worker_id}") as url:
            yield Place(tmp_path / "data", url)


def state(server: Process, id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.ask(FIND, id=id)["operation"]
    return found


def found(server: Process) -> list[str]:
    hits = server.ask(SEARCH)["searchMemories"]["hits"]
    return sorted(hit["memory"]["text"] for hit in hits)


def test_killed_during_a_rebuild(place: Place) -> None:
    texts = sorted(f"Fact {number}" for number in range(NUMBER))
    with place.start(warm=True) as server:
        server.do(ADD, texts=[{"role": "user", "content": text} for text in texts])
        place.wait_for_jobs()
        project = server.ask(PROJECT)["project"]["id"]
        first = server.do(REINDEX, id=project)["operation"]
        wait_until(lambda: place.one(BEGUN) == 1, "somebody who works on it")
        server.kill()
    place.expire_leases()
    with place.start(warm=True) as server:
        place.inflate_memory_counts()
        assert found(server) == texts
        assert server.do(REINDEX, id=project)["operation"]["id"] == first["id"]
        place.wait_for_jobs()
        assert state(server, first["id"]) == {"status": "SUCCEEDED", "progress": 1, "error": None}
        assert found(server) == texts
        assert server.stop() == 0
    index = VectorIndex(path=place.data_dir / "chroma")
    try:
        assert index._existing(project).count() == NUMBER  # type: ignore[union-attr]
    finally:
        index.close()
