"""Which memories are meant: what lists and searches are asked for, and the lists themselves."""

from dataclasses import dataclass
from datetime import date, datetime

from core.categories import catalog_in_force
from core.errors import InvalidInput
from core.filters.tree import Filter, categories_named, names_state
from core.paging import Order
from resolvers.context import Context
from resolvers.pagination import Connected, PageArguments, connect
from storage.memories.as_of import PAST_MEMORIES_OF_ENTITY, PAST_MEMORIES_OF_PROJECT
from storage.memories.entities import EntityRow
from storage.memories.rows import MEMORIES_OF_ENTITY, MEMORIES_OF_PROJECT, MEMORY_ORDER, MemoryRow
from storage.memories.selection import Selection
from storage.sql.listing import Listing
from storage.tenancy.projects import PROJECTS, ProjectRow


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """Which memories of a scope a list or a search may show."""

    filter: Filter | None = None
    show_expired: bool = False
    latest_only: bool = False
    include_merged: bool = False

    def selection(self, today: date) -> Selection:
        """Return the same as storage takes it.

        Whoever filters by state says by that which states are meant, merged memories included.
        """
        return Selection(
            where=self.filter,
            today=None if self.show_expired else today,
            hide_superseded=self.latest_only,
            hide_merged=not (self.include_merged or names_state(self.filter)),
        )


def current_memories(filter: Filter | None) -> MemoryScope:
    """Return the memories of a filter that hold true: neither expired, superseded nor merged.

    A filter that speaks of states says by that which ones are meant.
    """
    return MemoryScope(filter, latest_only=not names_state(filter))


@dataclass(frozen=True, slots=True)
class MemoryListQuery:
    """What a list of memories is asked for, besides its page.

    With `as_of` everything is meant as it was at that moment: memories that have been deleted
    since, what they said, what the filter says of them, and which of them had expired.
    """

    scope: MemoryScope = MemoryScope()
    order: Order = MEMORY_ORDER
    as_of: datetime | None = None

    def check(self, project: ProjectRow) -> None:
        """Raise `InvalidInput` as `check_scope` does; nobody knows the catalogs of the past."""
        if self.as_of is None:
            check_scope(self.scope, project)


def check_scope(wanted: MemoryScope, project: ProjectRow) -> None:
    """Raise `InvalidInput` for a filter by a category that the project's catalog does not have."""
    named = categories_named(wanted.filter)
    if not named:
        return
    known = [item["name"] for item in catalog_in_force(project.custom_categories)]
    for name, path in named:
        if name not in known:
            raise InvalidInput(
                f"{name!r} is not in the project's catalog of categories: {', '.join(known)}.",
                *path,
            )


async def memories_of_project(
    ctx: Context, project_id: str | None, asked: MemoryListQuery, page: PageArguments
) -> Connected:
    """Return the memories of a project. Raises `InvalidInput` for a past that has been pruned."""
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    asked.check(project)
    listing = MEMORIES_OF_PROJECT if asked.as_of is None else PAST_MEMORIES_OF_PROJECT
    found = await _listed(ctx, listing, project.id, asked, page)
    await _refuse_pruned(ctx, project.id, project.id, asked, page)
    return found


async def memories_of_entity(
    ctx: Context, entity: EntityRow, asked: MemoryListQuery, page: PageArguments
) -> Connected:
    """Return the memories of an entity. Raises `InvalidInput` for a past that has been pruned."""
    if categories_named(asked.scope.filter):
        asked.check(await ctx.loaders.row(PROJECTS, entity.project_id))
    listings = MEMORIES_OF_ENTITY if asked.as_of is None else PAST_MEMORIES_OF_ENTITY
    found = await _listed(ctx, listings[entity.type], entity.id, asked, page)
    await _refuse_pruned(ctx, entity.id, entity.project_id, asked, page)
    return found


async def _refuse_pruned(
    ctx: Context, parent: str, project_id: str, asked: MemoryListQuery, page: PageArguments
) -> None:
    """Raise `InvalidInput` when a page of the past, which has been read, may lack something.

    Only after it was read: what is pruned between the two is then missed by neither. So each page
    has a look of its own, but all parents of a level share it.
    """
    if asked.as_of is None:
        return

    async def batch(keys: list[tuple[str, str]]) -> list[datetime | None]:
        projects = sorted({project for _, project in keys})
        pruned = await ctx.read(lambda tx: tx.pruning.pruned(projects))
        return [pruned[project].until if project in pruned else None for _, project in keys]

    kind = ("pruned", asked, *page.values())
    until = await ctx.loaders.load(kind, batch, (parent, project_id))
    if until is not None and asked.as_of < until:
        raise InvalidInput(f"The history before {until.isoformat()} has been pruned.", "asOf")


async def _listed(
    ctx: Context,
    listing: Listing[MemoryRow],
    parent: str,
    asked: MemoryListQuery,
    page: PageArguments,
) -> Connected:
    moment = asked.as_of
    selection = asked.scope.selection(ctx.today() if moment is None else moment.date())
    flags, scope = selection.flags, parent
    if moment is not None:
        flags += (("as_of", moment),)
        scope = f"{parent} {moment.isoformat()}"
    return await connect(
        ctx, listing, asked.order, parent, page, flags, scope, where=selection.where
    )
