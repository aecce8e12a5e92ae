"""Exports: creating them, and reading their state.

A plain export copies nothing. It consists of the matching memories at the time of the request,
which the project's history has, so it is complete as soon as it is created. A shaped export is
filled by a job; see `resolvers.synthesis.export_job`.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.access import Permission
from core.enums import JobKind, OperationType
from core.errors import AppError, InvalidInput, must_exist
from core.filters.json_form import filter_to_json
from core.filters.tree import Filter, entities_named
from core.ids import uuid7
from core.json_schemas import check_object_schema
from core.schema_fields import fields_of
from core.validation import LONGEST_TEXT, check_text
from resolvers.context import Context
from resolvers.memories.listing import MemoryScope, check_scope_in
from resolvers.operations.records import operation_row, succeeded_operation
from storage.exchange.exports import EXPORTS, ExportRow
from storage.operations.store import OPERATIONS, OperationRow
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewExport:
    """The request of an export: memories unchanged, or an object for a JSON schema."""

    schema: Any = None
    filter: Filter | None = None
    instructions: str | None = None
    include_history: bool = False

    async def checked(self) -> "NewExport":
        """Return the same with its schema in the form that is stored.

        Raises `InvalidInput` for a schema that does not describe an object, and for options that
        cannot be used with a schema, or without one.
        """
        if self.schema is None:
            if self.instructions is not None:
                raise InvalidInput(
                    "Instructions require a schema: without one, memories are exported unchanged.",
                    *("input", "instructions"),
                )
            return self
        if self.include_history:
            raise InvalidInput(
                "The history can only be exported without a schema: a schema is filled from "
                "current memories.",
                *("input", "includeHistory"),
            )
        if self.instructions is not None:
            check_text(self.instructions, "input", "instructions", longest=LONGEST_TEXT)
        # Checking a large schema would block the event loop for all requests.
        return replace(self, schema=await asyncio.to_thread(_checked_schema, self.schema))

    def as_json(self) -> dict[str, Any]:
        """Return the request as JSON, for people who inspect the operation."""
        result: dict[str, Any] = {"includeHistory": self.include_history}
        if self.filter is not None:
            result["filter"] = filter_to_json(self.filter)
        if self.schema is not None:
            result["schema"] = self.schema
        if self.instructions is not None:
            result["instructions"] = self.instructions
        return result


async def create_export(
    ctx: Context, project_id: str | None, new: NewExport
) -> tuple[ExportRow, OperationRow]:
    """Create an export and its operation, which is SUCCEEDED or, with a schema, PENDING.

    Read access to the project is sufficient; a schema needs a key with WRITE permission too. Raises
    `InvalidInput` for an invalid request, `NotFound` when the actor cannot see the project, and
    `PermissionDenied`.
    """
    target = ctx.project_id(project_id)
    new = await new.checked()
    operation = operation_row(
        ctx, target, OperationType.EXPORT, new.as_json(), entities_named(new.filter)
    )

    def work(tx: Transaction) -> tuple[ExportRow, OperationRow]:
        project = tx.projects.get(target, ctx.actor, "projectId")
        if new.schema is not None:
            ctx.actor.require(Permission.ASK_MODEL, project.viewer_role)
        try:
            check_scope_in(tx, MemoryScope(new.filter), project)
        except AppError as error:
            raise error.with_path_prefix("input") from None
        # Taken inside the transaction, so that on SQLite the exported changes precede it.
        moment = ctx.now()
        export = export_row(new, operation, project, moment)
        tx.exports.add(export)
        if new.schema is not None:
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
    new: NewExport, operation: OperationRow, project: ProjectRow, moment: datetime
) -> ExportRow:
    """Return the row of an export at the time of its request."""
    return ExportRow(
        id=uuid7(),
        project_id=project.id,
        operation_id=operation.id,
        json_schema=new.schema,
        filter=None if new.filter is None else filter_to_json(new.filter),
        instructions=new.instructions,
        include_history=new.include_history,
        sequence=project.sequence,
        data=None,
        created_at=moment,
        completed_at=moment if new.schema is None else None,
    )


async def latest_shaped_export(
    ctx: Context, project_id: str | None, filter: Filter | None
) -> ExportRow:
    """Return the newest export with a schema that was requested with exactly this filter.

    Raises `NotFound` when the actor can see none.
    """
    target = ctx.project_id(project_id)
    stored = None if filter is None else filter_to_json(filter)

    def work(tx: Transaction) -> ExportRow:
        tx.projects.get(target, ctx.actor, "projectId")
        found = tx.exports.latest_shaped(target, stored)
        latest: ExportRow = must_exist(found, "export", None, "filters")
        return latest

    return await ctx.read(work)


async def operation_of_export(ctx: Context, row: ExportRow) -> OperationRow:
    """Return the operation of an export. Raises `NotFound` when the actor cannot see it."""
    found: OperationRow = await ctx.loaders.row(OPERATIONS, row.operation_id)
    return found


def _checked_schema(schema: Any) -> dict[str, Any]:
    checked = check_object_schema(schema, "input", "schema")
    fields_of(checked, "input", "schema")
    return checked
