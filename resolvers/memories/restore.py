"""The restoration of a memory to a version of its history, even after its deletion.

An event that deleted or replaced the memory is undone: the version before the event is restored.
For any other event, the version that the event created is restored.
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
from storage.search.documents import Utterance
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction

# These events create a version, unlike a deletion, whose number is that of the last version.
_REPLACING = {HistoryEventType.MERGE, HistoryEventType.SUPERSEDE}
# The fields of a version that are restored. The entities of a memory never change.
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
    """Restore a memory to the version of an event, as described above, and return it.

    Raises `NotFound`, `PermissionDenied`, `ImmutableMemory` if the text of an immutable memory
    would change, and `AlreadyExists` if an active memory of the same entities has the same text.
    """
    version, previous = await ctx.read(lambda tx: _version_of_event(tx, ctx, id, event_id))
    said = Utterance(version.text, version.speaker)
    (embedded,) = await ctx.answered(embed_texts(ctx.services, [(said, previous)]))
    operation = operation_row(
        ctx, version.project_id, OperationType.UPDATE, {"id": id, "historyEventId": event_id}
    )

    def work(tx: Transaction) -> MemoryRow:
        tx.memories.lock_order(version.project_id)
        target = _without_lost_successor(tx, _version_of_event(tx, ctx, id, event_id)[0])
        current = tx.memories.find_for_update([id], ctx.actor).get(id)
        moment = ctx.now()
        try:
            if current is None:
                restored = _reinsert(tx, ctx, target, embedded, operation.id)
            else:
                restored = _rewrite(tx, ctx, current, target, embedded, operation.id)
        except DuplicateMemory as duplicate:
            raise AlreadyExists(
                f"The memory {duplicate.memory_id} of the same entities already has this text.",
                "id",
            ) from None
        if restored is not current:
            tx.operations.add(succeeded_operation(replace(operation), moment))
        return restored

    return await ctx.write(work)


def _version_of_event(
    tx: Transaction, ctx: Context, id: str, event_id: str
) -> tuple[MemoryRow, Utterance | None]:
    """Return the version to restore for an event, and the utterance before it."""
    event: HistoryRow = tx.history.get(event_id, ctx.actor, "historyEventId")
    if event.memory_id != id:
        raise NotFound("event in this memory's history", event_id, "historyEventId")
    writable_project(tx, ctx, event.project_id)
    is_undone = event.type in _REPLACING
    version = tx.memories.version(id, event.version - 1 if is_undone else event.version)
    if version is None:
        raise NotFound("event in this memory's history", event_id, "historyEventId")
    former = tx.memories.get_unscoped([version.previous_id]) if version.previous_id else {}
    for before in former.values():
        return version, Utterance(before.text, before.speaker)
    return replace(version, previous_id=None), None


def _rewrite(
    tx: Transaction,
    ctx: Context,
    current: MemoryRow,
    target: MemoryRow,
    embedded: EmbeddedText,
    operation_id: str,
) -> MemoryRow:
    changes: dict[str, Any] = {name: getattr(target, name) for name in _RESTORED}
    changed = changed_fields(changes, current)
    if not changed:
        return current
    if current.immutable and "text" in changed:
        raise ImmutableMemory("This memory is immutable: it can only be deleted.", "id")
    restored = tx.memories.rewrite(
        current,
        changed,
        ctx.services.embedder.model,
        embedded if "text" in changed else None,
        ctx.author(operation_id),
        ctx.now(),
        HistoryEventType.RESTORE,
    )
    if "text" in changed:
        _link(tx, restored)
    return restored


def _reinsert(
    tx: Transaction, ctx: Context, target: MemoryRow, embedded: EmbeddedText, operation_id: str
) -> MemoryRow:
    moment = max(ctx.now(), target.updated_at)
    restored = tx.memories.reinsert(
        replace(target, updated_at=moment),
        ctx.services.embedder.model,
        embedded,
        ctx.author(operation_id),
    )
    _link(tx, restored)
    return restored


def _without_lost_successor(tx: Transaction, target: MemoryRow) -> MemoryRow:
    """Return the version to store: an active one if the memory that replaced it is deleted."""
    if target.successor_id is None or tx.memories.get_unscoped([target.successor_id]):
        return target
    return replace(target, state=MemoryState.ACTIVE, successor_id=None)


def _link(tx: Transaction, restored: MemoryRow) -> None:
    """Link a restored memory to the concepts that its text mentions."""
    names = [
        name
        for text, lost in tx.history.concepts_lost(restored.id)
        for name in (lost if text == restored.text else names_in_text(restored.text, lost))
    ]
    tx.concepts.link(restored.project_id, {restored.id: names}, restored.updated_at)
