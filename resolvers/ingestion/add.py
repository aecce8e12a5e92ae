"""Adding memories: the words as they are, or a job that draws facts from them.

Embedding happens before the transaction that stores its result, so no lock is ever held while a
model thinks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.enums import AddOutcome, JobKind, OperationStatus, OperationType
from core.errors import AppError, OperationFailed
from core.turn import Turn
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.ingestion.insertion import (
    Entry,
    add_sources,
    extend_expiry,
    insert_memories,
    is_conversation,
    is_outlasted,
    outcome_row,
)
from resolvers.ingestion.requests import AddRequest, scope_of
from resolvers.memories.creation import NewMemories, check_new, speaker_of_turn
from resolvers.memories.embedding import derive
from resolvers.operations.records import begun, ended, repeatable, repeated
from resolvers.operations.wait import is_finished_within
from storage.memories.rows import MemoryRow
from storage.operations.store import OperationRow, Repeatable
from storage.search.documents import Said
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
    if not is_conversation(names, said):
        formers = [None] * len(said)
    derived = await derive(ctx.services, list(zip(words, formers, strict=True)))
    entries = [
        Entry(names, turn, turn.content, found) for turn, found in zip(said, derived, strict=True)
    ]

    def work(tx: Transaction) -> Addition:
        writable_project(tx, ctx, project_id)
        first = repeated(tx, ctx, OperationType.ADD, again)
        if first is not None:
            return Addition(first)
        # Read inside the transaction, so that creation times rise with the log on SQLite.
        moment = ctx.now()
        results = _insert(tx, ctx, operation, entries, request.new, moment)
        outcomes = [outcome_row(result.memory.id, result.outcome) for result in results]
        done = ended(replace(operation), ctx.now(), outcomes=outcomes)
        tx.operations.add(done, again)
        return Addition(done, results)

    return await ctx.write(work)


def _insert(
    tx: Transaction,
    ctx: Context,
    operation: OperationRow,
    entries: Sequence[Entry],
    new: NewMemories,
    moment: datetime,
) -> list[AddResult]:
    """Store messages verbatim. A memory that is there already expires as late as these would."""
    project_id, author = operation.project_id, ctx.author(operation.id)
    model = ctx.services.embedder.model
    inserted = insert_memories(tx, project_id, entries, new, model, author, moment)
    links = [(row.id, position) for position, row in inserted.stored.items()]
    add_sources(tx, project_id, [entry.turn for entry in entries], new, moment, links)
    known: dict[str, MemoryRow] = {}
    results = []
    for position, memory in enumerate(inserted.memories):
        if position in inserted.stored:
            results.append(AddResult(memory, AddOutcome.ADDED))
            continue
        if memory.id not in known and is_outlasted(memory, new.expiration_date):
            memory = extend_expiry(tx, memory, new.expiration_date, author, moment)
        known.setdefault(memory.id, memory)
        results.append(AddResult(known[memory.id], AddOutcome.ALREADY_KNOWN))
    return results
