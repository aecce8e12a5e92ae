"""Exports with a schema: creating one, and reading its result."""

from typing import Any

import orjson
from pydantic import Field
from typing_extensions import TypedDict

from core.entity_names import ENTITY_TYPE_OF_ID
from core.enums import OperationStatus
from core.errors import InvalidInput, NotFound, OperationFailed
from core.json_bodies import parse_json
from resolvers.exchange.exports import (
    NewExport,
    create_export,
    export,
    latest_shaped_export,
    operation_of_export,
)
from resolvers.operations.wait import is_finished_within
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0.filters import parse_filter
from rest.mem0.memories import checked_id

# A request for an unfinished export waits up to this many seconds for its result.
_WAIT_SECONDS = 20.0


class ExportBody(RequestParameters):
    """A JSON schema, as an object or as text, and a filter of the memories to fill it from."""

    schema_: dict[str, Any] | str | None = Field(None, alias="schema")
    filters: dict[str, Any] | None = None
    export_instructions: str | None = None
    user_id: Any = None
    agent_id: Any = None
    app_id: Any = None
    run_id: Any = None


class GetBody(RequestParameters):
    """An export by its id, or the latest one with these filters."""

    memory_export_id: str | None = None
    filters: dict[str, Any] | None = None
    user_id: Any = None
    agent_id: Any = None
    app_id: Any = None
    run_id: Any = None


class Begun(TypedDict):
    """The acknowledgement of an export, with its id."""

    message: str
    id: str


async def create(call: Call[NoParameters, ExportBody]) -> Begun:
    """Export memories as one object that matches a JSON schema."""
    body = call.body
    if body.schema_ is None:
        raise InvalidInput("schema is missing: the JSON schema of what to export.", "schema")
    filter = parse_filter(_filters(body), "filters", scoped=False)
    if filter is None:
        raise InvalidInput("filters is missing: name the entities to export.", "filters")
    project = await call.project()
    new = NewExport(_schema(body.schema_), filter, body.export_instructions)
    row, _ = await create_export(call.ctx, project.id, new)
    return {"message": "Memory export request received. It is being made.", "id": row.id}


async def get(call: Call[NoParameters, GetBody]) -> dict[str, Any]:
    """Return the result of an export; wait for it if the export is not finished."""
    body = call.body
    if body.memory_export_id is not None:
        row = await export(call.ctx, checked_id(body.memory_export_id, "memory_export_id"))
    else:
        project = await call.project()
        filter = parse_filter(_filters(body), "filters", scoped=False)
        if filter is None:
            raise InvalidInput("Give memory_export_id or filters.", "memory_export_id")
        row = await latest_shaped_export(call.ctx, project.id, filter)
    if row.completed_at is None:
        await is_finished_within(call.ctx.services, row.operation_id, _WAIT_SECONDS)
        call.ctx.loaders.clear()
        row = await export(call.ctx, row.id)
        operation = await operation_of_export(call.ctx, row)
        if operation.status is OperationStatus.FAILED:
            raise OperationFailed(operation.error or "It failed.", operation.id)
    if row.data is None:
        raise NotFound("memory export yet: it is still being made, or has been erased", row.id)
    return row.data


def _filters(body: ExportBody | GetBody) -> dict[str, Any] | None:
    """Return the filters, combined with the entities that older clients send beside them."""
    named = {
        name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(body, name)) is not None
    }
    if not named:
        return body.filters
    return {"AND": [body.filters, named]} if body.filters else named


def _schema(schema: dict[str, Any] | str) -> Any:
    if not isinstance(schema, str):
        return schema
    try:
        return parse_json(schema)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"schema is not JSON: {error}.", "schema") from None


ENDPOINTS = [
    Endpoint("POST", "/v1/exports/", create, Begun, "exports", body=ExportBody, status=201),
    Endpoint(
        "POST", "/v1/exports/get/", get, dict[str, Any], "exports", body=GetBody, unhurried=True
    ),
]
