"""The scopes of lists and searches, and the lists of memories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from core.categories import catalog_in_force
from core.enums import EntityType
from core.errors import AppError, InvalidInput
from core.filters.tree import Filter, categories_named, names_state
from core.paging import Order
from resolvers.context import Context
from resolvers.pagination import Connected, PageArguments, connect_each, only
from storage.memories.as_of import PAST_MEMORIES_OF_ENTITY, PAST_MEMORIES_OF_PROJECT
from storage.memories.entities import EntityRow
from storage.memories.rows import MEMORIES_OF_ENTITY, MEMORIES_OF_PROJECT, MEMORY_ORDER, MemoryRow
from storage.memories.selection import Selection
from storage.sql.listing import Listing
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """The memories that a list or a search may return."""

    filter: Filter | None = None
    show_expired: bool = False
    latest_only: bool = False
    include_merged: bool = False

    def selection(self, today: date) -> Selection:
        """Return the selection that storage takes for this scope on a day.

        A filter by state decides which states are included, also whether merged memories are.
        """
        return Selection(
            where=self.filter,
            today=None if self.show_expired else today,
            hide_superseded=self.latest_only,
            hide_merged=not (self.include_merged or names_state(self.filter)),
        )


def current_memories(filter: Filter | None) -> MemoryScope:
    """Return the scope of memories that match a filter and are current.

    Expired, superseded and merged memories are excluded; if the filter has a condition on states,
    it decides about these instead.
    """
    return MemoryScope(filter, latest_only=not names_state(filter))


@dataclass(frozen=True, slots=True)
class MemoryListQuery:
    """The query of a list of memories, without its page.

    With `as_of` the list is that of a past moment: it includes memories deleted since, their texts
    of that time, and the filter and the expiration apply to their state of that time.
    """

    scope: MemoryScope = MemoryScope()
    order: Order = MEMORY_ORDER
    as_of: datetime | None = None

    async def check(self, ctx: Context, project: ProjectRow) -> None:
        """Raise `InvalidInput` as `check_scope` does.

        A list of the past is not checked, because past catalogs are unknown.
        """
        if self.as_of is None:
            await check_scope(ctx, self.scope, project)


async def check_scope(ctx: Context, scope: MemoryScope, project: ProjectRow) -> None:
    """Raise `InvalidInput` for a filter by a category that the project does not know.

    It knows those in its catalog, and those that its memories have or had: a change of the catalog
    leaves the categories of memories as they are.
    """
    foreign = _uncatalogued(scope, project)
    if not foreign:
        return

    async def batch(keys: list[tuple[str, tuple[str, ...]]]) -> list[str | None]:
        return await ctx.read(lambda tx: [tx.categories.first_unused(*key) for key in keys])

    # The lists of many entities have one filter, which is checked once.
    key = project.id, tuple(foreign)
    _reject_unknown(await ctx.loaders.load("unused category", batch, key), foreign, project)


def check_scope_in(tx: Transaction, scope: MemoryScope, project: ProjectRow) -> None:
    """Do the same within a transaction."""
    foreign = _uncatalogued(scope, project)
    if foreign:
        unknown = tx.categories.first_unused(project.id, tuple(foreign))
        _reject_unknown(unknown, foreign, project)


def _uncatalogued(scope: MemoryScope, project: ProjectRow) -> dict[str, tuple[str | int, ...]]:
    """Return the categories in a filter that are not in the project's catalog, with their paths."""
    named = categories_named(scope.filter)
    known = {item["name"] for item in catalog_in_force(project.custom_categories)} if named else ()
    return {name: path for name, path in reversed(named) if name not in known}


def _reject_unknown(
    unknown: str | None, foreign: Mapping[str, tuple[str | int, ...]], project: ProjectRow
) -> None:
    if unknown is not None:
        known = [item["name"] for item in catalog_in_force(project.custom_categories)]
        raise InvalidInput(
            f"{unknown!r} is not in the project's catalog of categories: {', '.join(known)}.",
            *foreign[unknown],
        )


async def memories_of_project(
    ctx: Context, project_id: str | None, query: MemoryListQuery, page: PageArguments
) -> Connected:
    """Return the memories of a project.

    Raises `NotFound`, and `InvalidInput` for a filter by an unknown category, invalid page
    arguments, or a moment whose history has been pruned.
    """
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    await query.check(ctx, project)
    listing = MEMORIES_OF_PROJECT if query.as_of is None else PAST_MEMORIES_OF_PROJECT
    found = await _list_page(ctx, listing, project.id, query, page)
    await _reject_pruned(ctx, project.id, project.id, query, page)
    return found


