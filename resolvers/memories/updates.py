"""Updates of memories, one or up to 1,000 at once, each with its own outcome."""

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
from storage.search.documents import Utterance
from storage.search.origins import EmbeddedText
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction

# A long list is written in several transactions, so that other writers can run in between.
_PER_TRANSACTION = 100
_NEVER_NULL = {"text": "text", "expected_version": "expectedVersion"}
_EMPTY: dict[str, Any] = {"metadata": dict, "categories": list}
# The fields by which a memory becomes the duplicate of another one. An expired memory does not
# reserve its text, so another memory may have it since.
_IDENTIFYING = {"text": "text", "timestamp": "timestamp", "expirationDate": "expiration_date"}


@dataclass(frozen=True, slots=True)
class Update:
    """The requested changes of one memory, by column; omitted columns stay."""

    id: str
    changes: dict[str, Any]


Outcome = MemoryRow | AppError


async def update_memory(ctx: Context, id: str, changes: dict[str, Any]) -> MemoryRow:
    """Change one memory; a null clears metadata, categories, timestamp or expiration date.

    Raises `NotFound`, `PermissionDenied`, `VersionConflict`, `ImmutableMemory`, `InvalidInput` for
    invalid values, and `AlreadyExists` if another memory of the same entities has the same text.
    """
    (outcome,) = await _update(ctx, [Update(id, changes)])
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


async def update_memories(ctx: Context, updates: Sequence[Update]) -> list[Outcome]:
    """Change memories one after the other; return for each the memory or its error.

    Raises `InvalidInput` for more than 1,000 updates.
    """
    if len(updates) > MOST_AT_ONCE:
        raise InvalidInput(f"Give at most {MOST_AT_ONCE:,} updates.", "inputs")
    outcomes = await _update(ctx, updates)
    return [
        outcome.with_path_prefix("inputs", position) if isinstance(outcome, AppError) else outcome
        for position, outcome in enumerate(outcomes)
    ]


async def _update(ctx: Context, updates: Sequence[Update]) -> list[Outcome]:
    outcomes: list[Outcome | None] = [_input_error(update) for update in updates]
    valid = [position for position, error in enumerate(outcomes) if error is None]
    input = {"ids": [updates[position].id for position in valid]}
    tracker = OperationTracker(ctx, OperationType.UPDATE, input)
    embedded = await _embed_changed_texts(ctx, [updates[position] for position in valid])
    for start in range(0, len(valid), _PER_TRANSACTION):
        part = valid[start : start + _PER_TRANSACTION]
        progress = (start + len(part)) / len(valid)
        some = [updates[at] for at in part]
        written = await _write_some(ctx, some, embedded, tracker, progress)
        for position, outcome in zip(part, written, strict=True):
            outcomes[position] = outcome
    return [outcome for outcome in outcomes if outcome is not None]


async def _write_some(
    ctx: Context,
    updates: Sequence[Update],
    embedded: Mapping[tuple[str, str], EmbeddedText],
    tracker: OperationTracker,
    progress: float,
) -> list[Outcome]:
    """Apply some updates in one transaction.

    `progress` is the progress of the whole list after it, from 0 to 1.
    """

    def work(tx: Transaction) -> list[Outcome]:
        outcomes, changed_in = _update_some(tx, ctx, updates, embedded, tracker)
        tracker.record(tx, changed_in, progress)
        return outcomes

    return await tracker.write(work)


async def _embed_changed_texts(
    ctx: Context, updates: Sequence[Update]
) -> dict[tuple[str, str], EmbeddedText]:
    """Return the embedded texts of the updates that the actor may make, by (memory id, text)."""
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
    utterances = await ctx.read(work)
    writable_texts = sorted((id, text) for id, text in texts if id in utterances)
    items = [
        (Utterance(text, utterances[id][0].speaker), utterances[id][1])
        for id, text in writable_texts
    ]
    embedded = await ctx.answered(embed_texts(ctx.services, items))
    return dict(zip(writable_texts, embedded, strict=True))


def _input_error(update: Update) -> AppError | None:
    """Return the error of an update that can be found without reading the memory, or None."""
    changes = update.changes
    try:
        reject_nulls(changes, _NEVER_NULL)
        if "text" in changes:
            check_text(changes["text"], "input", "text", longest=LONGEST_TEXT)
        if changes.get("metadata") is not None:
            check_metadata(changes["metadata"], "input", "metadata")
    except AppError as error:
        return error
    return None


def _update_some(
    tx: Transaction,
    ctx: Context,
    updates: Sequence[Update],
    embedded: Mapping[tuple[str, str], EmbeddedText],
    tracker: OperationTracker,
) -> tuple[list[Outcome], set[str]]:
    """Return the outcome of each update and the changed projects; updates fail separately."""
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
            changed = _update_one(tx, ctx, memory, project, update.changes, embedded, tracker)
        except AppError as error:
            outcomes.append(error)
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
    embedded: Mapping[tuple[str, str], EmbeddedText],
    tracker: OperationTracker,
) -> MemoryRow:
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)
    requested = {
        column: _EMPTY[column]() if value is None and column in _EMPTY else value
        for column, value in changes.items()
        if column != "expected_version"
    }
    _check_categories(requested.get("categories"), memory, project)
    if "categories" in requested:
        requested["categories"] = list(dict.fromkeys(requested["categories"]))
    check_version(memory, changes.get("expected_version"))
    effective = changed_fields(requested, memory)
    if not effective:
        return memory
    if memory.immutable:
        raise ImmutableMemory("This memory is immutable: it can only be deleted.", "id")
    found = embedded.get((memory.id, effective["text"])) if "text" in effective else None
    if "text" in effective and found is None:
        # A memory that was not writable when the texts were embedded counts as missing.
        raise NotFound("memory", memory.id, "id")
    author = ctx.author(tracker.id_of(memory.project_id))
    if "timestamp" in effective:
        # The precision of a date set by the caller is unknown.
        effective |= changed_fields({"timestamp_until": None, "timestamp_precision": None}, memory)
    kind = HistoryEventType.UPDATE
    if effective.keys() == {"categories"}:
        kind = HistoryEventType.CATEGORIZE
    try:
        return tx.memories.rewrite(
            memory, effective, ctx.services.embedder.model, found, author, ctx.now(), kind
        )
    except DuplicateMemory as duplicate:
        raise AlreadyExists(
            f"The memory {duplicate.memory_id} of the same entities already has this text.",
            "input",
            next(name for name, column in _IDENTIFYING.items() if column in effective),
        ) from None


def _check_categories(categories: list[str] | None, memory: MemoryRow, project: ProjectRow) -> None:
    # A memory may keep categories that have left the catalog.
    known = {item["name"] for item in catalog_in_force(project.custom_categories)}
    known.update(memory.categories)
    for position, category in enumerate(categories or ()):
        if category not in known:
            raise InvalidInput(
                f"{category!r} is not in the project's catalog of categories.",
                "input",
                "categories",
                position,
            )
