"""Shaped exports in processes that are killed: the next process completes each one once."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.postgres import fresh_postgres
from harness.process import PATIENCE, Place, Process, wait_until
from tests.conftest import BACKENDS
from tests.support.fixtures.factories import ADD
from tests.support.servers.openai_answers import Answer, Request, text
from tests.support.servers.openai_server import OpenAIServer

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
CREATE = """
mutation ($schema: JSON) {
  createExport(input: {schema: $schema}) { export { id } userErrors { message } }
}
"""
FIND = """
query ($id: ID!) { export(id: $id) { data completedAt operation { status attempts error } } }
"""


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, worker_id: str) -> Iterator[Place]:
    """A place to start servers, on each kind of database."""
    if request.param == "sqlite":
        yield Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    else:
        with fresh_postgres(f"mnemograph_exports_{worker_id}") as url:
            yield Place(tmp_path / "data", url)


def test_killed_during_the_model_request(place: Place) -> None:
    speak = threading.Event()

    def think(request: Request) -> Answer:
        speak.wait(PATIENCE)
        return text(json.dumps({"city": "Lisbon"}))(request)

    with OpenAIServer() as model:
        model.answer_with(think)
        settings: dict[str, Any] = {"warm": True, "chat_model": "m", "openai_base_url": model.url}
        with place.start(**settings) as server:
            said = [{"role": "user", "content": "I live in Lisbon."}]
            server.do(ADD, input={"infer": False, "userId": "alice", "messages": said})
            id = server.do(CREATE, schema=SCHEMA)["export"]["id"]
            wait_until(lambda: model.chats, "a model that thinks")
            server.kill()
        speak.set()
        assert place.sql("SELECT status, attempts FROM operations WHERE type = 'EXPORT'") == [
            ("RUNNING", 1)
        ]
        assert place.one("SELECT count(*) FROM exports WHERE completed_at IS NULL") == 1
        place.expire_leases()

        def export(server: Process) -> Any:
            return server.ask(FIND, id=id)["export"]

        with place.start(**settings) as server:
            wait_until(lambda: export(server)["completedAt"], "the end of the export")
            made = export(server)
            assert made["data"] == {"city": "Lisbon"}
            assert made["operation"] == {"status": "SUCCEEDED", "attempts": 2, "error": None}
            place.wait_for_jobs()
    assert len(model.chats) == 2
    assert place.one("SELECT count(*) FROM export_memories") == 1