async def memories_of_entity(
    ctx: Context, entity: EntityRow, query: MemoryListQuery, page: PageArguments
) -> Connected:
    """Return the memories of an entity. Raises the same errors as `memories_of_project`."""
    return only(await memories_of_entities(ctx, query, [entity], page))


async def memories_of_entities(
    ctx: Context, query: MemoryListQuery, entities: Sequence[EntityRow], page: PageArguments
) -> list[Connected | AppError]:
    """Return the memories of each entity. One statement reads those of all entities of a type.

    The place of an entity has the error that `memories_of_project` raises for its project.
    """
    results: list[Connected | AppError | None] = [None] * len(entities)
    rejected = await _rejections(ctx, query, entities)
    by_type: dict[EntityType, list[int]] = {}
    for place, entity in enumerate(entities):
        if entity.project_id in rejected:
            results[place] = rejected[entity.project_id]
        else:
            by_type.setdefault(entity.type, []).append(place)
    listings = MEMORIES_OF_ENTITY if query.as_of is None else PAST_MEMORIES_OF_ENTITY
    for type, places in by_type.items():
        parents = [entities[place].id for place in places]
        found = await _list_pages(ctx, listings[type], parents, query, page)
        for place, result in zip(places, found, strict=True):
            results[place] = result
    if query.as_of is not None:
        until = await _pruned_until(ctx, [entity.project_id for entity in entities])
        for place, entity in enumerate(entities):
            results[place] = _pruning_error(query, until[entity.project_id]) or results[place]
    return [result for result in results if result is not None]


async def _rejections(
    ctx: Context, query: MemoryListQuery, entities: Sequence[EntityRow]
) -> dict[str, AppError]:
    """Return, by project, why the memories of its entities cannot be listed."""
    rejected: dict[str, AppError] = {}
    if categories_named(query.scope.filter):
        for id in dict.fromkeys(entity.project_id for entity in entities):
            try:
                await query.check(ctx, await ctx.loaders.row(PROJECTS, id))
            except AppError as error:
                rejected[id] = error
    return rejected


async def _reject_pruned(
    ctx: Context, parent: str, project_id: str, query: MemoryListQuery, page: PageArguments
) -> None:
    """Raise `InvalidInput` if a page of the past may be incomplete because of pruning.

    Call it after the page is read, so that pruning in between is detected. Each page is therefore
    checked separately, but all parents of a level share one check.
    """
    if query.as_of is None:
        return

    async def batch(keys: list[tuple[str, str]]) -> list[datetime | None]:
        until = await _pruned_until(ctx, [project for _, project in keys])
        return [until[project] for _, project in keys]

    kind = ("pruned", query, *page.values())
    error = _pruning_error(query, await ctx.loaders.load(kind, batch, (parent, project_id)))
    if error is not None:
        raise error


async def _pruned_until(ctx: Context, projects: Sequence[str]) -> dict[str, datetime | None]:
    """Return the moment until which the history of each project has been pruned."""
    distinct = sorted(set(projects))
    pruned = await ctx.read(lambda tx: tx.pruning.pruned(distinct))
    return {id: pruned[id].until if id in pruned else None for id in distinct}


def _pruning_error(query: MemoryListQuery, until: datetime | None) -> InvalidInput | None:
    if query.as_of is None or until is None or query.as_of >= until:
        return None
    return InvalidInput(f"The history before {until.isoformat()} has been pruned.", "asOf")


async def _list_page(
    ctx: Context,
    listing: Listing[MemoryRow],
    parent: str,
    query: MemoryListQuery,
    page: PageArguments,
) -> Connected:
    return only(await _list_pages(ctx, listing, [parent], query, page))


async def _list_pages(
    ctx: Context,
    listing: Listing[MemoryRow],
    parents: Sequence[str],
    query: MemoryListQuery,
    page: PageArguments,
) -> list[Connected | AppError]:
    moment = query.as_of
    selection = query.scope.selection(ctx.today() if moment is None else moment.date())
    flags, scopes = selection.flags, parents
    if moment is not None:
        flags += (("as_of", moment),)
        scopes = [f"{parent} {moment.isoformat()}" for parent in parents]
    pairs = list(zip(parents, scopes, strict=True))
    return await connect_each(ctx, listing, query.order, pairs, page, flags, selection.where)
