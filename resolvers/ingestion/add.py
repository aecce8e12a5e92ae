"""Adding memories: each message verbatim, or the facts that a job extracts from them.

Embedding happens before the transaction that stores its result, so no lock is ever held while a
model runs.
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
from resolvers.ingestion.requests import AddRequest, conversation_scope
from resolvers.memories.creation import NewMemories, check_new, speaker_of_turn
from resolvers.memories.embedding import embed_texts
from resolvers.operations.records import (
    find_repeated_operation,
    idempotent_request,
    operation_row,
    succeeded_operation,
)
from resolvers.operations.wait import is_finished_within
from storage.memories.rows import MemoryRow
from storage.operations.store import IdempotentRequest, OperationRow
from storage.search.documents import Utterance
from storage.transaction import Transaction

# In seconds. Most clients time out earlier; the operation continues without them.
LONGEST_WAIT = 300.0


@dataclass(slots=True)
class AddResult:
    """The outcome of one message or fact, and the memory that represents it."""

    memory: MemoryRow
    outcome: AddOutcome


@dataclass(slots=True)
class Addition:
    """The operation of an add, its results once it has finished, and the error if it failed."""

    operation: OperationRow
    results: list[AddResult] = field(default_factory=list)
    failure: AppError | None = None


async def add_memories(ctx: Context, project_id: str | None, request: AddRequest) -> Addition:
    """Store the memories of a conversation; see `AddRequest` for the modes.

    A request that repeats an idempotency key is not executed again: the outcome of the first one is
    returned. Raises `InvalidInput` for an invalid request.
    """
    target = ctx.project_id(project_id)
    turns = check_new(request.turns, request.new)
    request.check()
    request.check_length(ctx.services.ingest_limit)
    idempotent = idempotent_request(ctx, request.idempotency_key, target, request.as_json())
    if not request.infer:
        addition = await _store(ctx, target, turns, request, idempotent)
        if addition.results:
            return addition
        # A repeated request stores nothing, so the results of the first one are looked up.
        return await addition_of(ctx, addition.operation.id)
    operation = await _accept(ctx, target, request, idempotent)
    if request.wait and not operation.is_finished:
        await is_finished_within(ctx.services, operation.id, LONGEST_WAIT)
    return await addition_of(ctx, operation.id)


async def addition_of(ctx: Context, operation_id: str) -> Addition:
    """Return the current state of an add. Memories that have been deleted since are left out.

    Raises `NotFound` when the actor cannot see the operation.
    """

    def work(tx: Transaction) -> Addition:
        operation = tx.operations.get(operation_id, ctx.actor, "projectId")
        ids = [outcome["memoryId"] for outcome in operation.outcomes]
        memories = tx.memories.find(ids, ctx.actor)
        results = [
            AddResult(memories[outcome["memoryId"]], AddOutcome(outcome["outcome"]))
            for outcome in operation.outcomes
            if outcome["memoryId"] in memories
        ]
        failure = None
        if operation.status is OperationStatus.FAILED:
            failure = OperationFailed(
                operation.error or "The operation failed.", operation.id, "input"
            )
        return Addition(operation, results, failure)

    return await ctx.read(work)


async def _accept(
    ctx: Context, project_id: str, request: AddRequest, idempotent: IdempotentRequest | None
) -> OperationRow:
    """Store the messages, and enqueue the job that extracts facts from them."""
    entities = request.new.entities
    operation = operation_row(ctx, project_id, OperationType.ADD, request.as_json(), entities)
    operation.scope = conversation_scope(project_id, entities)
    operation.notes = list(request.notes)

    def work(tx: Transaction) -> OperationRow:
        writable_project(tx, ctx, project_id)
        repeated = find_repeated_operation(tx, ctx, OperationType.ADD, idempotent)
        if repeated is not None:
            return repeated
        tx.operations.add(operation, idempotent)
        moment = operation.created_at
        tx.jobs.put(JobKind.INGEST, [operation.id], project_id, moment, operation.scope)
        return operation

    return await ctx.write(work)


async def _store(
    ctx: Context,
    project_id: str,
    said: Sequence[Turn],
    request: AddRequest,
    idempotent: IdempotentRequest | None,
) -> Addition:
    """Store each message as one memory, verbatim, in order; a repeated request has no results."""
    names = request.new.entities
    operation = operation_row(ctx, project_id, OperationType.ADD, request.as_record(), names)
    operation.notes = list(request.notes)
    entries = await verbatim_entries(ctx, project_id, said, request)

    def work(tx: Transaction) -> Addition:
        writable_project(tx, ctx, project_id)
        repeated = find_repeated_operation(tx, ctx, OperationType.ADD, idempotent)
        if repeated is not None:
            return Addition(repeated)
        # Read inside the transaction, so that creation times rise with the log on SQLite.
        moment = ctx.now()
        results = store_verbatim(tx, ctx, operation, entries, request.new, moment)
        outcomes = [outcome_row(result.memory.id, result.outcome) for result in results]
        done = succeeded_operation(replace(operation), ctx.now(), outcomes=outcomes)
        tx.operations.add(done, idempotent)
        return Addition(done, results)

    return await ctx.write(work)


async def verbatim_entries(
    ctx: Context, project_id: str, said: Sequence[Turn], request: AddRequest
) -> list[Entry]:
    """Return messages as the memories to store, with their embeddings.

    Raises `Unavailable` if the embedder fails.
    """
    names = request.new.entities

    def before(tx: Transaction) -> Utterance | None:
        writable_project(tx, ctx, project_id)
        last = tx.documents.last_utterance(project_id, names)
        return last and last[1]

    words = [Utterance(turn.content, speaker_of_turn(turn, names)) for turn in said]
    formers: list[Utterance | None] = [None] * len(said)
    if said and is_conversation(names, said):
        formers = [await ctx.read(before), *words[:-1]]
    derived = await ctx.answered(embed_texts(ctx.services, list(zip(words, formers, strict=True))))
    return [
        Entry(names, turn, turn.content, found) for turn, found in zip(said, derived, strict=True)
    ]


def store_verbatim(
    tx: Transaction,
    ctx: Context,
    operation: OperationRow,
    entries: Sequence[Entry],
    new: NewMemories,
    moment: datetime,
) -> list[AddResult]:
    """Store messages verbatim; return the result of each.

    The expiry of an existing duplicate is extended to that of the new memories.
    """
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
