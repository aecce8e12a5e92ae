"""An erasure whose server is killed right after the response: the next server completes it."""

import json
from pathlib import Path

import httpx

from harness.process import PATIENCE, Place, Process, wait_until

ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) { operation { id } memories { id } userErrors { code } }
}
"""
FIND = """
{ project { id } entity(type: AGENT, name: "assistant") { id } }
"""
DELETE = """
mutation ($id: ID!) { deleteEntity(id: $id) { receipt { id } userErrors { code } } }
"""
MEMORIES = 600


def test_an_interrupted_erasure_is_completed_and_keeps_other_data(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    with place.start(warm=True) as server:
        own = {"infer": False, "agentId": "assistant"}
        said = [{"role": "user", "content": "zqkilled keeps bees"}]
        server.ask(ADD, input={**own, "messages": said})
        found = server.ask(FIND)
        import_id = _sent(server, found["project"]["id"])
        for number in range(5):
            messages = [
                {"role": "user", "content": f"My cat number {number} is called Mimi{number}."},
                {"role": "assistant", "content": "assistant"},
            ]
            server.ask(ADD, input={"userId": "bob", "wait": False, "messages": messages})
        server.ask(DELETE, id=found["entity"]["id"])
        server.kill()
    assert place.one("SELECT completed_at IS NULL FROM erasure_receipts")
    place.expire_leases()
    completed = "SELECT count(completed_at) FROM erasure_receipts"
    unfinished = "SELECT count(*) FROM operations WHERE status IN ('PENDING', 'RUNNING')"
    with place.start(warm=True):
        wait_until(lambda: place.one(completed) == 1, "a complete receipt")
        wait_until(lambda: place.one(unfinished) == 0, "the end of all operations")
    assert place.one("SELECT count(*) FROM operations WHERE status = 'FAILED'") == 0
    assert place.one("SELECT count(*) FROM memories WHERE text LIKE 'My cat%'") == 5
    # Of every third record the agent is the erased one.
    of_bob = "SELECT count(*) FROM memories WHERE text LIKE 'Fact%' AND user_id = 'bob'"
    assert place.one(of_bob) == MEMORIES * 2 // 3
    assert place.one("SELECT count(*) FROM memories WHERE agent_id = 'assistant'") == 0
    notes = json.loads(place.one(f"SELECT notes FROM operations WHERE id = '{import_id}'"))
    counts = json.loads(place.one("SELECT counts FROM erasure_receipts"))
    removed = counts.get("importRecords", 0)
    assert notes[0].startswith(f"Imported {MEMORIES - removed:,} memories")
    assert counts["memories"] == 1 + MEMORIES // 3 - removed
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or b"zqkilled" not in path.read_bytes(), path


def _sent(server: Process, project_id: str) -> str:
    """Send an import; return the id of its operation."""
    records = [
        {
            "id": f"m{number}",
            "memory": f"Fact {number} of shop {number * 7}.",
            "role": "assistant",
            "created_at": "2026-01-01T00:00:00Z",
            **({"user_id": "bob"} if number % 3 else {"agent_id": "assistant"}),
        }
        for number in range(MEMORIES)
    ]
    response = httpx.post(
        f"{server.url}/projects/{project_id}/import",
        json={"results": records},
        headers={"Authorization": f"Bearer {server.key}"},
        timeout=PATIENCE,
    )
    assert response.status_code == 202, response.text
    found: str = response.json()["operationId"]
    return found
