"""Imports in separate processes: one that is killed midway, and the command."""

import json
from pathlib import Path

import httpx

from harness.process import PATIENCE, Place, Process, run_command, wait_until
from tests.support.documents.exchange import entity, file_of, life, line, memory

PROJECT = "{ project { id } }"
FIND = "query ($id: ID!) { operation(id: $id) { status progress notes } }"
MEMORIES = 800


def test_an_import_continues_after_a_kill_without_duplicates(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    records = [line(memory(f"Fact number {n} about the garden", n)) for n in range(MEMORIES)]
    with place.start(warm=True) as server:
        id = _sent(server, file_of(entity(), *records))
        progress = f"SELECT progress FROM operations WHERE id = '{id}'"
        wait_until(lambda: 0 < place.one(progress) < 1, "an import that is under way")
        server.kill()
    assert 0 < place.one(progress) < 1
    stored = place.one("SELECT count(*) FROM memories")
    # The record of the entity is one of those that have been stored.
    assert place.one("SELECT count(*) FROM import_records") == MEMORIES + 1 - (stored + 1)
    assert 0 < stored < MEMORIES
    place.expire_leases()
    with place.start(warm=True) as server:
        wait_until(lambda: server.ask(FIND, id=id)["operation"]["progress"] == 1, "the end")
        found = server.ask(FIND, id=id)["operation"]
    assert found == {
        "status": "SUCCEEDED",
        "progress": 1,
        "notes": [f"Imported {MEMORIES:,} memories."],
    }
    for table in ("memories", "history", "memory_vectors", "memory_keywords"):
        assert place.one(f"SELECT count(*) FROM {table}") == MEMORIES
    assert place.one("SELECT count(DISTINCT text) FROM memories") == MEMORIES
    assert place.one("SELECT max(sequence) FROM history") == MEMORIES
    assert place.one("SELECT total_memories FROM projects") == MEMORIES
    assert place.one("SELECT total_memories FROM entities") == MEMORIES
    assert place.one("SELECT count(*) FROM import_records") == 0


def test_the_command_imports_a_file(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    settings = {"data_dir": place.data_dir, "database_url": place.database_url}
    file, mem0 = tmp_path / "memories.jsonl", tmp_path / "mem0.json"
    file.write_bytes(file_of(*life().values(), history=True))
    answer = [{"id": "1", "memory": "Hi", "user_id": "al", "created_at": "2024-07-26T08:44:41Z"}]
    mem0.write_text(json.dumps(answer))
    early = run_command(tmp_path, "import", str(file), **settings)
    assert early.returncode == 1
    assert early.stderr.splitlines()[-1].startswith("mnemograph: There is no account admin@")
    with place.start(warm=True):
        busy = run_command(tmp_path, "import", str(file), **settings)
        assert busy.returncode == 1
        (told,) = busy.stderr.splitlines()
        assert told.endswith(
            "To import into a running server, POST the file to /projects/ID/import."
        )
    done = run_command(tmp_path, "import", str(file), **settings)
    assert (done.returncode, done.stdout) == (0, "Imported 6 memories and 1 deleted one.\n")
    done = run_command(tmp_path, "import", str(mem0), **settings)
    assert (done.returncode, done.stdout) == (0, "Imported 1 memory.\n")
    assert place.one("SELECT count(*) FROM memories") == 7
    file.write_bytes(file.read_bytes()[:-20])
    cut = run_command(tmp_path, "import", str(file), **settings)
    assert cut.returncode == 1
    assert "The file is cut off" in cut.stderr.splitlines()[-1]
    missing = run_command(tmp_path, "import", "nowhere.jsonl", **settings)
    assert missing.returncode == 1
    assert missing.stderr.splitlines()[-1] == "mnemograph: nowhere.jsonl: No such file or directory"


def _sent(server: Process, body: bytes) -> str:
    project = server.ask(PROJECT)["project"]["id"]
    response = httpx.post(
        f"{server.url}/projects/{project}/import",
        content=body,
        headers={
            "Authorization": f"Bearer {server.key}",
            "Content-Type": "application/x-ndjson",
        },
        timeout=PATIENCE,
    )
    assert response.status_code == 202, response.text
    found: str = response.json()["operationId"]
    return found
