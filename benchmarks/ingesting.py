"""`python -m benchmarks.ingesting [--data FILE]`: extracting memories from conversations by rules.

It prints the throughput next to that of storing the same messages verbatim, the delay of the event
loop meanwhile, and statistics of the result. `--show 50` also prints 50 of the memories, and all
that were merged or superseded, for manual review: no figure says whether a memory is useful.

FILE contains conversations of LoCoMo, which is not part of this project; without it, conversations
are generated. A conversation is a user and each session a run. Both speakers are people, so the
messages of both have the role "user" and the name of the speaker, and are sent ten per call.
"""

import argparse
import asyncio
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from benchmarks.stage import Stage, run, staged
from benchmarks.table import heading, table

ADD = """
mutation Add($input: AddMemoriesInput!, $projectId: ID) {
  addMemories(input: $input, projectId: $projectId) {
    results { outcome memory { id } } userErrors { code message path }
  }
}
"""
MEMORIES = """
query Memories($projectId: ID!, $after: Cursor) {
  memories(projectId: $projectId, includeMerged: true, first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes {
      id text actor state categories timestamp timestampUntil timestampPrecision
      concepts { name } sources { content timestamp } mergedInto { id } supersededBy { id }
    }
  }
}
"""
_AT_ONCE = 10
_TICK = 0.005
_IDLE = 3.0
_DATE = "%I:%M %p on %d %B, %Y"

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The sessions of two people, by the name of the run."""

    name: str
    sessions: dict[str, list[Message]]

    def calls(self) -> list[dict[str, Any]]:
        """Return the inputs of its calls, in order."""
        return [
            {"userId": self.name, "runId": run, "messages": messages[start : start + _AT_ONCE]}
            for run, messages in self.sessions.items()
            for start in range(0, len(messages), _AT_ONCE)
        ]


@dataclass(slots=True)
class Pass:
    """One way of adding conversations to a project of its own, and its measurements."""

    name: str
    project_id: str
    infer: bool
    messages: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    stalls: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds

    def row(self, imported: "Pass") -> list[object]:
        """Return its row of the table, with the ratio to a verbatim import."""
        took = statistics.quantiles(self.latencies, n=20)
        figures = [self.rate, 1000 * statistics.median(self.latencies), 1000 * took[-1]]
        return [self.name, *figures, 1000 * max(self.stalls), self.rate / imported.rate]


async def run_ingesting(
    stage: Stage, quick: bool, conversations: Sequence[Conversation] = (), show: int = 0
) -> None:
    """Print the tables for some conversations, by default generated ones."""
    conversations = conversations or [made_up(name, 4 if quick else 12) for name in ("a", "b", "c")]
    heading(
        "Extracting memories from conversations by rules",
        f"{_AT_ONCE} messages per call; loop delay: the worst delay of a task that sleeps "
        f"{_TICK * 1000:.0f} ms.",
    )
    ways = {"inferred": True, "imported verbatim": False, "inferred, concurrently": True}
    inferred, imported, together = [
        Pass(name, await stage.make_project(), infer) for name, infer in ways.items()
    ]
    for infer in (True, False):
        warm = Pass("warm", await stage.make_project(), infer)
        await _add(stage, warm, [made_up("warm", 1)])
    for conversation in conversations:
        # In turn, so that the noise of the machine affects both.
        await _add(stage, inferred, [conversation])
        await _add(stage, imported, [conversation])
    await _add(stage, together, conversations)
    columns = ("", "messages/s", "p50 ms", "p95 ms", "loop delay ms", "ratio")
    rows = [each.row(imported) for each in (inferred, together, imported)]
    table(columns, [*rows, ["idle", "", "", "", await _idle(), ""]])
    memories = await _memories(stage, inferred.project_id)
    _print_found(inferred, memories)
    if show:
        _print_to_read(memories, show)


async def _add(stage: Stage, done: Pass, conversations: Sequence[Conversation]) -> None:
    """Add conversations concurrently, the calls of each in sequence."""

    async def add(conversation: Conversation) -> None:
        for call in conversation.calls():
            given = {**call, "infer": done.infer}
            started = time.perf_counter()
            answer = await stage.ask(ADD, projectId=done.project_id, input=given)
            done.latencies.append(time.perf_counter() - started)
            done.messages += len(call["messages"])
            results = orjson.loads(answer)["data"]["addMemories"]["results"]
            done.outcomes.update(result["outcome"] for result in results)

    ticker = asyncio.create_task(_tick(done.stalls))
    started = time.perf_counter()
    await asyncio.gather(*map(add, conversations))
    done.seconds += time.perf_counter() - started
    ticker.cancel()
    await stage.settle()


async def _tick(late: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(_TICK)
        late.append(time.perf_counter() - before - _TICK)


async def _idle() -> float:
    """Return the worst delay of an idle loop in milliseconds: the noise of the machine."""
    late: list[float] = []
    ticker = asyncio.create_task(_tick(late))
    await asyncio.sleep(_IDLE)
    ticker.cancel()
    return 1000 * max(late)


async def _memories(stage: Stage, project_id: str) -> list[dict[str, Any]]:
    """Return all memories of a project, in the order in which they were created."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        answer = orjson.loads(await stage.ask(MEMORIES, projectId=project_id, after=after))
        page = answer["data"]["memories"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return sorted(found, key=lambda memory: str(memory["id"]))
        after = page["pageInfo"]["endCursor"]


def _print_found(inferred: Pass, memories: Sequence[dict[str, Any]]) -> None:
    heading("Results", f"{inferred.messages:,} messages, {len(memories):,} memories.")
    texts = [len(memory["text"].split()) for memory in memories]
    concepts = [len(memory["concepts"]) for memory in memories]
    dated = sum(memory["timestampPrecision"] is not None for memory in memories)
    rows: list[list[object]] = [
        ["memories per message", len(memories) / inferred.messages],
        ["words per memory", statistics.fmean(texts)],
        ["concepts per memory", statistics.fmean(concepts)],
        ["memories with a concept", _share(sum(map(bool, concepts)), len(memories))],
        ["memories with a date in the text", _share(dated, len(memories))],
        *_shares("outcome", inferred.outcomes),
        *_shares("state", Counter(memory["state"] for memory in memories)),
        *_shares("category", Counter(name for each in memories for name in each["categories"])),
    ]
    table(("", ""), rows)


def _shares(title: str, counted: Counter[str]) -> list[list[object]]:
    total = counted.total()
    return [[f"{title} {name}", _share(count, total)] for name, count in counted.most_common()]


def _share(count: int, total: int) -> str:
    return f"{count:,} = {count / total:.1%}"


def _print_to_read(memories: Sequence[dict[str, Any]], show: int) -> None:
    heading(f"{show} random memories", "and all that were merged or superseded.")
    by_id = {memory["id"]: memory for memory in memories}
    for memory in random.Random("to read").sample(memories, min(show, len(memories))):
        when = (memory["timestamp"], memory["timestampUntil"], memory["timestampPrecision"])
        print(f"\n  {memory['actor']}: {memory['text']}")
        print(f"    {memory['categories']} {[each['name'] for each in memory['concepts']]}")
        print("    " + " ".join(str(part) for part in when if part))
        for source in memory["sources"]:
            print(f"    from {source['timestamp']}: {source['content']}")
    for memory in memories:
        for link in ("mergedInto", "supersededBy"):
            if memory[link]:
                other = by_id[memory[link]["id"]]
                print(f"\n  {memory['actor']}: {memory['text']}")
                print(f"    {link} {other['actor']}: {other['text']}")


def read_locomo(path: Path) -> list[Conversation]:
    """Return the conversations of a file of LoCoMo."""
    conversations = []
    for number, each in enumerate(json.loads(path.read_text())):
        content, sessions = each["conversation"], {}
        for key in [key for key, turns in content.items() if isinstance(turns, list) and turns]:
            moment = datetime.strptime(content[f"{key}_date_time"], _DATE).replace(tzinfo=UTC)
            turns = [(turn["speaker"], turn["text"]) for turn in content[key] if turn["text"]]
            sessions[key] = [_message(name, text, moment) for name, text in turns]
        conversations.append(Conversation(f"conversation-{number}", sessions))
    return conversations


def _message(name: str, text: str, moment: datetime) -> Message:
    return {"role": "user", "name": name, "content": text, "timestamp": moment.isoformat()}


_PLACES = ("Lisbon", "Oslo", "Ghent", "Kyoto", "Tartu", "Porto")
_FRIENDS = ("Ines", "Tomas", "Priya", "Olek", "Hanna")
_DISHES = ("lentil soup", "rye bread", "mushroom risotto", "plum cake")
_HOBBIES = ("rock climbing", "pottery", "birdwatching", "chess")
_SAYINGS = (
    "Hi there! How are you doing?",
    "That sounds great!",
    "Thanks a lot, I really appreciate it.",
    "What have you been up to?",
    "Wow, tell me more about it. When did it start?",
    "I moved to {place} last month.",
    "My friend {friend} and I went to {place} two weeks ago. It was wonderful there.",
    "I made {dish} for {friend} yesterday, and it turned out better than expected.",
    "I have taken up {hobby}. My first lesson is next Tuesday.",
    "My favourite food is {dish}.",
    "My favorite food is really {dish}.",
    "I work at {place} Instruments, mostly on sensors for weather stations.",
    "My daughter turned {number} on Saturday. We had {dish} and a small party in {place}.",
    "I don't enjoy {hobby} any more; my knee hurts after {number} minutes.",
    "In 2019 I ran a half marathon in {place} with {friend}.",
    '{friend} lent me a book called "The Salt Road". I finished it in {number} days.',
)


def made_up(name: str, sessions: int) -> Conversation:
    """Return a generated conversation, which is the same for the same name."""
    chance = random.Random(name)
    runs = {}
    for number in range(sessions):
        moment = datetime(2025, 1, 7, 18, tzinfo=UTC) + timedelta(days=16 * number)
        runs[f"session-{number}"] = [
            _message(("Mara", "Jonas")[turn % 2], _text(chance), moment) for turn in range(24)
        ]
    return Conversation(f"conversation-{name}", runs)


def _text(chance: random.Random) -> str:
    words = {
        "place": chance.choice(_PLACES),
        "friend": chance.choice(_FRIENDS),
        "dish": chance.choice(_DISHES),
        "hobby": chance.choice(_HOBBIES),
        "number": chance.randrange(3, 18),
    }
    return " ".join(text.format(**words) for text in chance.choices(_SAYINGS, k=2))


async def _main(given: argparse.Namespace) -> None:
    conversations = read_locomo(given.data) if given.data else []
    async with staged(given.database_url) as stage:
        await run_ingesting(stage, given.quick, conversations, given.show)


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="a file of LoCoMo conversations")
    parser.add_argument("--show", type=int, default=0, help="the number of memories to print")
    parser.add_argument("--quick", action="store_true", help="generate fewer messages")
    parser.add_argument(
        "--database-url", help="an empty PostgreSQL database; default: a temporary SQLite file"
    )
    run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
