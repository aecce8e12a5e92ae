"""One memory: reading, updating and deleting it, and its history."""

from datetime import date
from typing import Any, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from core.errors import InvalidInput, NotFound
from core.events import HistoryEventType
from core.timestamps import iso_text
from resolvers.memories.creation import log_of_memory
from resolvers.memories.deletion import delete_memory
from resolvers.memories.provenance import sources_of_memory
from resolvers.memories.updates import update_memory
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters
from rest.mem0.adding import datetime_argument
from rest.mem0.pages import all_rows
from rest.mem0.serializers import Memory, serialize_memory
from storage.log.history import HistoryRow
from storage.memories.rows import MEMORIES, MemoryRow


class UpdateBody(RequestParameters):
    """The changes to a memory. Omitted fields do not change; a null date removes the date."""

    text: str | None = None
    metadata: dict[str, Any] | None = None
    timestamp: int | float | str | None = None
    expiration_date: date | None = None


class DeleteQuery(RequestParameters):
    """Whether to delete linked memories too."""

    delete_linked: bool = False


class Said(TypedDict):
    """A message of the conversation that a memory comes from."""

    role: str
    content: str


class Past(TypedDict):
    """An event in the history of a memory, and the state of the memory after it."""

    id: str
    memory_id: str
    input: list[Said]
    old_memory: str | None
    new_memory: str | None
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    session_id: str | None
    categories: list[str]
    metadata: dict[str, Any]
    event: str
    created_at: str
    updated_at: str


class Deleted(TypedDict):
    """The acknowledgement of a deletion; with `delete_linked`, the number of linked memories."""

    message: str
    cascade_count: NotRequired[int]


async def get(call: Call[NoParameters, RequestParameters]) -> Memory:
    """Return a memory."""
    return serialize_memory(await memory(call))


async def update(call: Call[NoParameters, UpdateBody]) -> Memory:
    """Update a memory."""
    id = (await memory(call)).id
    return serialize_memory(await update_memory(call.ctx, id, requested_changes(call.body)))


async def delete(call: Call[DeleteQuery, RequestParameters]) -> Deleted:
    """Delete a memory; its history is kept."""
    id, linked = (await memory(call)).id, call.query.delete_linked
    deletion = await delete_memory(call.ctx, id, linked)
    deleted: Deleted = {"message": "Memory deleted successfully!"}
    return {**deleted, "cascade_count": len(deletion.ids) - 1} if linked else deleted


async def history(call: Call[NoParameters, RequestParameters]) -> list[Past]:
    """Return the history of a memory, oldest first, even if the memory has been deleted."""
    id = checked_id(call.path["memory_id"])
    events = await all_rows(call, lambda page: log_of_memory(call.ctx, id, page))
    if call.query.project_id or call.query.org_id:
        project = await call.project()
        if project.id != events[0].project_id:
            raise NotFound("memory", id, "memory_id")
    row = await call.ctx.loaders.row_or_none(MEMORIES, id)
    sources = await sources_of_memory(call.ctx, id) if row else []
    messages: list[Said] = [{"role": row.role, "content": row.content} for row in sources]
    return _pasts(events, messages)


def _pasts(events: list[HistoryRow], messages: list[Said]) -> list[Past]:
    """Return events, each with the state after it, which is the sum of the changes in the log."""
    pasts: list[Past] = []
    state: dict[str, Any] = {}
    for event in events:
        state |= event.after or {}
        pasts.append(
            {
                "id": event.id,
                "memory_id": event.memory_id,
                "input": messages,
                "old_memory": event.old_text,
                "new_memory": event.new_text,
                "user_id": state.get("userId"),
                "agent_id": state.get("agentId"),
                "app_id": state.get("appId"),
                "run_id": state.get("runId"),
                "session_id": state.get("runId"),
                "categories": state.get("categories") or [],
                "metadata": state.get("metadata") or {},
                "event": event_name(event),
                "created_at": pasts[0]["created_at"] if pasts else iso_text(event.created_at),
                "updated_at": iso_text(event.created_at),
            }
        )
    return pasts


def event_name(event: HistoryRow) -> str:
    """Return mem0's name of an event: ADD, UPDATE or DELETE."""
    if event.type is HistoryEventType.RESTORE:
        return "ADD" if event.old_text is None else "UPDATE"
    known = (HistoryEventType.ADD, HistoryEventType.DELETE)
    return event.type.value if event.type in known else "UPDATE"


def requested_changes(body: UpdateBody) -> dict[str, Any]:
    """Return the changes in a body. Raises `InvalidInput` if there are none."""
    changes: dict[str, Any] = {}
    if body.text is not None:
        changes["text"] = body.text
    if body.metadata is not None:
        changes["metadata"] = body.metadata
    if body.timestamp is not None:
        changes["timestamp"] = datetime_argument(body.timestamp, "timestamp")
    if "expiration_date" in body.model_fields_set:
        changes["expiration_date"] = body.expiration_date
    if not changes:
        raise InvalidInput("Give text, metadata, timestamp or expiration_date.", "text")
    return changes


def checked_id(id: str, *path: str) -> str:
    """Return a UUID in canonical form. Raises `InvalidInput` if the text is not a UUID."""
    try:
        return str(UUID(id))
    except ValueError:
        at = path or ("memory_id",)
        raise InvalidInput("memory_id should be a valid UUID", *at) from None


async def memory(call: Call[Any, Any]) -> MemoryRow:
    """Return the memory of the path.

    Raises `NotFound` if the caller cannot see it, or if it belongs to another project than that of
    the request.
    """
    id = checked_id(call.path["memory_id"])
    row: MemoryRow = await call.ctx.loaders.row(MEMORIES, id)
    if call.query.project_id or call.query.org_id:
        project = await call.project_of(row.project_id)
        if call.query.project_id not in (None, project.id):
            raise NotFound("memory", id, "memory_id")
    return row


_PATH = "/v1/memories/{memory_id}/"
ENDPOINTS = [
    Endpoint("GET", _PATH, get, Memory, "memories"),
    Endpoint("PUT", _PATH, update, Memory, "memories", body=UpdateBody),
    Endpoint("DELETE", _PATH, delete, Deleted, "memories", query=DeleteQuery),
    Endpoint("GET", f"{_PATH}history/", history, list[Past], "memories"),
]
