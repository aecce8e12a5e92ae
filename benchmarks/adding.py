"""Measures the overhead of an add over embedding its texts, and how long it blocks the event loop.

Baseline and server take turns on texts of the same kind, so that the noise of the machine affects
both. The index is up to date before each turn; its worker runs during an add, as in a server.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.stage import Stage, texts
from benchmarks.table import heading, table

ADD = """
mutation Add($input: AddMemoriesInput!, $projectId: ID) {
  addMemories(input: $input, projectId: $projectId) {
    memories { id text createdAt } userErrors { code message path }
  }
}
"""
_TICK = 0.001
_ROUNDS = 3

Call = Callable[[list[str]], Awaitable[object]]


async def run_adding(stage: Stage, quick: bool) -> None:
    """Print adds per second, with few and many messages per call, from one and eight clients."""
    heading(
        "Adding, in memories per second",
        "Answered: until the last response. Indexed: until the vector index is up to date. Ratio: "
        "answered to embedding alone.",
    )
    rows: list[list[object]] = []
    for size, callers, calls in ((1, 1, 100), (1, 8, 25), (100, 1, 6), (100, 8, 1)):
        if quick:
            calls = max(1, calls // 4)
        answered, indexed, alone = await _measure(stage, size, callers, calls)
        rows.append(
            [f"{size} per call, {callers} clients", answered, indexed, alone, answered / alone]
        )
    table(("", "answered", "indexed", "embedding alone", "ratio"), rows)


async def _measure(stage: Stage, size: int, callers: int, calls: int) -> tuple[float, float, float]:
    embed, add = stage.services.embedder.embed, _adder(stage, await stage.make_project())
    await _take(embed, callers, calls, size, ("warm", size, callers))
    count = _ROUNDS * callers * calls * size
    answered = indexed = alone = 0.0
    for round in range(_ROUNDS):
        alone += await _take(embed, callers, calls, size, ("alone", size, callers, round))
        seconds = await _take(add, callers, calls, size, ("add", size, callers, round))
        answered += seconds
        indexed += seconds + await stage.settle()
    return count / answered, count / indexed, count / alone


def _adder(stage: Stage, project_id: str) -> Call:
    async def add(batch: list[str]) -> None:
        messages = [{"role": "user", "content": text} for text in batch]
        await stage.ask(
            ADD,
            projectId=project_id,
            input={"userId": "alice", "infer": False, "messages": messages},
        )

    return add


async def _take(call: Call, callers: int, calls: int, size: int, seed: Sequence[object]) -> float:
    """Return the seconds until each of the concurrent callers has made its calls in sequence."""

    async def caller(number: int) -> None:
        for turn in range(calls):
            await call(prepared[(number * calls + turn) * size :][:size])

    prepared = texts(callers * calls * size, seed)
    started = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return time.perf_counter() - started


async def run_stall(stage: Stage, quick: bool) -> None:
    """Print the delay of a task that wakes up every millisecond, while eight clients add."""
    heading(
        "Event loop delay while 8 clients add, in milliseconds",
        f"The delay of a task that sleeps {_TICK * 1000:.0f} ms, next to the delay while texts are "
        "only embedded.",
    )
    calls = 1 if quick else 3
    rows: list[list[object]] = []
    for size in (1, 100):
        turns = calls * 25 if size == 1 else calls
        add = _adder(stage, await stage.make_project())
        for name, call in (("adding", add), ("embedding alone", stage.services.embedder.embed)):
            late = await _lateness(_take(call, 8, turns, size, ("stall", size, name)))
            await stage.settle()
            late.sort()
            rows.append([f"{name}, {size} per call", late[-1], late[len(late) * 99 // 100]])
    table(("", "worst", "p99"), rows)


async def _lateness(work: Awaitable[object]) -> list[float]:
    late: list[float] = []

    async def tick() -> None:
        while True:
            started = time.perf_counter()
            await asyncio.sleep(_TICK)
            late.append(1000 * (time.perf_counter() - started - _TICK))

    ticker = asyncio.create_task(tick())
    await work
    ticker.cancel()
    return late
