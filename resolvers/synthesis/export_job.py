"""The job behind a shaped export: it fills the schema from memories.

The job reads the memories, runs the model or the searches without locks, and then stores the object
and finishes the operation in one transaction. A worker that runs the job again finds it finished.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from core.access import Actor, ApiKeyPermission, ApiKeyReach
from core.enums import OperationStatus
from core.filters.json_form import filter_from_json
from core.schema_fields import fields_of
from providers.shaping import Shaper, ShapeRequest
from resolvers.context import Context, Services
from resolvers.memories.listing import current_memories
from resolvers.operations.attempts import PermanentFailure, run_attempt, start_attempt
from resolvers.synthesis.extractive import fill_schema
from resolvers.synthesis.selection import (
    MOST_CHARACTERS,
    MOST_MEMORIES,
    memories_for_model,
    newest_memories,
)
from storage.exchange.exports import ExportRow
from storage.operations.store import OperationRow
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction

_UNSEEN = "The account that requested this can no longer see the project."
_REMOVED = "The export no longer exists."
_NOTHING = "No memories match."
_NOT_FOLLOWED = "Instructions were not followed: no chat model is configured."


class _MemoryDeleted(Exception):
    """A memory was deleted while the object was made from it: try again."""


@dataclass(slots=True)
class _Task:
    """An operation in progress, and the export that it fills."""

    operation: OperationRow
    export: ExportRow


@dataclass(slots=True)
class _Result:
    """The object, the ids of the memories behind it, and the details for the operation."""

    data: dict[str, Any]
    memory_ids: set[str]
    notes: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None


async def shape_export(services: Services, operation_id: str, attempts: int) -> None:
    """Fill the export of an operation.

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


def _start(tx: Transaction, services: Services, operation_id: str) -> _Task | None:
    operation = start_attempt(tx, services, operation_id)
    if operation is None:
        return None
    export = tx.exports.of_operation(operation_id)
    if export is None:
        # The export was pruned between two attempts.
        moment = services.clock()
        tx.operations.finish(operation, OperationStatus.FAILED, moment, error=_REMOVED)
        return None
    return _Task(operation, export)


async def _work(services: Services, task: _Task) -> None:
    ctx = Context(_requester(task.operation), services)
    project: ProjectRow | None = await ctx.loaders.row_or_none(PROJECTS, task.export.project_id)
    if project is None:
        raise PermanentFailure(_UNSEEN)
    if services.shaper is None:
        result = await _retrieve(ctx, project, task)
    else:
        result = await _shape_with_model(ctx, services.shaper, project, task)
    await services.db.write(lambda tx: _finish(tx, services, task, result))


def _requester(operation: OperationRow) -> Actor:
    """Return the actor of an export: the requesting account, with its access at this time."""
    return Actor(
        account_id=operation.account_id,
        email=operation.actor,
        key_id="",
        key_prefix="",
        permission=ApiKeyPermission.READ,
        reach=ApiKeyReach.PROJECT,
        default_project_id=operation.project_id,
        default_organization_id=None,
    )


async def _retrieve(ctx: Context, project: ProjectRow, task: _Task) -> _Result:
    schema = task.export.json_schema or {}
    filter = filter_from_json(task.export.filter)
    moment = task.export.created_at
    filled = await fill_schema(ctx, project, filter, schema, fields_of(schema), moment)
    notes = [_NOT_FOLLOWED] if task.export.instructions is not None else []
    if not filled.memory_ids:
        any_memory = await newest_memories(
            ctx, project.id, current_memories(filter).selection(ctx.today()), 1
        )
        notes += [] if any_memory.memories else [_NOTHING]
    return _Result(filled.data, filled.memory_ids, notes)


async def _shape_with_model(
    ctx: Context, shaper: Shaper, project: ProjectRow, task: _Task
) -> _Result:
    schema = task.export.json_schema or {}
    selection = current_memories(filter_from_json(task.export.filter)).selection(ctx.today())
    newest = await newest_memories(ctx, project.id, selection, MOST_MEMORIES, MOST_CHARACTERS)
    if not newest.memories:
        # Without memories a model would invent values. Retrieval finds nothing, which is correct.
        return replace(await _retrieve(ctx, project, task), notes=[_NOTHING])
    shaping = ShapeRequest(schema, memories_for_model(newest.memories), task.export.instructions)
    shaped = await shaper.shape(shaping)
    ids = {memory.id for memory in newest.memories}
    return _Result(shaped.data, ids, newest.notes, shaped.input_tokens, shaped.output_tokens)


def _finish(tx: Transaction, services: Services, task: _Task, result: _Result) -> None:
    operation = tx.operations.lock_unfinished(task.operation.id)
    if operation is None:
        return
    # The lock makes a concurrent erasure wait, so that it finds these memories in this export.
    tx.memories.lock(result.memory_ids)
    if len(tx.memories.get_unscoped(result.memory_ids)) < len(result.memory_ids):
        raise _MemoryDeleted
    moment = services.clock()
    tx.exports.fill(task.export.id, result.data, result.memory_ids, moment)
    tx.operations.finish(
        operation,
        OperationStatus.SUCCEEDED,
        moment,
        progress=1.0,
        error=None,
        notes=result.notes,
        model=services.extractor.model,
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
    )
