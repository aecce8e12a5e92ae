"""The commands that export a project, with its server running, and import it into another."""

from pathlib import Path
from typing import Any

import orjson

from harness.process import Place, run_command
from tests.support.fixtures.moving import lines

ADD = """
mutation ($text: String!) {
  addMemories(input: {infer: false, userId: "alice", messages: [{role: "user", content: $text}]}) {
    memories { id } userErrors { message }
  }
}
"""
UPDATE = """
mutation ($id: ID!) {
  updateMemory(id: $id, input: {text: "I drink coffee."}) { userErrors { message } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { userErrors { message } } }"
ERASE = "mutation ($id: ID!) { deleteProject(id: $id) { userErrors { message } } }"
MAKE = 'mutation { createProject(input: {name: "Two"}) { project { id } userErrors { message } } }'
FIRST = "{ project { id } }"


def test_the_commands_move_a_project(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", f"sqlite:///{tmp_path}/data/mnemograph.db")
    settings = {"data_dir": place.data_dir, "database_url": place.database_url}

    def run(*arguments: str) -> Any:
        return run_command(tmp_path, *arguments, **settings)

    early = run("export")
    assert (early.returncode, early.stdout) == (1, "")
    assert early.stderr.splitlines()[-1].startswith("mnemograph: There is no account admin@")

    with place.start(warm=True) as server:
        first = server.ask(FIRST)["project"]["id"]
        for text in ("I drink tea.", "I swim.", "I ski."):
            made = server.ask(ADD, text=text)["addMemories"]["memories"]
        server.ask(DELETE, id=made[0]["id"])
        (edited,) = server.ask(ADD, text="I drink milk.")["addMemories"]["memories"]
        server.ask(UPDATE, id=edited["id"])
        second = server.ask(MAKE)["createProject"]["project"]["id"]
        ended = run("export", "--history", "--output", "all.jsonl")
        assert (ended.returncode, ended.stdout) == (0, "")
        assert ended.stderr.splitlines()[-1] == "Exported 3 memories."
        printed = run("export", "--history", "--output", "-")
        assert printed.returncode == 0
        whole = (tmp_path / "all.jsonl").read_bytes()
        assert lines(printed.stdout.encode()) == lines(whole)
        server.ask(ERASE, id=first)
        place.wait_for_jobs()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.jsonl", "data"]

    ended = run("import", "all.jsonl", "--project", second)
    assert (ended.returncode, ended.stdout) == (0, "Imported 3 memories and 1 deleted one.\n")
    again = run("export", "--history", "--project", second)
    assert again.returncode == 0
    assert lines(again.stdout.encode()) == lines(whole)
    assert [line["type"] for line in map(orjson.loads, whole.splitlines())] == [
        *("export", "entity", "memory", "memory", "memory", "deletedMemory", "end")
    ]

    refused = run("export", "--project", first, "--output", "never.jsonl")
    assert refused.returncode == 1
    (told,) = refused.stderr.splitlines()[-1:]
    assert told.startswith("mnemograph: --project: ")
    assert not list(tmp_path.glob("never*"))
