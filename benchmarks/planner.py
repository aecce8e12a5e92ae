"""`python -m benchmarks.planner`: what it costs to score a scope exactly, and to ask the index.

`resolvers.search` scores a scope exactly up to a size and asks the index beyond it. This measures
both of its ways on the same entities of one project, each forced in turn, and says where they meet.
Beside them stand their parts: a Chroma query with the entity as its `where`, which has to sift
through others' memories, and one without, as a search of the whole project makes it.

The vectors are random and the queries' embeddings are remembered, so what is left is the searching.
"""

import argparse
import statistics
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.stage import Filled, Stage, run, staged, texts
from benchmarks.table import heading, table, timed
from core.graph import EntityType
from resolvers import search
from resolvers.search import Query, search_entity
from storage.entities import EntityRow
from storage.vector_rows import ENTITY_KEYS

SCOPES = (500, 1_000, 2_000, 5_000, 10_000)
PROJECT = 20_000
_CANDIDATES = 200


async def plan(database_url: str | None, scopes: Sequence[int], project: int, turns: int) -> None:
    """Fill a project with an entity of each size, and print the costs."""
    async with staged(database_url) as stage:
        kind = "SQLite" if stage.services.db.is_sqlite else "PostgreSQL"
        users = [(f"user-{size}", size) for size in scopes]
        filled = await stage.fill([*users, ("others", project - sum(scopes))])
        print(f"A project of {project:,} memories on {kind}; indexing takes a while.", flush=True)
        await stage.settle()

        queries = texts(turns, "planner")
        costs = [
            (size, await _costs(stage, filled, f"user-{size}", size, queries)) for size in scopes
        ]
        heading(
            "One search, in milliseconds",
            f"Median of {turns}. Chroma gives its best {_CANDIDATES}, as on the way by the index.",
        )
        table(
            ("scope", "exact", "index", "index / exact", "Chroma, where", "Chroma, whole project"),
            [[f"{size:,}", each[0], each[1], each[1] / each[0], *each[2:]] for size, each in costs],
        )
        print(f"  {_meeting([(size, each[1] - each[0]) for size, each in costs])}")


async def _costs(
    stage: Stage, filled: Filled, name: str, size: int, queries: Sequence[str]
) -> tuple[float, float, float, float]:
    """Return the cost of the exact way, the index's way, and Chroma with and without `where`."""
    ctx = await stage.context()
    entity: EntityRow = await ctx.loaders.entity(filled.project_id, EntityType.USER, name)
    assert entity.total_memories == size
    where = {ENTITY_KEYS[EntityType.USER]: entity.id}
    index, kept = stage.services.index, search.EXACT_SCOPE
    found: list[list[float]] = [[], [], [], []]
    try:
        for text in queries:
            (vector,) = await ctx.embed([text])
            query = Query(text, 10, 0.0, False)
            for column, limit in enumerate((size, 0)):
                search.EXACT_SCOPE = limit
                found[column].append(await timed(search_entity(ctx, entity, query)))
            for column, only in enumerate((where, None), 2):
                asking = index.query(filled.project_id, vector, _CANDIDATES, only)
                found[column].append(await timed(asking))
    finally:
        search.EXACT_SCOPE = kept
    first, second, third, fourth = (1000 * statistics.median(seconds) for seconds in found)
    return first, second, third, fourth


def _meeting(gains: Sequence[tuple[int, float]]) -> str:
    """Say at which size the exact way stops being the cheaper one, between two measured ones."""
    for (below, before), (above, after) in pairwise(gains):
        if before > 0 >= after:
            meeting = below + (above - below) * before / (before - after)
            return f"They meet at about {meeting:,.0f} memories."
    if gains[0][1] <= 0:
        return f"The index is cheaper already at {gains[0][0]:,} memories."
    return f"Scoring exactly is still cheaper at {gains[-1][0]:,} memories."


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument(
        "--database-url", help="an empty PostgreSQL database; a throw-away SQLite file without it"
    )
    given = parser.parse_args()
    part = 10 if given.quick else 1
    scopes = [size // part for size in SCOPES]
    run(plan(given.database_url, scopes, PROJECT // part, 40 // part))


if __name__ == "__main__":
    main()
