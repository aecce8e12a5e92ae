"""Statistics of projects."""

from resolvers.context import Context
from storage.tenancy.statistics import StatisticsRow


async def statistics_of_project(ctx: Context, project_id: str) -> StatisticsRow:
    """Return the counts of a project that the actor can see; projects are loaded in batches."""

    async def batch(ids: list[str]) -> list[StatisticsRow]:
        found = await ctx.read(lambda tx: tx.statistics.of_projects(ids))
        return [found.get(id) or StatisticsRow() for id in ids]

    row: StatisticsRow = await ctx.loaders.load("statistics", batch, project_id)
    return row
