"""Exports: asking for one, and finding it again.

A plain export copies nothing. It is the memories that match as they were at the moment it was
asked for, which the past of the project knows, so it is done when it is there. A shaped one is a
job; see `resolvers.synthesis.export_job`.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.enums import JobKind, OperationType
from core.errors import AppError, InvalidInput, must_exist
from core.filters.json_form import filter_to_json
from core.filters.tree import Filter, entities_named
from core.ids import uuid7
from core.json_schemas import check_object_schema
from core.schema_fields import fields_of
from core.validation import LONGEST_TEXT, check_text
from resolvers.context import Context
from resolvers.memories.listing import MemoryScope, check_scope
from resolvers.operations.records import operation_row, succeeded_operation
from storage.exchange.exports import EXPORTS, ExportRow
from storage.operations.store import OPERATIONS, OperationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewExport:
    """What is asked for: memories as they are, or with a JSON schema an object made of them."""

    schema: Any = None
    filter: Filter | None = None
    instructions: str | None = None
    include_history: bool = False

    async def checked(self) -> "NewExport":
        """Return the same with its schema in the form that is kept.

        Raises `InvalidInput` for a schema that is none of an object, and for what does not go with
        it, or without.
        """
        if self.schema is None:
            if self.instructions is not None:
                raise InvalidInput(
                    "Instructions are for a schema: without one, memories are exported as they "
                    "are.",
                    *("input", "instructions"),
                )
            return self
        if self.include_history:
            raise InvalidInput(
                "A schema is filled with what holds true: the history is part of exports without "
                "one.",
                *("input", "includeHistory"),
            )
        if self.instructions is not None:
            check_text(self.instructions, "input", "instructions", longest=LONGEST_TEXT)
        # A large schema takes long enough to be noticed by everybody on the event loop.
        return replace(self, schema=await asyncio.to_thread(_checked_schema, self.schema))

    def as_json(self) -> dict[str, Any]:
        """Return what was asked for, for people who look at the operation."""
        asked: dict[str, Any] = {"includeHistory": self.include_history}
        if self.filter is not None:
            asked["filter"] = filter_to_json(self.filter)
        if self.schema is not None:
            asked["schema"] = self.schema
        if self.instructions is not None:
            asked["instructions"] = self.instructions
        return asked


async def create_export(
    ctx: Context, project_id: str | None, new: NewExport
) -> tuple[ExportRow, OperationRow]:
    """Make an export and the operation that stands for it: over, or waiting for its job.

    It only reads, so whoever sees the project may do it.
    """
    target = ctx.project_id(project_id)
    asked = await new.checked()
    operation = operation_row(
        ctx, target, OperationType.EXPORT, asked.as_json(), entities_named(asked.filter)
    )

    def work(tx: Transaction) -> tuple[ExportRow, OperationRow]:
        project = tx.projects.get(target, ctx.actor, "projectId")
        try:
            check_scope(MemoryScope(asked.filter), project)
        except AppError as error:
            raise error.with_path_prefix("input") from None
        # Read inside the transaction, so that on SQLite what is exported has happened before.
        moment = ctx.now()
        export = export_row(asked, operation, project, moment)
        tx.exports.add(export)
        if asked.schema is not None:
            tx.operations.add(operation)
            tx.jobs.put(JobKind.EXPORT, [operation.id], target, moment)
            return export, operation
        done = succeeded_operation(replace(operation), moment)
        tx.operations.add(done)
        return export, done

    return await ctx.write(work)


async def export(ctx: Context, id: str) -> ExportRow:
    """Return an export. Raises `NotFound` when the actor cannot see it."""
    found: ExportRow = await ctx.loaders.row(EXPORTS, id)
    return found


def export_row(
    asked: NewExport, operation: OperationRow, project: ProjectRow, moment: datetime
) -> ExportRow:
    """Return an export as it is when it is asked for, at a moment."""
    return ExportRow(
        id=uuid7(),
        project_id=project.id,
        operation_id=operation.id,
        json_schema=asked.schema,
        filter=None if asked.filter is None else filter_to_json(asked.filter),
        instructions=asked.instructions,
        include_history=asked.include_history,
        sequence=project.sequence,
        data=None,
        created_at=moment,
        completed_at=moment if asked.schema is None else None,
    )


async def latest_shaped_export(
    ctx: Context, project_id: str | None, filter: Filter | None
) -> ExportRow:
    """Return the newest export with a schema that was asked for with this very filter.

    Raises `NotFound` when there is none that the actor can see.
    """
    target = ctx.project_id(project_id)
    kept = None if filter is None else filter_to_json(filter)

    def work(tx: Transaction) -> ExportRow:
        tx.projects.get(target, ctx.actor, "projectId")
        found = tx.exports.latest_shaped(target, kept)
        latest: ExportRow = must_exist(found, "export", None, "filters")
        return latest

    return await ctx.read(work)


async def operation_of_export(ctx: Context, row: ExportRow) -> OperationRow:
    """Return the operation that stands for an export."""
    found: OperationRow = await ctx.loaders.row(OPERATIONS, row.operation_id)
    return found


def _checked_schema(schema: Any) -> dict[str, Any]:
    checked = check_object_schema(schema, "input", "schema")
    fields_of(checked, "input", "schema")
    return checked
