"""Downloads of plain exports: the lines are read from the project's history as they are sent.

Creating an export copies nothing, so an erasure has nothing to remove from it. One page is read at
a time, and no transaction or lock stays open between pages, so a slow client blocks no one.
"""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.access import Actor
from core.errors import ExportExpired, NotFound
from core.filters.json_form import filter_from_json
from core.paging import Page
from resolvers.context import Context
from resolvers.exchange.lines import (
    entity_line,
    feedback_fields,
    first_line,
    line,
    memory_fields,
    past_fields,
    source_fields,
)
from storage.database import Database
from storage.exchange.belongings import EXPORT_ORDER
from storage.exchange.exports import ExportRow
from storage.memories.as_of import PAST_MEMORIES_OF_PROJECT
from storage.memories.rows import MemoryRow
from storage.transaction import Transaction

PAGE = 200


@dataclass(slots=True)
class _Progress:
    """The progress of a download.

    `written_entities` are the keys of the entities with a line. `after` is the position of the last
    memory, `deleted_after` the sequence number of the last deletion.
    """

    written_entities: set[str] = field(default_factory=set)
    entities: int = 0
    memories: int = 0
    deleted: int = 0
    after: tuple[Any, ...] | None = None
    deleted_after: int = 0


async def download(ctx: Context, export_id: str) -> AsyncIterator[bytes]:
    """Return the lines of a plain export, in chunks, after its first page was read.

    Raises `NotFound` when the actor cannot see the export and when it is a shaped one,
    `ExportExpired` when the history that it is made of was pruned.
    """
    export = await ctx.read(lambda tx: tx.exports.get(export_id, ctx.actor, "id"))
    if export.json_schema is not None:
        raise NotFound("plain export", export_id, "id")
    return _while_allowed(ctx, await open_stream(ctx.services.db, ctx.actor, export))


async def open_stream(
    db: Database, actor: Actor, export: ExportRow, on_page: Callable[[int], None] = lambda _: None
) -> AsyncIterator[bytes]:
    """Return the chunks of an export after its first page was read; raises as `download` does.

    Iterating raises the same errors if history is pruned before it has been read. `on_page` is
    called for each page with the number of its memories.
    """
    progress = _Progress()

    def first_page(tx: Transaction) -> tuple[bytes, bool]:
        project = tx.projects.get(export.project_id, actor)
        head = first_line(
            export.id, project.id, project.name, export.created_at, export.include_history
        )
        page, is_last = _memories(tx, actor, export, progress)
        return head + page, is_last

    chunk, is_last = await db.read(first_page)
    return _chunks(db, actor, export, progress, chunk, is_last, on_page)


async def _while_allowed(ctx: Context, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield chunks until one cannot be read or the API key is no longer valid.

    Readers detect the truncation by the missing last line.
    """
    services, key = ctx.services, {ctx.actor.key_id}
    with contextlib.suppress(ExportExpired, NotFound):
        async for chunk in chunks:
            if not await services.db.read(
                lambda tx: tx.presence.living_keys(key, services.clock())
            ):
                return
            yield chunk


async def _chunks(
    db: Database,
    actor: Actor,
    export: ExportRow,
    progress: _Progress,
    chunk: bytes,
    is_last: bool,
    on_page: Callable[[int], None],
) -> AsyncIterator[bytes]:
    reported = 0
    while True:
        yield chunk
        on_page(progress.memories - reported)
        reported = progress.memories
        if is_last:
            break
        chunk, is_last = await db.read(lambda tx: _memories(tx, actor, export, progress))
    # With a filter they are left out: whether a deleted memory would match is unknown.
    while export.include_history and export.filter is None:
        chunk = await db.read(lambda tx: _deleted(tx, actor, export, progress))
        if not chunk:
            break
        yield chunk
    yield line(
        "end",
        entities=progress.entities,
        memories=progress.memories,
        deletedMemories=progress.deleted,
    )


def _memories(
    tx: Transaction, actor: Actor, export: ExportRow, progress: _Progress
) -> tuple[bytes, bool]:
    """Return the lines of the next page of memories, and whether it is the last."""
    page = Page(EXPORT_ORDER, PAGE, forward=True, after=progress.after)
    (result,) = tx.pages(
        PAST_MEMORIES_OF_PROJECT,
        [export.project_id],
        page,
        actor,
        {"as_of": export.created_at},
        filter_from_json(export.filter),
    )
    _check_complete(tx, actor, export)
    rows = result.rows
    ids = [row.id for row in rows]
    lines = _entities(tx, rows, progress)
    belongings = tx.exchange.belongings(ids)
    past = None
    if export.include_history:
        past = tx.exchange.past(ids, export.sequence, export.created_at)
    for row in rows:
        fields: dict[str, Any] = {
            "memory": memory_fields(row),
            "concepts": belongings.concepts.get(row.id, []),
            "sources": source_fields(belongings.sources[row.id]),
            "feedback": feedback_fields(belongings.feedback.get(row.id)),
        }
        if past is not None:
            fields |= past_fields(past.events[row.id], past.versions[row.id])
        lines.append(line("memory", **fields))
    progress.memories += len(rows)
    if rows:
        progress.after = (rows[-1].created_at, rows[-1].id)
    return b"".join(lines), not result.has_next


def _deleted(tx: Transaction, actor: Actor, export: ExportRow, progress: _Progress) -> bytes:
    """Return the lines of the next page of deleted memories; they are empty after the last page."""
    deletions = tx.exchange.deletions(
        export.project_id, progress.deleted_after, export.sequence, PAGE
    )
    _check_complete(tx, actor, export)
    ids = [id for _, id in deletions]
    past = tx.exchange.past(ids, export.sequence, export.created_at)
    progress.deleted += len(deletions)
    if deletions:
        progress.deleted_after = deletions[-1][0]
    lines = _entities(tx, [each.memory for id in ids for each in past.versions[id]], progress)
    for id in ids:
        lines.append(
            line("deletedMemory", id=id, **past_fields(past.events[id], past.versions[id]))
        )
    return b"".join(lines)


def _entities(tx: Transaction, rows: Sequence[MemoryRow], progress: _Progress) -> list[bytes]:
    """Return the lines of the entities that first occur in a page."""
    fresh = {key for row in rows for key in row.entity_ids} - progress.written_entities
    if not fresh:
        return []
    progress.written_entities |= fresh
    entities = tx.exchange.entities(sorted(fresh))
    # Only lines are counted: an entity may be erased before it is read here.
    progress.entities += len(entities)
    # Not sorted by id: ids differ after an import, and the same memories must make the same file.
    entities.sort(key=lambda entity: (entity.created_at, entity.type.value, entity.name))
    return [entity_line(entity) for entity in entities]


def _check_complete(tx: Transaction, actor: Actor, export: ExportRow) -> None:
    """Raise `ExportExpired` if a page may be incomplete, `NotFound` if the project is not visible.

    This is checked after the page was read, so that nothing can be pruned from it in between.
    """
    tx.projects.get(export.project_id, actor)
    pruned = tx.pruning.pruned([export.project_id]).get(export.project_id)
    if pruned is None:
        return
    if pruned.until is not None and export.created_at < pruned.until:
        raise ExportExpired("id")
