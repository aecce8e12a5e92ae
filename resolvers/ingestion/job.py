"""Extracting memories from a conversation: the job behind an add.

The job reads in a short transaction, runs the models without locks, and then stores the memories
and finishes the operation in one transaction. A worker that is killed before that has changed only
the number of attempts; one that runs the job again afterwards finds it finished.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from core.categories import catalog_in_force
from core.enums import EntityType, OperationStatus
from core.turn import Turn
from language.recalled import without_recalled
from providers.extraction import Assignment, Category, Extraction
from resolvers.context import Services
from resolvers.ingestion.consolidation import Consolidation, StaleComparison, consolidate
from resolvers.ingestion.deduplication import Draft, build_drafts, with_duplicates
from resolvers.ingestion.insertion import outcome_row
from resolvers.ingestion.known_memories import shown_memories
from resolvers.ingestion.requests import AddRequest, request_from_json, turns_from_json
from resolvers.operations.attempts import run_attempt, start_attempt
from storage.memories.rows import MemoryRow
from storage.operations.store import OperationRow
from storage.tenancy.projects import ProjectSettings
from storage.transaction import Transaction

FORMER_TURNS = 10
SHOWN = 10
KNOWN_CONCEPTS = 1_000
T = TypeVar("T")

# Another transaction may change a compared memory before the drafts are stored. Then the comparison
# is repeated.
_MOST_COMPARISONS = 5


@dataclass(slots=True)
class Task:
    """An operation in progress, with its request, the settings of its project and its context.

    `turns` are those of the request without what they quote of recalled memories, `former` are
    earlier turns of the conversation, `concepts` the known concepts of the project.
    """

    operation: OperationRow
    request: AddRequest
    settings: ProjectSettings
    turns: list[Turn]
    former: list[Turn]
    concepts: list[str]

    @property
    def observed_at(self) -> datetime:
        """When turns without a timestamp were said, in the time zone of the request."""
        return self.request.observed_at(self.operation.created_at)


async def ingest(services: Services, operation_id: str, attempts: int) -> None:
    """Extract and store the memories of an operation.

    Safe to run twice. Raises as `run_attempt` does.
    """
    await run_attempt(
        services,
        operation_id,
        attempts,
        start=lambda tx: _start(tx, services, operation_id),
        work=lambda task: _work(services, task),
        model=services.extractor.model,
    )


def _start(tx: Transaction, services: Services, operation_id: str) -> Task | None:
    operation = start_attempt(tx, services, operation_id)
    if operation is None:
        return None
    return read_task(tx, operation, request_from_json(operation.input))


def read_task(tx: Transaction, operation: OperationRow, request: AddRequest) -> Task | None:
    """Return the work of an operation with its context, None if its project is gone."""
    settings = tx.projects.settings(operation.project_id)
    if settings is None:
        return None
    former: list[Turn] = []
    if operation.scope is not None:
        for earlier, received_at in tx.operations.conversation(
            operation.scope, operation, FORMER_TURNS
        ):
            former += turns_from_json(earlier, received_at)
    concepts: list[str] = []
    if settings.enable_graph:
        concepts = tx.concepts.names(operation.project_id, KNOWN_CONCEPTS)
    turns = [_without_recalled(turn) for turn in request.turns]
    former = [_without_recalled(turn) for turn in former[-FORMER_TURNS:]]
    return Task(operation, request, settings, turns, former, concepts)


def _without_recalled(turn: Turn) -> Turn:
    return turn if turn.is_context else replace(turn, content=without_recalled(turn.content))


async def _work(services: Services, task: Task) -> None:
    extraction, drafts = await extract_drafts(services, task)

    async def store(compared: Sequence[Draft]) -> None:
        await _store(services, task, extraction, compared)

    await with_comparison(services, task, drafts, store)


async def extract_drafts(services: Services, task: Task) -> tuple[Extraction, list[Draft]]:
    """Return what is extracted from the messages of a task, and its facts as drafts."""
    shown: list[MemoryRow] = []
    if services.extractor.model is not None:
        # Only a model judges facts against these memories. Without one, contradicted memories are
        # looked up when the facts are stored.
        request = replace(task.request, turns=task.turns)
        shown = await shown_memories(services, task.operation, request, SHOWN)
    extraction = await services.extractor.extract(_assignment(task, shown))
    names, observed_at = task.request.new.entities, task.observed_at
    drafts = await build_drafts(
        services, task.turns, names, observed_at, extraction.facts, shown, task.former
    )
    return extraction, drafts


async def with_comparison(
    services: Services,
    task: Task,
    drafts: Sequence[Draft],
    store: Callable[[Sequence[Draft]], Awaitable[T]],
) -> T:
    """Return what `store` returns for drafts that were compared with the existing memories.

    `store` raises `StaleComparison` if a compared memory has changed meanwhile.
    """
    for _ in range(_MOST_COMPARISONS):
        drafts = await with_duplicates(services, task.operation.project_id, drafts)
        try:
            return await store(drafts)
        except StaleComparison:
            continue
    return await store([replace(draft, duplicate_of=None) for draft in drafts])


def consolidation_of(services: Services, task: Task, drafts: Sequence[Draft]) -> Consolidation:
    """Return the drafts of a task as they are to be stored."""
    return Consolidation(
        operation=task.operation,
        request=task.request,
        drafts=drafts,
        model=services.embedder.model,
        asks_model=services.extractor.model is not None,
        with_concepts=task.settings.enable_graph,
    )


async def _store(
    services: Services, task: Task, extraction: Extraction, drafts: Sequence[Draft]
) -> None:
    consolidation = consolidation_of(services, task, drafts)

    def work(tx: Transaction) -> None:
        operation = tx.operations.lock_unfinished(task.operation.id)
        if operation is None:
            return
        done = consolidate(tx, consolidation, services.clock()) if drafts else []
        outcomes = [outcome_row(each.memory_id, each.outcome) for each in done]
        tx.operations.finish(
            operation,
            OperationStatus.SUCCEEDED,
            services.clock(),
            progress=1.0,
            error=None,
            outcomes=outcomes,
            notes=notes_of(operation.notes, extraction),
            model=services.extractor.model,
            input_tokens=extraction.input_tokens,
            output_tokens=extraction.output_tokens,
        )

    await services.db.write(work)


_NOTHING = "No relevant facts were found in these messages."


def notes_of(notes: Sequence[str], extraction: Extraction) -> list[str]:
    """Return the notes on a request and on what was extracted from it."""
    return [*notes, *extraction.notes, *([] if extraction.facts else [_NOTHING])]


def _assignment(task: Task, shown: Sequence[MemoryRow]) -> Assignment:
    request, settings = task.request, task.settings
    options = request.options
    project_categories, call_categories = settings.custom_categories, options.categories
    categories = project_categories if call_categories is None else call_categories
    agent_only = (
        EntityType.AGENT in request.new.entities and EntityType.USER not in request.new.entities
    )
    instructions = _call_or_project(options.instructions, settings.custom_instructions)
    agents = _call_or_project(options.agent_instructions, settings.agent_custom_instructions)
    return Assignment(
        turns=task.turns,
        observed_at=task.observed_at,
        former=task.former,
        known=[memory.text for memory in shown],
        categories=[
            Category(item["name"], item["description"]) for item in catalog_in_force(categories)
        ],
        # With an agent and no user, all memories are about the agent.
        instructions=agents if agent_only else instructions,
        agent_instructions=agents if EntityType.AGENT in request.new.entities else instructions,
        includes=options.includes,
        excludes=options.excludes,
        multilingual=settings.multilingual,
        with_concepts=settings.enable_graph,
        concepts=task.concepts,
    )


def _call_or_project(call: str | None, project: str | None) -> str | None:
    """Return the option of the call, or else the setting of the project."""
    return project if call is None else call
