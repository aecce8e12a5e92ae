"""Bringing a memory back to what an event of its history left it at, also after it was deleted.

An event that took a memory away, by deleting it or by putting another in its place, is undone: what
comes back is what the memory was before. Any other event brings back what it made of the memory.
"""

from dataclasses import replace
from typing import Any

from core.enums import MemoryState, OperationType
from core.errors import AlreadyExists, ImmutableMemory, NotFound
from core.events import HistoryEventType
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.inputs import changed_fields
from resolvers.memories.embedding import embed_texts
from resolvers.operations.records import operation_row, succeeded_operation
from storage.errors import DuplicateMemory
from storage.log.history import HistoryRow
from storage.memories.concepts import names_in_text
from storage.memories.rows import MemoryRow
from storage.memories.store import EmbeddedText
from storage.search.documents import Utterance
from storage.transaction import Transaction

# These make a version of their own, unlike a deletion, whose number is that of what it ended.
_REPLACING = {HistoryEventType.MERGE, HistoryEventType.SUPERSEDE}
# What a version has that is brought back. Whom a memory is about never changes.
_RESTORED = (
    "text",
    "metadata",
    "categories",
    "state",
    "successor_id",
    "extends_id",
    "timestamp",
    "timestamp_until",
    "timestamp_precision",
    "expiration_date",
)


async def restore_memory(ctx: Context, id: str, event_id: str) -> MemoryRow:
    """Return a memory as it is after it was brought back; see above for what an event stands for.

    Raises `AlreadyExists` when an active memory of the same entities says the same by then.
    """
    wanted, said_before = await ctx.read(lambda tx: _wanted(tx, ctx, id, event_id))
    (derived,) = await embed_texts(
        ctx.services, [(Utterance(wanted.text, wanted.speaker), said_before)]
    )
    operation = operation_row(
        ctx, wanted.project_id, OperationType.UPDATE, {"id": id, "historyEventId": event_id}
    )

    def work(tx: Transaction) -> MemoryRow:
        tx.memories.lock_order(wanted.project_id)
        target = _standing(tx, _wanted(tx, ctx, id, event_id)[0])
        there = tx.memories.find_for_update([id], ctx.actor).get(id)
        moment = ctx.now()
        try:
            if there is None:
                restored = _revived(tx, ctx, target, derived, operation.id)
            else:
                restored = _rewritten(tx, ctx, there, target, derived, operation.id)
        except DuplicateMemory as taken:
            raise AlreadyExists(
                f"The memory {taken.memory_id} of the same entities says this already.", "id"
            ) from None
        if restored is not there:
            tx.operations.add(succeeded_operation(replace(operation), moment))
        return restored

    return await ctx.write(work)


def _wanted(
    tx: Transaction, ctx: Context, id: str, event_id: str
) -> tuple[MemoryRow, Utterance | None]:
    """Return the version that an event stands for, and what was said before it."""
    event: HistoryRow = tx.history.get(event_id, ctx.actor, "historyEventId")
    if event.memory_id != id:
        raise NotFound("event in this memory's history", event_id, "historyEventId")
    writable_project(tx, ctx, event.project_id)
    undone = event.type in _REPLACING
    version = tx.memories.version(id, event.version - 1 if undone else event.version)
    if version is None:
        raise NotFound("event in this memory's history", event_id, "historyEventId")
    former = tx.memories.get_unscoped([version.previous_id]) if version.previous_id else {}
    for before in former.values():
        return version, Utterance(before.text, before.speaker)
    return replace(version, previous_id=None), None


def _rewritten(
    tx: Transaction,
    ctx: Context,
    there: MemoryRow,
    target: MemoryRow,
    derived: EmbeddedText,
    operation_id: str,
) -> MemoryRow:
    changes: dict[str, Any] = {name: getattr(target, name) for name in _RESTORED}
    real = changed_fields(changes, there)
    if not real:
        return there
    if there.immutable and "text" in real:
        raise ImmutableMemory("This memory is immutable: it can only be deleted.", "id")
    restored = tx.memories.rewrite(
        there,
        real,
        ctx.services.embedder.model,
        derived if "text" in real else None,
        ctx.author(operation_id),
        ctx.now(),
        HistoryEventType.RESTORE,
    )
    if "text" in real:
        _link(tx, restored)
    return restored


def _revived(
    tx: Transaction, ctx: Context, target: MemoryRow, derived: EmbeddedText, operation_id: str
) -> MemoryRow:
    moment = max(ctx.now(), target.updated_at)
    restored = tx.memories.reinsert(
        replace(target, updated_at=moment),
        ctx.services.embedder.model,
        derived,
        ctx.author(operation_id),
    )
    _link(tx, restored)
    return restored


def _standing(tx: Transaction, target: MemoryRow) -> MemoryRow:
    """Return a version as it may come back: for itself, if what took its place is gone."""
    if target.successor_id is None or tx.memories.get_unscoped([target.successor_id]):
        return target
    return replace(target, state=MemoryState.ACTIVE, successor_id=None)


def _link(tx: Transaction, restored: MemoryRow) -> None:
    """Let a memory mention again what its text did."""
    names = [
        name
        for text, lost in tx.history.concepts_lost(restored.id)
        for name in (lost if text == restored.text else names_in_text(restored.text, lost))
    ]
    tx.concepts.link(restored.project_id, {restored.id: names}, restored.updated_at)
