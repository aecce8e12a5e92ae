"""Measures the cost of a search request next to that of its parts, and the recall of the index.

The database is filled with random unit vectors, the worst case for an approximate index: no vector
is near another. Queries are distinct texts whose embeddings are computed and cached beforehand, so
that only the search is measured; the cost of embedding is printed separately.

The last table has searches of short and of long texts side by side, plain and reranked. The first
time, a reranked search reads most of its texts with the model; again, with the same queries, it
finds what fits into the cache. To compare another commit, run `python -m benchmarks.run --only
searching` in a checkout of it, with this folder of benchmarks if it has an older one.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.stage import Filled, Stage, texts
from benchmarks.table import heading, table
from resolvers.search.candidates import NEAREST

SEARCH = """
query Search($query: String!, $projectId: ID!, $rerank: Boolean!) {
  searchMemories(query: $query, projectId: $projectId, topK: 10, rerank: $rerank) {
    hits { score memory { id text userId createdAt metadata } } tookMs
  }
}
"""
_TOP = 10
_LONG = 50  # The number of sentences of a long text.

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Cost:
    """The cost of one call in milliseconds: the median, the 95th percentile, and the mean CPU."""

    median: float
    slowest: float
    cpu: float


async def run_searching(stage: Stage, sizes: Sequence[int], quick: bool) -> None:
    """Print the cost of a search among so many memories, and the recall of the index."""
    rows: list[list[object]] = []
    for size in sizes:
        filled = await _fill(stage, size, 1, "short")
        queries = texts(40 if quick else 200, size)
        await _run_parts(stage, filled, size, queries)
        rows.append([f"{size:,} short", *await _pairs(stage, filled.project_id, queries)])
        filled = await _fill(stage, size, _LONG, "long")
        rows.append([f"{size:,} long", *await _pairs(stage, filled.project_id, queries)])
    heading(
        "Searching, plain and reranked", f"In milliseconds; long texts have {14 * _LONG} words."
    )
    columns = [f"{kind} {part}" for kind in ("plain", "rerank", "again") for part in ("p50", "p95")]
    table(("", *columns), rows)


async def _fill(stage: Stage, size: int, sentences: int, kind: str) -> Filled:
    heading(f"Storing {size:,} {kind} memories")
    users = [(f"user-{number}", size // 10) for number in range(10)]
    started = time.perf_counter()
    filled = await stage.fill(users, sentences)
    stored = time.perf_counter() - started
    seconds = stored + await stage.settle()
    print(f"  Stored {size / stored:,.0f}, indexed {size / seconds:,.0f} memories per second.")
    return filled


async def _pairs(stage: Stage, project: str, queries: Sequence[str]) -> list[float]:
    """Return the median and the 95th percentile: plain, reranked, and reranked again."""
    # The first search loads the whole scope, or its vocabulary.
    await _search(stage, project, "An unusual question", False)()
    found: list[float] = []
    for rerank in (False, True, True):
        cost = await _cost([_search(stage, project, query, rerank) for query in queries])
        found += [cost.median, cost.slowest]
    return found


async def _run_parts(stage: Stage, filled: Filled, size: int, queries: Sequence[str]) -> None:
    """Print the cost of a search next to that of its parts."""
    heading(f"Searching {size:,} memories", "In milliseconds, without embedding the query.")
    embed, index = stage.services.embedder.embed, stage.services.index
    embedding = await _cost([lambda query=query: embed([query]) for query in queries])
    vectors = [(await embed([query]))[0] for query in queries]
    project = filled.project_id
    # The first search loads the whole scope, or its vocabulary.
    first = await _cost([_search(stage, project, "An unusual question", False)])
    server = await _cost([_search(stage, project, query, False) for query in queries])
    costs = [
        ("server", server),
        ("server, first search", first),
        ("embedding a query", embedding),
        (f"Chroma alone, best {_TOP}", await _cost(_chroma(stage, project, vectors, _TOP))),
        (f"Chroma alone, best {NEAREST}", await _cost(_chroma(stage, project, vectors, NEAREST))),
        ("brute force alone", await _cost([_brute(filled, vector) for vector in vectors])),
    ]
    table(
        ("", "median", "p95", "CPU", "server/this"),
        [
            [name, cost.median, cost.slowest, cost.cpu, f"{server.median / cost.median:.2f} x"]
            for name, cost in costs
        ],
    )
    found = dict.fromkeys((_TOP, NEAREST), 0)
    for vector in vectors:
        true = _best(filled, vector)
        for limit in found:
            found[limit] += len(true & {id for id, _ in await index.query(project, vector, limit)})
    shares = {limit: count / (_TOP * len(vectors)) for limit, count in found.items()}
    print(
        f"  Recall of the true best {_TOP}: {shares[_TOP]:.3f} in Chroma's best {_TOP}, "
        f"{shares[NEAREST]:.3f} in the best {NEAREST}, which the server requests."
    )


async def _cost(calls: Sequence[Call]) -> Cost:
    """Return the cost of calls made in sequence."""
    taken, cpu = [], time.process_time()
    for call in calls:
        started = time.perf_counter()
        await call()
        taken.append(1000 * (time.perf_counter() - started))
    cpu = 1000 * (time.process_time() - cpu) / len(calls)
    return Cost(statistics.median(taken), float(np.percentile(taken, 95)), cpu)


def _search(stage: Stage, project_id: str, query: str, rerank: bool) -> Call:
    return lambda: stage.ask(SEARCH, query=query, projectId=project_id, rerank=rerank)


def _chroma(stage: Stage, project_id: str, vectors: Sequence[bytes], limit: int) -> list[Call]:
    index = stage.services.index
    return [lambda vector=vector: index.query(project_id, vector, limit) for vector in vectors]


def _brute(filled: Filled, vector: bytes) -> Call:
    async def score() -> None:
        _best(filled, vector)

    return score


def _best(filled: Filled, vector: bytes) -> set[str]:
    scores = filled.vectors @ np.frombuffer(vector, dtype="<f4")
    return {filled.memory_ids[at] for at in np.argpartition(-scores, _TOP)[:_TOP]}
