"""Drawing memories from a conversation: the job behind an add.

Read, think, write: a short read, then the models with nothing held, then one transaction in which
the memories are stored and the operation is finished. Whoever is killed before that has changed
nothing but the count of attempts, and whoever does the job again after it finds it done.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from core.categories import catalog_in_force
from core.graph import EntityType, OperationStatus
from providers.base import ProviderError
from providers.extraction import Assignment, Category, Extraction, Turn
from resolvers.add_requests import AddRequest, request_of, turns_of
from resolvers.consolidation import Draft, compared, drafts_of
from resolvers.context import Services
from resolvers.settling import Moved, Settling
from resolvers.shown import shown_memories
from storage.memory_rows import MemoryRow
from storage.operations import OperationRow
from storage.projects import ProjectSettings
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

# With the runner's pauses this is some ten minutes, after which people should be told.
MOST_ATTEMPTS = 9
FORMER_TURNS = 10
SHOWN = 10
KNOWN_CONCEPTS = 1_000
# What was compared may be changed by somebody else before it is written; then it is compared again.
_MOST_COMPARISONS = 5
# Whatever ends its process each time must not do so for ever; restarts for other reasons count too.
_MOST_BEGINNINGS = 3 * MOST_ATTEMPTS
_ENDLESS = "Work on this has begun again and again, and the server ended each time."
_INTERNAL = "Something went wrong here. The server's log says what, under this operation's id."


@dataclass(slots=True)
class Task:
    """An operation that is being worked on, with what it asks for and what its project wants."""

    operation: OperationRow
    request: AddRequest
    settings: ProjectSettings
    former: list[Turn]
    concepts: list[str]


async def ingest(services: Services, operation_id: str, attempts: int) -> None:
    """Draw the memories of an operation. Safe to run twice.

    Raises whatever is worth another try, unless so many attempts have been made that the operation
    has failed for good.
    """
    if attempts > _MOST_BEGINNINGS:
        await services.db.write(lambda tx: _fail(tx, services, operation_id, _ENDLESS))
        return
    task = await services.db.write(lambda tx: _begin(tx, services, operation_id))
    if task is None:
        return
    try:
        await _work(services, task)
    except Exception as error:
        final = isinstance(error, ProviderError) and not error.retryable
        reason = str(error) if isinstance(error, ProviderError) else _INTERNAL
        if not isinstance(error, ProviderError):
            log.exception("ingestion_failed", operation=operation_id)
        if not final and attempts < MOST_ATTEMPTS:
            await services.db.write(lambda tx: _put_off(tx, operation_id, reason))
            raise
        await services.db.write(lambda tx: _fail(tx, services, operation_id, reason))


def _begin(tx: Transaction, services: Services, operation_id: str) -> Task | None:
    operation = tx.operations.unfinished(operation_id)
    if operation is None:
        return None
    settings = tx.projects.settings(operation.project_id)
    if settings is None:
        return None
    moment = operation.started_at or services.clock()
    tx.operations.change(
        operation_id,
        status=OperationStatus.RUNNING,
        started_at=moment,
        attempts=operation.attempts + 1,
    )
    former: list[Turn] = []
    if operation.scope is not None:
        for kept in tx.operations.conversation(operation.scope, operation, FORMER_TURNS):
            former += turns_of(kept)
    concepts: list[str] = []
    if settings.enable_graph:
        concepts = tx.concepts.names(operation.project_id, KNOWN_CONCEPTS)
    return Task(operation, request_of(operation.input), settings, former[-FORMER_TURNS:], concepts)


async def _work(services: Services, task: Task) -> None:
    shown: list[MemoryRow] = []
    if services.extractor.model is not None:
        # Rules have no use for memories to compare with: they look up what a fact contradicts.
        shown = await shown_memories(services, task.operation, task.request, SHOWN)
    extraction = await services.extractor.extract(_assignment(task, shown))
    drafts = await drafts_of(services, task.request, extraction.facts, shown)
    for _ in range(_MOST_COMPARISONS):
        drafts = await compared(services, task.operation.project_id, drafts)
        try:
            await _settle(services, task, extraction, drafts)
        except Moved:
            continue
        return
    await _settle(services, task, extraction, [replace(draft, like=None) for draft in drafts])


async def _settle(
    services: Services, task: Task, extraction: Extraction, drafts: Sequence[Draft]
) -> None:
    settling = Settling(
        operation=task.operation,
        request=task.request,
        drafts=drafts,
        model=services.embedder.model,
        asks_model=services.extractor.model is not None,
        with_concepts=task.settings.enable_graph,
    )

    def work(tx: Transaction) -> None:
        operation = tx.operations.unfinished(task.operation.id)
        if operation is None:
            return
        outcomes = settling.write(tx, services.clock()) if drafts else []
        tx.operations.finish(
            operation,
            OperationStatus.SUCCEEDED,
            services.clock(),
            progress=1.0,
            error=None,
            outcomes=outcomes,
            notes=[*extraction.notes, *([] if drafts else [_NOTHING])],
            model=services.extractor.model,
            input_tokens=extraction.input_tokens,
            output_tokens=extraction.output_tokens,
        )

    await services.db.write(work)


_NOTHING = "Nothing in these messages was found worth remembering."


def _assignment(task: Task, shown: Sequence[MemoryRow]) -> Assignment:
    request, settings = task.request, task.settings
    wishes = request.wishes
    own = settings.custom_categories if wishes.categories is None else wishes.categories
    agent_only = (
        EntityType.AGENT in request.new.entities and EntityType.USER not in request.new.entities
    )
    instructions = _either(wishes.instructions, settings.custom_instructions)
    agents = _either(wishes.agent_instructions, settings.agent_custom_instructions)
    return Assignment(
        turns=request.turns,
        observed_at=request.new.timestamp or task.operation.created_at,
        former=task.former,
        known=[memory.text for memory in shown],
        categories=[Category(item["name"], item["description"]) for item in catalog_in_force(own)],
        # Where there is an agent and no user, all that is said is about the agent.
        instructions=agents if agent_only else instructions,
        agent_instructions=agents if EntityType.AGENT in request.new.entities else instructions,
        includes=wishes.includes,
        excludes=wishes.excludes,
        multilingual=settings.multilingual,
        with_concepts=settings.enable_graph,
        concepts=task.concepts,
    )


def _either(call: str | None, project: str | None) -> str | None:
    return project if call is None else call


def _put_off(tx: Transaction, operation_id: str, reason: str) -> None:
    """Let an operation wait for its next attempt, with the reason the last one failed."""
    if tx.operations.unfinished(operation_id) is not None:
        tx.operations.change(operation_id, status=OperationStatus.PENDING, error=reason)


def _fail(tx: Transaction, services: Services, operation_id: str, reason: str) -> None:
    operation = tx.operations.unfinished(operation_id)
    if operation is not None:
        tx.operations.finish(
            operation,
            OperationStatus.FAILED,
            services.clock(),
            error=reason,
            model=services.extractor.model,
        )
