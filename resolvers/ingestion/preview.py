"""The preview of an add: what it would store, merge and supersede, and what it would pass over.

It runs the code of the add, up to the transaction that stores the memories, and rolls that
transaction back. So it cannot say anything else than the add would do.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.enums import AddOutcome, OperationType
from core.errors import Unavailable, must_exist
from core.turn import Turn
from language.dates.moments import Precision
from providers.extraction import Extraction
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.ingestion.add import LONGEST_WAIT, store_verbatim, verbatim_entries
from resolvers.ingestion.consolidation import consolidate
from resolvers.ingestion.deduplication import Draft
from resolvers.ingestion.job import (
    Task,
    consolidation_of,
    extract_drafts,
    notes_of,
    read_task,
    with_comparison,
)
from resolvers.ingestion.messages import SentMessages
from resolvers.ingestion.reasons import SAME_WORDS, Settled
from resolvers.ingestion.requests import AddRequest, conversation_scope
from resolvers.memories.creation import check_new
from resolvers.operations.records import idempotent_request, operation_row
from storage.memories.rows import MemoryRow
from storage.transaction import Transaction

_VERBATIM = "Stored verbatim, because infer is false."
_CONTEXT = "Messages of this role are context."
_NO_TEXT = "It has no text."
_RECALLED = "It quotes recalled memories."
_NO_FACT = "No fact was extracted from it."
_LATE = "The preview took longer than 300 seconds."


@dataclass(frozen=True, slots=True)
class PreviewedMemory:
    """What an add would do with one message or fact.

    `affects` is the existing memory that stands for it or that it would replace. `messages` are the
    positions of the messages it comes from.
    """

    text: str
    outcome: AddOutcome
    affects: MemoryRow | None
    timestamp: datetime | None
    timestamp_precision: Precision | None
    categories: list[str]
    reason: str
    messages: list[int]


@dataclass(frozen=True, slots=True)
class SkippedSentence:
    """A text that an add would pass over: the position of its message, and why."""

    message: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The outcomes of an add in its order, its notes, and what it would pass over."""

    outcomes: list[PreviewedMemory]
    notes: list[str]
    skipped: list[SkippedSentence]


async def preview_memories(
    ctx: Context, project_id: str | None, request: AddRequest, sent: SentMessages
) -> Preview:
    """Return what `add_memories` would do with a request, and store nothing.

    `sent` are the messages of the request as they were read. The idempotency key is checked and has
    no other effect. Raises the errors of `add_memories`, and `Unavailable` if a model fails or the
    preview takes too long.
    """
    target = ctx.project_id(project_id)
    said = check_new(request.turns, request.new)
    request.check()
    idempotent_request(ctx, request.idempotency_key, target, request.as_json())
    # Before a model is asked, which may cost something.
    await ctx.read(lambda tx: writable_project(tx, ctx, target))
    work = _preview_facts if request.infer else _preview_verbatim
    try:
        async with asyncio.timeout(LONGEST_WAIT):
            return await ctx.answered(work(ctx, target, request, said, sent))
    except TimeoutError:
        raise Unavailable(_LATE, round(LONGEST_WAIT)) from None


async def _preview_verbatim(
    ctx: Context, project_id: str, request: AddRequest, said: Sequence[Turn], sent: SentMessages
) -> Preview:
    operation = operation_row(
        ctx, project_id, OperationType.ADD, request.as_record(), request.new.entities
    )
    entries = await verbatim_entries(ctx, project_id, said, request)

    def work(tx: Transaction) -> list[tuple[MemoryRow, AddOutcome]]:
        results = store_verbatim(tx, ctx, operation, entries, request.new, ctx.now())
        return [(result.memory, result.outcome) for result in results]

    results = await ctx.services.db.dry_run(work)
    created = {memory.id for memory, outcome in results if outcome is AddOutcome.ADDED}
    places = {id(turn): at for turn, at in zip(sent.turns, sent.positions, strict=True)}
    outcomes = [
        PreviewedMemory(
            text=entry.text,
            outcome=outcome,
            affects=None if memory.id in created else memory,
            timestamp=memory.timestamp,
            timestamp_precision=memory.timestamp_precision,
            categories=list(memory.categories),
            reason=_VERBATIM if outcome is AddOutcome.ADDED else SAME_WORDS,
            messages=[places[id(entry.turn)]],
        )
        for entry, (memory, outcome) in zip(entries, results, strict=True)
    ]
    stored = {place for each in outcomes for place in each.messages}
    skipped = [
        SkippedSentence(at, turn.content, _CONTEXT)
        for turn, at in zip(sent.turns, sent.positions, strict=True)
        if at not in stored
    ]
    return Preview(outcomes, list(request.notes), _in_order(skipped, sent))


async def _preview_facts(
    ctx: Context, project_id: str, request: AddRequest, _said: Sequence[Turn], sent: SentMessages
) -> Preview:
    entities = request.new.entities
    operation = operation_row(ctx, project_id, OperationType.ADD, request.as_json(), entities)
    operation.scope = conversation_scope(project_id, entities)
    found = await ctx.read(lambda tx: read_task(tx, operation, request))
    task: Task = must_exist(found, "project", project_id, "projectId")
    services = ctx.services
    extraction, drafts = await extract_drafts(services, task)

    async def settle(compared: Sequence[Draft]) -> list[Settled]:
        if not compared:
            return []
        consolidation = consolidation_of(services, task, compared)
        return await services.db.dry_run(lambda tx: consolidate(tx, consolidation, ctx.now()))

    settled = await with_comparison(services, task, drafts, settle)
    kept = "" if services.extractor.model is None else "The chat model extracted it."
    outcomes = [
        PreviewedMemory(
            text=draft.fact.text,
            outcome=each.outcome,
            affects=each.affected,
            timestamp=each.memory.timestamp,
            timestamp_precision=each.memory.timestamp_precision,
            categories=list(each.memory.categories),
            reason=" ".join(filter(None, (draft.fact.reason or kept, each.reason))),
            messages=[sent.positions[turn] for turn in draft.fact.turns],
        )
        for draft, each in zip(drafts, settled, strict=True)
    ]
    skipped = list(_skipped(task, request, extraction, sent))
    return Preview(outcomes, notes_of(request.notes, extraction), _in_order(skipped, sent))


def _skipped(
    task: Task, request: AddRequest, extraction: Extraction, sent: SentMessages
) -> Iterator[SkippedSentence]:
    """Yield what no fact comes from, of the messages that have a text."""
    drawn = {turn for fact in extraction.facts for turn in fact.turns}
    for at, (said, read) in enumerate(zip(request.turns, task.turns, strict=True)):
        place = sent.positions[at]
        if said.is_context:
            yield SkippedSentence(place, said.content, _CONTEXT)
            continue
        remaining = set(read.content.splitlines())
        recalled = [line for line in said.content.splitlines() if line not in remaining]
        if recalled:
            yield SkippedSentence(place, "\n".join(recalled).strip(), _RECALLED)
        sentences = [each for each in extraction.skipped if each.turn == at]
        yield from (SkippedSentence(place, each.text, each.reason) for each in sentences)
        if at not in drawn and not sentences and read.content.strip():
            yield SkippedSentence(place, read.content, _NO_FACT)


def _in_order(skipped: Sequence[SkippedSentence], sent: SentMessages) -> list[SkippedSentence]:
    """Return skipped sentences in the order of the messages, with the messages without text."""
    without_text = [SkippedSentence(at, "", _NO_TEXT) for at in sent.without_text]
    return sorted([*skipped, *without_text], key=lambda each: each.message)
