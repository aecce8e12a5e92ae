"""Plain exports, as they are downloaded: line by line, from the past that the project knows.

Nothing was copied when the export was asked for, so nothing is left of it to erase. A page is read
at a time, and nothing is held between two: whoever downloads slowly keeps nobody waiting.
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
class _Written:
    """How far a download is."""

    told: set[str] = field(default_factory=set)
    entities: int = 0
    memories: int = 0
    deleted: int = 0
    after: tuple[Any, ...] | None = None
    beyond: int = 0


async def download(ctx: Context, export_id: str) -> AsyncIterator[bytes]:
    """Return the lines of a plain export, in chunks, once its first page was read.

    Raises `NotFound` for a shaped export too, `ExportExpired` when what it is made of was pruned.
    """
    export = await ctx.read(lambda tx: tx.exports.get(export_id, ctx.actor, "id"))
    if export.json_schema is not None:
        raise NotFound("plain export", export_id, "id")
    return _cut_off(ctx, await open_stream(ctx.services.db, ctx.actor, export))


async def open_stream(
    db: Database, actor: Actor, export: ExportRow, note: Callable[[int], None] = lambda _: None
) -> AsyncIterator[bytes]:
    """Return the chunks of an export, the first of which has been read; likewise.

    Reading on raises the same errors when somebody prunes what has not been read yet. `note` is
    told of each page how many memories it had.
    """
    written = _Written()

    def beginning(tx: Transaction) -> tuple[bytes, bool]:
        project = tx.projects.get(export.project_id, actor)
        head = first_line(
            export.id, project.id, project.name, export.created_at, export.include_history
        )
        page, is_last = _memories(tx, actor, export, written)
        return head + page, is_last

    chunk, is_last = await db.read(beginning)
    return _chunks(db, actor, export, written, chunk, is_last, note)


async def _cut_off(ctx: Context, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield chunks until one cannot be read, or may not be, because the key is dead by then.

    That the last line is missing is seen by every reader.
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
    written: _Written,
    chunk: bytes,
    is_last: bool,
    note: Callable[[int], None],
) -> AsyncIterator[bytes]:
    told = 0
    while True:
        yield chunk
        note(written.memories - told)
        told = written.memories
        if is_last:
            break
        chunk, is_last = await db.read(lambda tx: _memories(tx, actor, export, written))
    # Of a deleted memory nobody can say whether it would match.
    while export.include_history and export.filter is None:
        chunk = await db.read(lambda tx: _deleted(tx, actor, export, written))
        if not chunk:
            break
        yield chunk
    yield line(
        "end",
        entities=written.entities,
        memories=written.memories,
        deletedMemories=written.deleted,
    )


def _memories(
    tx: Transaction, actor: Actor, export: ExportRow, written: _Written
) -> tuple[bytes, bool]:
    """Return the lines of the next page of memories, and whether it is the last."""
    page = Page(EXPORT_ORDER, PAGE, forward=True, after=written.after)
    (found,) = tx.pages(
        PAST_MEMORIES_OF_PROJECT,
        [export.project_id],
        page,
        actor,
        {"as_of": export.created_at},
        filter_from_json(export.filter),
    )
    _check_there(tx, actor, export)
    rows = found.rows
    ids = [row.id for row in rows]
    lines = _entities(tx, rows, written)
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
    written.memories += len(rows)
    if rows:
        written.after = (rows[-1].created_at, rows[-1].id)
    return b"".join(lines), not found.has_next


def _deleted(tx: Transaction, actor: Actor, export: ExportRow, written: _Written) -> bytes:
    """Return the lines of the next memories that had been deleted; none when there are no more."""
    found = tx.exchange.deletions(export.project_id, written.beyond, export.sequence, PAGE)
    _check_there(tx, actor, export)
    ids = [id for _, id in found]
    past = tx.exchange.past(ids, export.sequence, export.created_at)
    written.deleted += len(found)
    if found:
        written.beyond = found[-1][0]
    lines = _entities(tx, [each.memory for id in ids for each in past.versions[id]], written)
    for id in ids:
        lines.append(
            line("deletedMemory", id=id, **past_fields(past.events[id], past.versions[id]))
        )
    return b"".join(lines)


def _entities(tx: Transaction, rows: Sequence[MemoryRow], written: _Written) -> list[bytes]:
    """Return the lines of the entities of a page that no page before has had."""
    fresh = {key for row in rows for key in row.entity_ids} - written.told
    if not fresh:
        return []
    written.told |= fresh
    found = tx.exchange.entities(sorted(fresh))
    # Counted as they are written: one may be erased before its line is read.
    written.entities += len(found)
    # Ids are others after an import: by them, the same memories would not make the same file.
    found.sort(key=lambda entity: (entity.created_at, entity.type.value, entity.name))
    return [entity_line(entity) for entity in found]


def _check_there(tx: Transaction, actor: Actor, export: ExportRow) -> None:
    """Raise `ExportExpired` when a page that was read may lack something, `NotFound` likewise.

    Looked at after the page was read, so that nothing is pruned out of it in between.
    """
    tx.projects.get(export.project_id, actor)
    pruned = tx.pruning.pruned([export.project_id]).get(export.project_id)
    if pruned is None:
        return
    if pruned.until is not None and export.created_at < pruned.until:
        raise ExportExpired("id")
