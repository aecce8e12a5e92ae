"""What a search costs through the front door, next to its parts alone, and how much it finds.

The database is filled with random unit vectors, the hardest there are for an index of neighbours:
nothing is near anything. Every query is a text of its own, so no embedding is remembered.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import orjson

from benchmarks.stage import Filled, Stage, texts
from benchmarks.table import heading, table, timed

SEARCH = """
query Search($query: String!, $projectId: ID!) {
  searchMemories(query: $query, projectId: $projectId, topK: 10, threshold: 0) {
    hits { score memory { id text userId createdAt metadata } } tookMs
  }
}
"""
_TOP = 10
_CANDIDATES = 200
_CALLERS = 8

Call = Callable[[], Awaitable[object]]


async def run_searching(stage: Stage, size: int, quick: bool) -> None:
    """Print searches per second among so many memories, and the recall of the index."""
    heading(f"Searching among {size:,} memories, in searches per second")
    users = [(f"user-{number}", size // 10) for number in range(10)]
    started = time.perf_counter()
    filled = await stage.fill(users)
    stored = time.perf_counter() - started
    seconds = stored + await stage.settle()
    print(f"  Stored {size / stored:,.0f} a second, indexed {size / seconds:,.0f} a second.")

    count = 40 if quick else 200
    queries = [texts(count, (size, kind)) for kind in range(4)]
    embed = stage.services.embedder.embed
    vectors = [(await embed([query]))[0] for query in queries[0]]
    project_id = filled.project_id
    one = await _rate(_searches(stage, project_id, queries[1]))
    rates = [
        ("server, 1 caller", one),
        (
            f"server, {_CALLERS} callers",
            await _rate(_searches(stage, project_id, queries[2]), _CALLERS),
        ),
        ("embedding the query alone", await _rate([_embedding(stage, it) for it in queries[3]])),
        (f"index alone, best {_TOP}", await _rate(_asked(stage, project_id, vectors, _TOP))),
        (
            f"index alone, best {_CANDIDATES}",
            await _rate(_asked(stage, project_id, vectors, _CANDIDATES)),
        ),
        ("numpy alone, all of them", await _rate([_brute(filled, vector) for vector in vectors])),
    ]
    table(
        ("", "a second", "ms each", "server takes"),
        [[name, rate, 1000 / rate, f"{rate / one:.2f} x"] for name, rate in rates],
    )
    recall, alone = await _recall(stage, filled, queries[0][:50], vectors[:50])
    print(f"  recall@{_TOP} of the server {recall:.3f}, of the index alone {alone:.3f}.")


async def _rate(calls: Sequence[Call], callers: int = 1) -> float:
    """Return calls per second, made by so many callers at once."""
    waiting = iter(calls)

    async def caller() -> None:
        for call in waiting:
            await call()

    seconds = await timed(asyncio.gather(*(caller() for _ in range(callers))))
    return len(calls) / seconds


def _searches(stage: Stage, project_id: str, queries: Sequence[str]) -> list[Call]:
    return [
        lambda query=query: stage.ask(SEARCH, query=query, projectId=project_id)
        for query in queries
    ]


def _embedding(stage: Stage, query: str) -> Call:
    return lambda: stage.services.embedder.embed([query])


def _asked(stage: Stage, project_id: str, vectors: Sequence[bytes], limit: int) -> list[Call]:
    index = stage.services.index
    return [lambda vector=vector: index.query(project_id, vector, limit) for vector in vectors]


def _brute(filled: Filled, vector: bytes) -> Call:
    async def score() -> None:
        _best(filled, vector)

    return score


def _best(filled: Filled, vector: bytes) -> set[str]:
    scores = filled.vectors @ np.frombuffer(vector, dtype="<f4")
    return {filled.memory_ids[at] for at in np.argpartition(-scores, _TOP)[:_TOP]}


async def _recall(
    stage: Stage, filled: Filled, queries: Sequence[str], vectors: Sequence[bytes]
) -> tuple[float, float]:
    """Return the share of the true best that the server finds, and that the index finds."""
    found = asked = 0
    for query, vector in zip(queries, vectors, strict=True):
        true = _best(filled, vector)
        answer = orjson.loads(await stage.ask(SEARCH, query=query, projectId=filled.project_id))
        hits = answer["data"]["searchMemories"]["hits"]
        found += len(true & {hit["memory"]["id"] for hit in hits})
        near = await stage.services.index.query(filled.project_id, vector, _TOP)
        asked += len(true & {id for id, _ in near})
    return found / (_TOP * len(queries)), asked / (_TOP * len(queries))
