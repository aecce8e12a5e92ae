"""Filling the schema of an export: the job behind a shaped one.

Read, think, write: the memories are read, the model or the rankings are asked with nothing held,
then one transaction writes the object and finishes the operation. Whoever does the job again after
that finds it done.
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

_UNSEEN = "Whoever asked for this cannot see the project any more."
_REMOVED = "The export is not kept any more."
_NOTHING = "No memories match."
_NOT_FOLLOWED = "Instructions were not followed: no chat model is configured."


class _Gone(Exception):
    """A memory was deleted while an object was made of it."""


@dataclass(slots=True)
class _Task:
    """An operation that is being worked on, and the export it fills."""

    operation: OperationRow
    export: ExportRow


@dataclass(slots=True)
class _Made:
    """The object, what it was made of, and what the operation tells of the making."""

    data: dict[str, Any]
    memory_ids: set[str]
    notes: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None


async def shape_export(services: Services, operation_id: str, attempts: int) -> None:
    """Fill the export of an operation. Safe to run twice; raises as `run_attempt` does."""
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
        # It was pruned while its operation was tried again.
        moment = services.clock()
        tx.operations.finish(operation, OperationStatus.FAILED, moment, error=_REMOVED)
        return None
    return _Task(operation, export)


async def _work(services: Services, task: _Task) -> None:
    ctx = Context(_asking(task.operation), services)
    project: ProjectRow | None = await ctx.loaders.row_or_none(PROJECTS, task.export.project_id)
    if project is None:
        raise PermanentFailure(_UNSEEN)
    if services.shaper is None:
        made = await _retrieved(ctx, project, task)
    else:
        made = await _asked(ctx, services.shaper, project, task)
    await services.db.write(lambda tx: _finish(tx, services, task, made))


def _asking(operation: OperationRow) -> Actor:
    """Return whom an export is made for: it has what they see of the project by then."""
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


async def _retrieved(ctx: Context, project: ProjectRow, task: _Task) -> _Made:
    schema = task.export.json_schema or {}
    filter = filter_from_json(task.export.filter)
    moment = task.export.created_at
    filling = await fill_schema(ctx, project, filter, schema, fields_of(schema), moment)
    notes = [_NOT_FOLLOWED] if task.export.instructions is not None else []
    if not filling.memory_ids:
        there = await newest_memories(
            ctx, project.id, current_memories(filter).selection(ctx.today()), 1
        )
        notes += [] if there.memories else [_NOTHING]
    return _Made(filling.data, filling.memory_ids, notes)


async def _asked(ctx: Context, shaper: Shaper, project: ProjectRow, task: _Task) -> _Made:
    schema = task.export.json_schema or {}
    selection = current_memories(filter_from_json(task.export.filter)).selection(ctx.today())
    known = await newest_memories(ctx, project.id, selection, MOST_MEMORIES, MOST_CHARACTERS)
    if not known.memories:
        # A model that is told nothing would make something up. Retrieval finds nothing, for sure.
        return replace(await _retrieved(ctx, project, task), notes=[_NOTHING])
    shaping = ShapeRequest(schema, memories_for_model(known.memories), task.export.instructions)
    shaped = await shaper.shape(shaping)
    ids = {memory.id for memory in known.memories}
    return _Made(shaped.data, ids, known.notes, shaped.input_tokens, shaped.output_tokens)


def _finish(tx: Transaction, services: Services, task: _Task, made: _Made) -> None:
    operation = tx.operations.lock_unfinished(task.operation.id)
    if operation is None:
        return
    # Held, so that whoever erases one of them afterwards finds that it is in here.
    tx.memories.lock(made.memory_ids)
    if len(tx.memories.get_unscoped(made.memory_ids)) < len(made.memory_ids):
        raise _Gone
    moment = services.clock()
    tx.exports.fill(task.export.id, made.data, made.memory_ids, moment)
    tx.operations.finish(
        operation,
        OperationStatus.SUCCEEDED,
        moment,
        progress=1.0,
        error=None,
        notes=made.notes,
        model=services.extractor.model,
        input_tokens=made.input_tokens,
        output_tokens=made.output_tokens,
    )
