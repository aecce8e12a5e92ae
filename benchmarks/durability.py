"""`python -m benchmarks.durability DATA`: adds all of LoCoMo, kills the server, checks the data.

DATA is a LoCoMo file; it has its own licence and is not part of this project. A server process is
started on an empty data directory; each session is one call, with its conversation as user and its
own run. After the last response the server gets SIGKILL. The restarted server must return every
memory: in two passes through all pages, one from either end, without gaps or duplicates, with the
exact texts.
"""

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.process import Place, Process

ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) { memories { id text } userErrors { message } }
}
"""
PAGE = """
query ($first: Int, $after: Cursor, $last: Int, $before: Cursor) {
  memories(first: $first, after: $after, last: $last, before: $before) {
    nodes { id text userId runId actor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""
_PAGE_SIZE = 100


@dataclass(frozen=True)
class Session:
    """One session of a conversation; `turns` are pairs (speaker, text) in order."""

    user: str
    run: str
    turns: list[tuple[str, str]]


def sessions(path: Path) -> Iterator[Session]:
    """Yield the sessions of a LoCoMo file."""
    for sample in json.loads(path.read_text(encoding="utf-8")):
        for name, turns in sample["conversation"].items():
            if re.fullmatch(r"session_\d+", name):
                pairs = [(turn["speaker"], turn["text"]) for turn in turns]
                yield Session(sample["sample_id"], f"{sample['sample_id']} {name}", pairs)


def add_all(server: Process, path: Path) -> dict[str, tuple[str, ...]]:
    """Add every session; return the expected (text, user, run, speaker) of each memory by id."""
    added: dict[str, tuple[str, ...]] = {}
    for session in sessions(path):
        messages = [
            {"role": "user", "name": speaker, "content": words} for speaker, words in session.turns
        ]
        given = {"userId": session.user, "runId": session.run, "infer": False, "messages": messages}
        memories = server.do(ADD, input=given)["memories"]
        for memory, (speaker, words) in zip(memories, session.turns, strict=True):
            added[memory["id"]] = (words, session.user, session.run, speaker)
    return added


def walk(server: Process, forward: bool) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Page through all memories from one end; return their ids, newest first, and fields by id."""
    ids: list[str] = []
    contents: dict[str, tuple[str, ...]] = {}
    cursor = None
    while True:
        ends: dict[str, Any] = (
            {"first": _PAGE_SIZE, "after": cursor}
            if forward
            else {"last": _PAGE_SIZE, "before": cursor}
        )
        page = server.ask(PAGE, **ends)["memories"]
        nodes, info = page["nodes"], page["pageInfo"]
        here = [memory["id"] for memory in nodes]
        ids = ids + here if forward else here + ids
        for memory in nodes:
            parts = ("text", "userId", "runId", "actor")
            contents[memory["id"]] = tuple(memory[part] for part in parts)
        if not info["hasNextPage" if forward else "hasPreviousPage"]:
            if page["totalCount"] != len(ids):
                print(f"  WRONG: totalCount is {page['totalCount']:,}")
            return ids, contents
        cursor = info["endCursor" if forward else "startCursor"]


def check(server: Process, added: dict[str, tuple[str, ...]]) -> bool:
    """Page from both ends, print the results, and return whether everything is as it was added."""
    sound = True
    orders = []
    for forward in (True, False):
        started = time.perf_counter()
        ids, contents = walk(server, forward)
        seconds = time.perf_counter() - started
        orders.append(ids)
        missing = len(added.keys() - contents.keys())
        strange = len(contents.keys() - added.keys())
        duplicates = len(ids) - len(contents)
        changed = sum(contents[id] != added[id] for id in contents.keys() & added.keys())
        sound = sound and not (missing or strange or duplicates or changed)
        print(
            f"  {'forwards' if forward else 'backwards'}: {len(ids):,} memories, "
            f"{len(ids) / seconds:,.0f} per second; {missing} missing, {strange} unknown, "
            f"{duplicates} duplicates, {changed} changed"
        )
    same = orders[0] == orders[1]
    print(f"  both passes have {'the same order' if same else 'DIFFERENT orders'}")
    return sound and same


def main() -> int:
    """Parse the options, run, and return the exit code: 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="a LoCoMo file")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; SQLite without it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        url = given.database_url or f"sqlite:///{data_dir}/mnemograph.db"
        place = Place(data_dir, url)
        with place.start() as server:
            started = time.perf_counter()
            added = add_all(server, given.data)
            seconds = time.perf_counter() - started
            server.kill()
        print(f"  acknowledged: {len(added):,} memories in {seconds:.1f} s, then killed")
        print(f"  {len(added) / seconds:,.0f} per second, one session per call, calls in sequence")
        waiting = place.one("SELECT count(*) FROM jobs")
        started = time.perf_counter()
        with place.start() as server:
            again = time.perf_counter() - started
            print(f"  restarted after {again:.1f} s; {waiting:,} memories were not indexed yet")
            sound = check(server, added)
    print("  Nothing was lost." if sound else "  SOMETHING WAS LOST.")
    return 0 if sound else 1


if __name__ == "__main__":
    raise SystemExit(main())
