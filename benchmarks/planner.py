"""`python -m benchmarks.planner`: the cost of ranking a whole scope, and of ranking candidates.

`resolvers.search.planner` ranks a scope whole up to a size, and by candidates beyond it. This
benchmark forces both in turn on entities of several sizes in one project, and prints the size at
which the costs are equal. For an entity, the index has to filter out the memories of others; for
the whole project it does not, so that case is measured too, and compared with ranking as many
memories whole. Further columns are the cost of loading a scope for the first time, and the share of
Chroma in ranking by candidates, with the entity as its `where` and without.

The vectors are random and the embeddings of queries are cached, so only the search is measured.
"""

import argparse
import statistics
from collections.abc import Sequence
from itertools import pairwise

from benchmarks.stage import Filled, Stage, run, staged, texts
from benchmarks.table import heading, table, timed
from core.entity_names import ENTITY_KEYS
from core.enums import EntityType
from resolvers.memories.listing import MemoryScope
from resolvers.search import planner
from resolvers.search.candidates import NEAREST
from resolvers.search.execution import Query, search_entity, search_project
from storage.memories.entities import EntityRow

SCOPES = (500, 1_000, 2_000, 5_000, 10_000)
PROJECT = 20_000


async def plan(database_url: str | None, scopes: Sequence[int], project: int, turns: int) -> None:
    """Fill a project with one entity of each size, and print the costs."""
    async with staged(database_url) as stage:
        kind = "SQLite" if stage.services.db.is_sqlite else "PostgreSQL"
        users = [(f"user-{size}", size) for size in scopes]
        filled = await stage.fill([*users, ("others", project - sum(scopes))])
        print(f"A project of {project:,} memories on {kind}; indexing it first.", flush=True)
        await stage.settle()

        queries = texts(turns, "planner")
        costs = [
            (size, await _costs(stage, filled, f"user-{size}", size, queries)) for size in scopes
        ]
        heading(
            "One search, in milliseconds",
            f"Median of {turns}. Chroma returns its best {NEAREST}, as for candidates.",
        )
        table(
            (
                "scope",
                "first",
                "whole",
                "candidates",
                "/ whole",
                "in project",
                "Chroma",
                "no where",
            ),
            [
                [f"{size:,}", each[0], each[1], each[2], each[2] / each[1], *each[3:]]
                for size, each in costs
            ],
        )
        for column, name in ((2, "an entity"), (3, "a project")):
            gains = [(size, each[column] - each[1]) for size, each in costs]
            print(f"  For {name}, {_meeting(gains)}")


async def _costs(
    stage: Stage, filled: Filled, name: str, size: int, queries: Sequence[str]
) -> list[float]:
    """Return the cost of each column in milliseconds."""
    ctx = await stage.context()
    entity: EntityRow = await ctx.loaders.entity(filled.project_id, EntityType.USER, name)
    assert entity.total_memories == size
    where = {ENTITY_KEYS[EntityType.USER]: entity.id}
    index, kept = stage.services.index, planner.EXACT_SCOPE
    found: list[list[float]] = [[] for _ in range(6)]
    try:
        for text in queries:
            (vector,) = await ctx.embed([text])
            query = Query(text, 10, 0.0, False, MemoryScope(), None)
            planner.EXACT_SCOPE = size
            seconds = await timed(search_entity(ctx, entity, query))
            if not found[0]:
                found[0].append(seconds)
            else:
                found[1].append(seconds)
            planner.EXACT_SCOPE = 0
            found[2].append(await timed(search_entity(ctx, entity, query)))
            found[3].append(await timed(search_project(ctx, filled.project_id, query)))
            for column, only in enumerate((where, None), 4):
                asking = index.query(filled.project_id, vector, NEAREST, only)
                found[column].append(await timed(asking))
    finally:
        planner.EXACT_SCOPE = kept
    return [1000 * statistics.median(seconds) for seconds in found]


def _meeting(gains: Sequence[tuple[int, float]]) -> str:
    """Return a sentence on the size at which both costs are equal, interpolated linearly."""
    for (below, before), (above, after) in pairwise(gains):
        if before > 0 >= after:
            meeting = below + (above - below) * before / (before - after)
            return f"the costs are equal at about {meeting:,.0f} memories."
    if gains[0][1] <= 0:
        return f"candidates are cheaper already at {gains[0][0]:,} memories."
    return f"ranking whole is still cheaper at {gains[-1][0]:,} memories."


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument(
        "--database-url", help="an empty PostgreSQL database; default: a temporary SQLite file"
    )
    given = parser.parse_args()
    part = 10 if given.quick else 1
    scopes = [size // part for size in SCOPES]
    run(plan(given.database_url, scopes, PROJECT // part, 40 // part))


if __name__ == "__main__":
    main()
