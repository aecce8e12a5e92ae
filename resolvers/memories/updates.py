"""Changing memories, one or up to a thousand at once, each with an outcome of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.access import Permission
from core.categories import catalog_in_force
from core.enums import OperationType
from core.errors import AlreadyExists, AppError, ImmutableMemory, InvalidInput, NotFound
from core.events import HistoryEventType
from core.validation import LONGEST_TEXT, check_metadata, check_text
from resolvers.context import Context
from resolvers.inputs import changed_fields, check_version, reject_nulls
from resolvers.memories.creation import MOST_AT_ONCE
from resolvers.memories.embedding import embed_texts
from resolvers.operations.tracker import OperationTracker
from storage.errors import DuplicateMemory
from storage.memories.rows import MemoryRow
from storage.memories.store import EmbeddedText
from storage.search.documents import Utterance
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction

# A long list is written in several transactions, so that others get their turn in between.
_PER_TRANSACTION = 100
_NEVER_NULL = {"text": "text", "expected_version": "expectedVersion"}
_EMPTY: dict[str, Any] = {"metadata": dict, "categories": list}


@dataclass(frozen=True, slots=True)
class Update:
    """The changes wanted of one memory, by column; what is left out stays."""

    id: str
    changes: dict[str, Any]


Outcome = MemoryRow | AppError


async def update_memory(ctx: Context, id: str, changes: dict[str, Any]) -> MemoryRow:
    """Change one memory; a null clears metadata, categories, timestamp or expiration date."""
    (outcome,) = await _update(ctx, [Update(id, changes)])
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


async def update_memories(ctx: Context, updates: Sequence[Update]) -> list[Outcome]:
    """Change memories one after the other; return for each the memory or why it was refused."""
    if len(updates) > MOST_AT_ONCE:
        raise InvalidInput(f"Give at most {MOST_AT_ONCE:,} updates.", "inputs")
    outcomes = await _update(ctx, updates)
    return [
        outcome.with_path_prefix("inputs", position) if isinstance(outcome, AppError) else outcome
        for position, outcome in enumerate(outcomes)
    ]


async def _update(ctx: Context, updates: Sequence[Update]) -> list[Outcome]:
    outcomes: list[Outcome | None] = [_problem(update) for update in updates]
    sound = [position for position, problem in enumerate(outcomes) if problem is None]
    asked = {"ids": [updates[position].id for position in sound]}
    records = OperationTracker(ctx, OperationType.UPDATE, asked)
    derived = await _derived(ctx, [updates[position] for position in sound])
    for start in range(0, len(sound), _PER_TRANSACTION):
        part = sound[start : start + _PER_TRANSACTION]
        progress = (start + len(part)) / len(sound)
        some = [updates[at] for at in part]
        written = await _write_some(ctx, some, derived, records, progress)
        for position, outcome in zip(part, written, strict=True):
            outcomes[position] = outcome
    return [outcome for outcome in outcomes if outcome is not None]


async def _write_some(
    ctx: Context,
    updates: Sequence[Update],
    derived: Mapping[tuple[str, str], EmbeddedText],
    records: OperationTracker,
    progress: float,
) -> list[Outcome]:
    """Make some updates in one transaction; after it all of them are done to the progress."""

    def work(tx: Transaction) -> list[Outcome]:
        outcomes, changed_in = _update_some(tx, ctx, updates, derived, records)
        records.record(tx, changed_in, progress)
        return outcomes

    return await records.write(work)


async def _derived(ctx: Context, updates: Sequence[Update]) -> dict[tuple[str, str], EmbeddedText]:
    """Return what is derived of each text, by memory, that the actor may write."""
    texts = {(update.id, update.changes["text"]) for update in updates if "text" in update.changes}

    def work(tx: Transaction) -> dict[str, tuple[Utterance, Utterance | None]]:
        memories = tx.memories.find([id for id, _ in texts], ctx.actor)
        places = tx.find(PROJECTS, [row.project_id for row in memories.values()], ctx.actor)
        writable = {
            id
            for id, project in places.items()
            if ctx.actor.may(Permission.WRITE_MEMORIES, project.viewer_role)
        }
        return tx.documents.utterances(
            [id for id, row in memories.items() if row.project_id in writable]
        )

    if not texts:
        return {}
    said = await ctx.read(work)
    wanted = sorted((id, text) for id, text in texts if id in said)
    items = [(Utterance(text, said[id][0].speaker), said[id][1]) for id, text in wanted]
    return dict(zip(wanted, await embed_texts(ctx.services, items), strict=True))


def _problem(update: Update) -> AppError | None:
    """Return what is wrong with an update by itself, before anything is read."""
    changes = update.changes
    try:
        reject_nulls(changes, _NEVER_NULL)
        if "text" in changes:
            check_text(changes["text"], "input", "text", longest=LONGEST_TEXT)
        if changes.get("metadata") is not None:
            check_metadata(changes["metadata"], "input", "metadata")
    except AppError as problem:
        return problem
    return None


def _update_some(
    tx: Transaction,
    ctx: Context,
    updates: Sequence[Update],
    derived: Mapping[tuple[str, str], EmbeddedText],
    records: OperationTracker,
) -> tuple[list[Outcome], set[str]]:
    """Return the outcome of each update, each fails alone, and the projects that have changed."""
    memories = tx.memories.find_for_update([update.id for update in updates], ctx.actor)
    projects = tx.find(PROJECTS, [row.project_id for row in memories.values()], ctx.actor)
    outcomes: list[Outcome] = []
    changed_in: set[str] = set()
    for update in updates:
        memory = memories.get(update.id)
        project = projects.get(memory.project_id) if memory else None
        if memory is None or project is None:
            outcomes.append(NotFound("memory", update.id, "id"))
            continue
        try:
            changed = _update_one(tx, ctx, memory, project, update.changes, derived, records)
        except AppError as refusal:
            outcomes.append(refusal)
        else:
            if changed is not memory:
                changed_in.add(memory.project_id)
            memories[update.id] = changed
            outcomes.append(changed)
    return outcomes, changed_in


def _update_one(
    tx: Transaction,
    ctx: Context,
    memory: MemoryRow,
    project: ProjectRow,
    changes: dict[str, Any],
    derived: Mapping[tuple[str, str], EmbeddedText],
    records: OperationTracker,
) -> MemoryRow:
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)
    wanted = {
        column: _EMPTY[column]() if value is None and column in _EMPTY else value
        for column, value in changes.items()
        if column != "expected_version"
    }
    _check_categories(wanted.get("categories"), project)
    if "categories" in wanted:
        wanted["categories"] = list(dict.fromkeys(wanted["categories"]))
    check_version(memory, changes.get("expected_version"))
    real = changed_fields(wanted, memory)
    if not real:
        return memory
    if memory.immutable:
        raise ImmutableMemory("This memory is immutable: it can only be deleted.", "id")
    found = derived.get((memory.id, real["text"])) if "text" in real else None
    if "text" in real and found is None:
        # What could not be written when the texts were embedded is not there for this request.
        raise NotFound("memory", memory.id, "id")
    author = ctx.author(records.id_of(memory.project_id))
    if "timestamp" in real:
        # Nobody knows how exactly the caller means it.
        real |= changed_fields({"timestamp_until": None, "timestamp_precision": None}, memory)
    kind = HistoryEventType.UPDATE
    if real.keys() == {"categories"}:
        kind = HistoryEventType.CATEGORIZE
    try:
        return tx.memories.rewrite(
            memory, real, ctx.services.embedder.model, found, author, ctx.now(), kind
        )
    except DuplicateMemory as taken:
        raise AlreadyExists(
            f"The memory {taken.memory_id} of the same entities says this already.",
            "input",
            # One that has expired left its place to whoever came next.
            "text" if "text" in real else "expirationDate",
        ) from None


def _check_categories(categories: list[str] | None, project: ProjectRow) -> None:
    known = {item["name"] for item in catalog_in_force(project.custom_categories)}
    for position, category in enumerate(categories or ()):
        if category not in known:
            raise InvalidInput(
                f"{category!r} is not in the project's catalog of categories.",
                "input",
                "categories",
                position,
            )
