"""Deleting memories: one, some by their ids, or whatever a filter finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.errors import AppError, InvalidInput, NotFound, must_exist
from core.filters import Filter, names_scope
from resolvers.context import Context
from resolvers.memories import writable_project
from resolvers.memory_lists import Wanted, check_wanted
from storage.memories import MemoryRow
from storage.transaction import Transaction

MOST_IDS = 1_000
# What a filter finds is deleted in several transactions, so that others get their turn in between.
PER_TRANSACTION = 500


@dataclass(slots=True)
class Deletion:
    """What was deleted, and what kept the rest from it, if something did."""

    ids: list[str] = field(default_factory=list)
    refusal: AppError | None = None


async def delete_memory(ctx: Context, id: str) -> str:
    """Delete one memory; its history stays."""

    def work(tx: Transaction) -> str:
        memory: MemoryRow = must_exist(
            tx.memories.find_to_delete([id], ctx.actor).get(id), "memory", id, "id"
        )
        writable_project(tx, ctx, memory.project_id)
        tx.memories.delete([memory], ctx.actor, ctx.now())
        return id

    return await ctx.write(work)


async def delete_memories(
    ctx: Context, project_id: str | None, ids: Sequence[str] | None, where: Filter | None
) -> Deletion:
    """Delete memories by their ids, all or none, or what a filter finds in one project.

    Raises `InvalidInput` unless either ids or a filter is given.
    """
    if ids is not None and where is not None:
        raise InvalidInput("Give either ids or a filter, not both.", "filter")
    if where is not None:
        return await _delete_matching(ctx, ctx.project_id(project_id), where)
    if ids is None:
        raise InvalidInput("Give the ids of the memories to delete, or a filter.", "ids")
    return Deletion(await _delete_by_ids(ctx, project_id, ids))


async def _delete_by_ids(ctx: Context, project_id: str | None, ids: Sequence[str]) -> list[str]:
    if len(ids) > MOST_IDS:
        raise InvalidInput(f"Give at most {MOST_IDS:,} ids.", "ids")
    wanted = list(dict.fromkeys(ids))

    def work(tx: Transaction) -> list[str]:
        if project_id is not None:
            writable_project(tx, ctx, project_id)
        found = tx.memories.find_to_delete(wanted, ctx.actor)
        for position, id in enumerate(ids):
            if id not in found or project_id not in (None, found[id].project_id):
                raise NotFound("memory", id, "ids", position)
        for project in {memory.project_id for memory in found.values()}:
            writable_project(tx, ctx, project)
        tx.memories.delete([found[id] for id in wanted], ctx.actor, ctx.now())
        return wanted

    return await ctx.write(work)


async def _delete_matching(ctx: Context, project_id: str, where: Filter) -> Deletion:
    """Delete all that matches and was there as this began, whatever its state, expired or not."""
    if not names_scope(where):
        raise InvalidInput(
            "This filter could match the memories of everybody: add ids, or a condition on userId, "
            "agentId, appId or runId that every match must meet (exists: true will do).",
            "filter",
        )
    started = ctx.now()
    deletion = Deletion()
    while True:
        batch = _Batch(ctx, project_id, where, started)
        try:
            deleted = await ctx.write(batch)
        except AppError as refusal:
            if not deletion.ids:
                raise
            # A permission was withdrawn meanwhile: what is gone is gone, and is told.
            deletion.refusal = refusal
            return deletion
        deletion.ids += deleted
        if len(deleted) < PER_TRANSACTION:
            return deletion


@dataclass(frozen=True, slots=True)
class _Batch:
    """One transaction of a deletion by filter."""

    ctx: Context
    project_id: str
    where: Filter
    started: datetime

    def __call__(self, tx: Transaction) -> list[str]:
        ctx = self.ctx
        project = writable_project(tx, ctx, self.project_id)
        check_wanted(Wanted(self.where), project)
        ids = tx.lock_matching(self.project_id, self.where, self.started, PER_TRANSACTION)
        if ids:
            found = tx.memories.find(ids, ctx.actor)
            tx.memories.delete([found[id] for id in ids], ctx.actor, ctx.now())
        return ids
