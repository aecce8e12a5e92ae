"""Changes of many memories: batches, and the deletion of all memories of an entity."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from core.entity_names import ENTITY_TYPE_OF_ID
from core.errors import AppError, InvalidInput
from resolvers.memories.deletion import delete_memories
from resolvers.memories.updates import Update, update_memories
from rest.framework.request import Call, Endpoint, Name, NoParameters, RequestParameters
from rest.mem0.filters import entity_filter, parse_filter, parse_literal
from rest.mem0.memories import UpdateBody, checked_id, requested_changes
from rest.mem0.serializers import Message

MOST = 1_000


class Updated(UpdateBody):
    """An update of one memory."""

    memory_id: str


class BatchUpdate(RequestParameters):
    """Updates of up to 1,000 memories."""

    memories: list[Updated]


class Chosen(BaseModel):
    """The id of one memory."""

    model_config = ConfigDict(extra="ignore")

    memory_id: str


class BatchDelete(RequestParameters):
    """The ids of up to 1,000 memories."""

    memories: list[Chosen]


class DeleteAllQuery(RequestParameters):
    """The entities whose memories to delete. `*` matches every entity of the type."""

    user_id: Name | None = None
    agent_id: Name | None = None
    app_id: Name | None = None
    run_id: Name | None = None
    filters: str | None = None


class Started(TypedDict):
    """A message about the result, and the id of the event; null if nothing was changed."""

    message: str
    event_id: str | None


async def batch_update(call: Call[NoParameters, BatchUpdate]) -> Message:
    """Update up to 1,000 memories; an error in one does not affect the others."""
    items = call.body.memories
    _check(items)
    updates = [
        Update(
            checked_id(item.memory_id, "memories", str(at), "memory_id"), requested_changes(item)
        )
        for at, item in enumerate(items)
    ]
    outcomes = await update_memories(call.ctx, updates)
    errors = [outcome for outcome in outcomes if isinstance(outcome, AppError)]
    if errors:
        error = errors[0]
        at, *rest = error.path[1:]
        done = len(items) - len(errors)
        error.message = f"Updated {done} of {len(items)} memories. memories.{at}: {error.message}"
        error.path = ("memories", at, *rest)
        raise error
    return {"message": f"Successfully updated {len(items)} memories"}


async def batch_delete(call: Call[NoParameters, BatchDelete]) -> Message:
    """Delete up to 1,000 memories, either all of them or none."""
    items = call.body.memories
    _check(items)
    ids = [
        checked_id(item.memory_id, "memories", str(at), "memory_id")
        for at, item in enumerate(items)
    ]
    await delete_memories(call.ctx, None, ids, None)
    return {"message": f"Successfully deleted {len(set(ids))} memories"}


async def delete_all(call: Call[DeleteAllQuery, RequestParameters]) -> Started:
    """Delete the memories of entities, in every state; their history is kept."""
    query = call.query
    names = {
        name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(query, name)) is not None
    }
    if query.filters is not None:
        filter = parse_filter(parse_literal(query.filters), "filters", scoped=True)
    elif len(names) == len(ENTITY_TYPE_OF_ID) and set(names.values()) == {"*"}:
        filter = parse_filter({"OR": [{name: "*"} for name in names]}, scoped=True)
    else:
        filter = entity_filter(names)
    if filter is None:
        message = "Give at least one of user_id, agent_id, app_id and run_id."
        raise InvalidInput(message, "user_id")
    project = await call.project()
    deletion = await delete_memories(call.ctx, project.id, None, filter)
    if deletion.error is not None:
        raise deletion.error
    message = f"{len(deletion.ids)} memories deleted successfully!"
    return {"message": message, "event_id": deletion.operation_id}


def _check(items: list[Any]) -> None:
    if not 1 <= len(items) <= MOST:
        raise InvalidInput(f"memories must be 1 to {MOST:,} items.", "memories")


_BATCH = "/v1/batch/"
ENDPOINTS = [
    Endpoint("PUT", _BATCH, batch_update, Message, "memories", body=BatchUpdate, unhurried=True),
    Endpoint("DELETE", _BATCH, batch_delete, Message, "memories", body=BatchDelete),
    Endpoint(
        "DELETE",
        "/v1/memories/",
        delete_all,
        Started,
        "memories",
        query=DeleteAllQuery,
        unhurried=True,
    ),
]
