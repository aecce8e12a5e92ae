"""What a search costs through the front door, next to its parts alone, and how much it finds.

The database is filled with random unit vectors, the hardest there are for an index of neighbours:
nothing is near anything. Every query is a text of its own, but its embedding is made beforehand, so
that it is remembered and what is left is the searching; what embedding costs stands beside it.
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

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Cost:
    """What one call takes in milliseconds: the median, the 95th percentile, and of the CPU."""

    median: float
    slowest: float
    cpu: float


async def run_searching(stage: Stage, size: int, quick: bool) -> None:
    """Print what a search among so many memories costs, and the recall of the index."""
    heading(f"Searching among {size:,} memories", "In milliseconds; the query's embedding apart.")
    users = [(f"user-{number}", size // 10) for number in range(10)]
    started = time.perf_counter()
    filled = await stage.fill(users)
    stored = time.perf_counter() - started
    seconds = stored + await stage.settle()
    print(f"  Stored {size / stored:,.0f} a second, indexed {size / seconds:,.0f} a second.")

    queries = texts(40 if quick else 200, size)
    embed, index = stage.services.embedder.embed, stage.services.index
    embedding = await _cost([lambda query=query: embed([query]) for query in queries])
    vectors = [(await embed([query]))[0] for query in queries]
    project = filled.project_id
    # The first one reads the whole scope, or learns its words.
    first = await _cost([_search(stage, project, "An unusual question", False)])
    server = await _cost([_search(stage, project, query, False) for query in queries])
    costs = [
        ("server", server),
        ("server, reranked", await _cost([_search(stage, project, it, True) for it in queries])),
        ("server, the very first", first),
        ("embedding a query", embedding),
        (f"Chroma alone, best {_TOP}", await _cost(_asked(stage, project, vectors, _TOP))),
        (f"Chroma alone, best {NEAREST}", await _cost(_asked(stage, project, vectors, NEAREST))),
        ("brute force alone", await _cost([_brute(filled, vector) for vector in vectors])),
    ]
    table(
        ("", "median", "95 %", "CPU", "server takes"),
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
        f"  Of the true best {_TOP}, Chroma's best {_TOP} hold {shares[_TOP]:.3f}, and the best "
        f"{NEAREST}, which the server asks for, {shares[NEAREST]:.3f}."
    )


async def _cost(calls: Sequence[Call]) -> Cost:
    """Make calls one after the other."""
    taken, cpu = [], time.process_time()
    for call in calls:
        started = time.perf_counter()
        await call()
        taken.append(1000 * (time.perf_counter() - started))
    cpu = 1000 * (time.process_time() - cpu) / len(calls)
    return Cost(statistics.median(taken), float(np.percentile(taken, 95)), cpu)


def _search(stage: Stage, project_id: str, query: str, rerank: bool) -> Call:
    return lambda: stage.ask(SEARCH, query=query, projectId=project_id, rerank=rerank)


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
