"""Adding memories: the words as they are, or a job that draws facts from them.

Embedding happens before the transaction that stores its result, so no lock is ever held while a
model thinks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from core.errors import AppError, OperationFailed
from core.graph import AddOutcome, JobKind, OperationStatus, OperationType
from core.ids import uuid7
from providers.extraction import Turn
from resolvers.add_requests import AddRequest, scope_of
from resolvers.context import Context
from resolvers.derived import derive
from resolvers.memories import (
    NewMemories,
    Place,
    check_new,
    memory_row,
    speaker_of_turn,
    writable_project,
)
from resolvers.operations import begun, ended, repeatable, repeated
from resolvers.outcomes import is_finished_within
from storage.documents import Said
from storage.history import Author
from storage.memories import Derived
from storage.memory_rows import MemoryRow
from storage.operations import OperationRow, Repeatable
from storage.slots import slot_of
from storage.sources import SourceRow
from storage.transaction import Transaction

# Whoever waits longer than this has a client that does not; the operation goes on by itself.
LONGEST_WAIT = 300.0


@dataclass(slots=True)
class AddResult:
    """What became of one thing that was to be remembered, and the memory that stands for it."""

    memory: MemoryRow
    outcome: AddOutcome


@dataclass(slots=True)
class Addition:
    """The operation of an add, its results when it is finished, and why it failed if it did."""

    operation: OperationRow
    results: list[AddResult] = field(default_factory=list)
    failure: AppError | None = None


async def add_memories(ctx: Context, project_id: str | None, request: AddRequest) -> Addition:
    """Remember a conversation; see `AddRequest` for the ways of doing so.

    A request that came before with the same key is not done again: its outcome is returned.
    """
    target = ctx.project_id(project_id)
    said = check_new(request.turns, request.new)
    request.check()
    again = repeatable(ctx, request.idempotency_key, target, request.as_json())
    if not request.infer:
        addition = await _store(ctx, target, said, request, again)
        if addition.results:
            return addition
        # The request came before, so its results are to be looked up.
        return await addition_of(ctx, addition.operation.id)
    operation = await _accept(ctx, target, request, again)
    if request.wait and not operation.is_finished:
        await is_finished_within(ctx.services, operation.id, LONGEST_WAIT)
    return await addition_of(ctx, operation.id)


async def addition_of(ctx: Context, operation_id: str) -> Addition:
    """Return what has become of an add so far. Memories deleted since are left out."""

    def work(tx: Transaction) -> Addition:
        operation = tx.operations.get(operation_id, ctx.actor, "projectId")
        ids = [outcome["memoryId"] for outcome in operation.outcomes]
        found = tx.memories.find(ids, ctx.actor)
        results = [
            AddResult(found[outcome["memoryId"]], AddOutcome(outcome["outcome"]))
            for outcome in operation.outcomes
            if outcome["memoryId"] in found
        ]
        failure = None
        if operation.status is OperationStatus.FAILED:
            failure = OperationFailed(operation.error or "It failed.", operation.id, "input")
        return Addition(operation, results, failure)

    return await ctx.read(work)


async def _accept(
    ctx: Context, project_id: str, request: AddRequest, again: Repeatable | None
) -> OperationRow:
    """Keep the messages, and promise to draw facts from them."""
    entities = request.new.entities
    operation = begun(ctx, project_id, OperationType.ADD, request.as_json(), entities)
    operation.scope = scope_of(project_id, entities)

    def work(tx: Transaction) -> OperationRow:
        writable_project(tx, ctx, project_id)
        before = repeated(tx, ctx, OperationType.ADD, again)
        if before is not None:
            return before
        tx.operations.add(operation, again)
        moment = operation.created_at
        tx.jobs.put(JobKind.INGEST, [operation.id], project_id, moment, operation.scope)
        return operation

    return await ctx.write(work)


async def _store(
    ctx: Context,
    project_id: str,
    said: Sequence[Turn],
    request: AddRequest,
    again: Repeatable | None,
) -> Addition:
    """Store each message as one memory, verbatim, in order; no results for what came before."""
    names = request.new.entities
    operation = begun(ctx, project_id, OperationType.ADD, request.as_record(), names)

    def before(tx: Transaction) -> Said | None:
        writable_project(tx, ctx, project_id)
        last = tx.documents.last_said(project_id, names)
        return last and last[1]

    words = [Said(turn.content, speaker_of_turn(turn, names)) for turn in said]
    formers = [await ctx.read(before), *words[:-1]]
    derived = await derive(ctx.services, list(zip(words, formers, strict=True)))
    work = _Storing(ctx, project_id, said, request, again, operation, derived)
    return await ctx.write(work)


@dataclass(frozen=True, slots=True)
class _Storing:
    """The transaction of a direct import."""

    ctx: Context
    project_id: str
    said: Sequence[Turn]
    request: AddRequest
    again: Repeatable | None
    operation: OperationRow
    derived: Sequence[Derived]

    def __call__(self, tx: Transaction) -> Addition:
        ctx, new = self.ctx, self.request.new
        writable_project(tx, ctx, self.project_id)
        before = repeated(tx, ctx, OperationType.ADD, self.again)
        if before is not None:
            return Addition(before)
        # Read inside the transaction, so that creation times rise with the log on SQLite.
        moment = ctx.now()
        author = ctx.author(self.operation.id)
        keys = tx.entities.obtain(self.project_id, new.entities, moment)
        place = Place(self.project_id, keys, new.entities)
        rows = [memory_row(place, turn, turn.content, new, None, moment) for turn in self.said]
        held = tx.memories.holders(rows, moment.date())
        # Somebody may have added to the run since it was read for the embedding. The order of what
        # was said follows the truth; an embedding with a neighbour once removed does no harm.
        last = tx.documents.last_said(self.project_id, new.entities)
        previous_id = last and last[0]
        fresh: list[tuple[MemoryRow, Derived, Turn]] = []
        results: list[AddResult] = []
        for row, found, turn in zip(rows, self.derived, self.said, strict=True):
            slot = slot_of(row)
            outcome = AddOutcome.ALREADY_KNOWN if slot in held else AddOutcome.ADDED
            if slot in held:
                held[slot] = prolonged(tx, held[slot], row.expiration_date, author, moment)
            else:
                held[slot] = row = replace(row, previous_id=previous_id)
                previous_id = row.id
                fresh.append((row, found, turn))
            results.append(AddResult(held[slot], outcome))
        if fresh:
            added = [row for row, _, _ in fresh]
            tx.memories.add(added, ctx.services.embedder.model, [item[1] for item in fresh], author)
            messages = [source_of(self.project_id, turn, new, moment) for _, _, turn in fresh]
            pairs = zip(added, messages, strict=True)
            tx.sources.add(messages, [(row.id, message.id) for row, message in pairs])
        outcomes = [
            {"memoryId": result.memory.id, "outcome": result.outcome.value} for result in results
        ]
        done = ended(replace(self.operation), ctx.now(), outcomes=outcomes)
        tx.operations.add(done, self.again)
        return Addition(done, results)


def prolonged(
    tx: Transaction, memory: MemoryRow, until: date | None, author: Author, moment: datetime
) -> MemoryRow:
    """Let a memory that is heard again last as long as the caller wants it this time.

    One that is immutable stays as it is.
    """
    ends = memory.expiration_date
    if memory.immutable or ends is None or (until is not None and until <= ends):
        return memory
    changes = {"expiration_date": until}
    return tx.memories.rewrite(memory, changes, "", None, author, moment)


def source_of(project_id: str, turn: Turn, new: NewMemories, heard: datetime) -> SourceRow:
    """Return the message behind a memory, as it is kept, heard at a moment."""
    said = turn.timestamp or new.timestamp
    return SourceRow(uuid7(), project_id, turn.role, turn.name, turn.content, said, heard)
