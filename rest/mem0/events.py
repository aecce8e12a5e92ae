"""Events: mem0's name for the operations of a project."""

from functools import partial
from typing import Any, NotRequired

from typing_extensions import TypedDict

from core.enums import OperationStatus, OperationType
from core.events import HistoryEventType
from core.timestamps import iso_text
from resolvers.ingestion.add import addition_of
from resolvers.operations.records import changes_of_operation, operation, operations_of_project
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0.adding import AddResult
from rest.mem0.adding import serialize_results as results_of_addition
from rest.mem0.memories import checked_id, event_name
from rest.mem0.pages import USUAL, Paged, numbered_page
from storage.operations.store import OperationRow


class Event(TypedDict):
    """An operation and its progress. `latency` is in milliseconds."""

    id: str
    event_type: str
    status: str
    payload: dict[str, Any]
    metadata: dict[str, Any]
    results: list[AddResult]
    created_at: str
    updated_at: str
    started_at: str | None
    completed_at: str | None
    latency: int | None
    error: NotRequired[str]
    notes: NotRequired[list[str]]


class EventPage(TypedDict):
    """A page of events, newest first, without their results."""

    count: int
    next: str | None
    previous: str | None
    results: list[Event]


class EventsQuery(Paged):
    """The page and the filters of a list of events."""

    event_type: OperationType | None = None
    status: OperationStatus | None = None


async def get_event(call: Call[NoParameters, RequestParameters]) -> Event:
    """Return an event with its results."""
    row = await operation(call.ctx, checked_id(call.path["event_id"], "event_id"))
    if call.query.project_id or call.query.org_id:
        await call.project_of(row.project_id)
    return {**_event(row), "results": await _results(call, row)}


async def list_events(call: Call[EventsQuery, RequestParameters]) -> EventPage:
    """List the events of a project, newest first."""
    project, query = await call.project(), call.query
    lister = partial(operations_of_project, call.ctx, project.id, query.event_type, query.status)
    page = await numbered_page(call, query.page or 1, query.page_size or USUAL, lister)
    return {**page, "results": [_event(row) for row in page["results"]]}  # type: ignore[typeddict-item]


def _event(row: OperationRow) -> Event:
    updated = row.completed_at or row.started_at or row.created_at
    event: Event = {
        "id": row.id,
        "event_type": row.type.value,
        "status": row.status.value,
        "payload": row.input,
        "metadata": row.input.get("metadata") or {},
        "results": [],
        "created_at": iso_text(row.created_at),
        "updated_at": iso_text(updated),
        "started_at": iso_text(row.started_at),
        "completed_at": iso_text(row.completed_at),
        "latency": row.latency_ms,
    }
    if row.notes:
        event["notes"] = row.notes
    if row.error is not None:
        event["error"] = row.error
    return event


async def _results(call: Call[Any, Any], row: OperationRow) -> list[AddResult]:
    if row.type is OperationType.ADD:
        return results_of_addition(await addition_of(call.ctx, row.id))
    results: list[AddResult] = []
    for event in await changes_of_operation(call.ctx, row.id):
        is_deletion = event.type is HistoryEventType.DELETE
        text = (event.old_text if is_deletion else event.new_text) or ""
        results.append(
            {
                "id": event.memory_id,
                "memory": text,
                "data": {"memory": text},
                "event": event_name(event),
            }
        )
    return results


ENDPOINTS = [
    Endpoint("GET", "/v1/event/{event_id}/", get_event, Event, "events"),
    Endpoint("GET", "/v1/events/", list_events, EventPage, "events", query=EventsQuery),
    Endpoint("GET", "/v1/memories/events/", list_events, EventPage, "events", query=EventsQuery),
]
