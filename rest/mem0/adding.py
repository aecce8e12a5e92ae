"""Adding memories: `POST /v1/memories/` and `POST /v3/memories/add/`.

The two differ in their answers alone: the older one is a list, or an object with that list, the
other one tells of an event.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NotRequired

from typing_extensions import TypedDict

from core.entity_names import ENTITY_TYPE_OF_ID
from core.enums import AddOutcome, EntityType, OperationStatus
from core.errors import InvalidInput
from core.timestamps import parse_datetime
from core.turn import Turn
from resolvers.ingestion.add import Addition, add_memories
from resolvers.ingestion.requests import AddRequest, ExtractionOptions
from resolvers.memories.creation import NewMemories
from rest.framework.request import Call, Endpoint, Name, NoParameters, RequestParameters

QUEUED = "Memory processing has been queued for background execution"
# What mem0 calls what became of something that was said.
EVENTS = {
    AddOutcome.ADDED: "ADD",
    AddOutcome.SUPERSEDES: "ADD",
    AddOutcome.MERGED: "UPDATE",
    AddOutcome.ALREADY_KNOWN: "NOOP",
}


class AddBody(RequestParameters):
    """A conversation to remember."""

    messages: str | dict[str, Any] | list[str | dict[str, Any]]
    user_id: Name | None = None
    agent_id: Name | None = None
    app_id: Name | None = None
    run_id: Name | None = None
    filters: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None
    infer: bool = True
    async_mode: bool = False
    output_format: str = "v1.0"
    custom_categories: list[dict[str, str | None]] | None = None
    custom_instructions: str | None = None
    agent_custom_instructions: str | None = None
    includes: str | None = None
    excludes: str | None = None
    timestamp: int | float | str | None = None
    observation_date: int | float | str | None = None
    expiration_date: date | None = None
    immutable: bool = False


class Data(TypedDict):
    """What a result says."""

    memory: str


class AddResult(TypedDict):
    """A memory that stands for what was said, and what became of it."""

    id: str
    memory: str
    data: Data
    event: str


class Promise(TypedDict):
    """That something will be remembered, and by which event to follow it."""

    message: str
    status: str
    event_id: str


class Results(TypedDict):
    """What was added, or a promise of it."""

    results: list[AddResult] | list[Promise]


class Added(Promise):
    """An event and, where it is over, what came of it."""

    results: NotRequired[list[AddResult]]


async def add(call: Call[NoParameters, AddBody]) -> Results | list[AddResult] | list[Promise]:
    """Remember a conversation; with `async_mode` answer before it is understood."""
    later = call.body.async_mode and call.body.infer
    addition = await _add(call, wait=not later)
    listed: list[AddResult] | list[Promise] = (
        [_promise(addition)]
        if later or not addition.operation.is_finished
        else serialize_results(addition)
    )
    return listed if call.body.output_format == "v1.0" else {"results": listed}


async def add_v3(call: Call[NoParameters, AddBody]) -> Added:
    """Remember a conversation; with `infer` answer at once with an event to follow."""
    addition = await _add(call, wait=False)
    if call.body.infer:
        return {**_promise(addition)}  # type: ignore[typeddict-item]
    return {
        "message": "Memories added successfully",
        "status": addition.operation.status.value,
        "event_id": addition.operation.id,
        "results": serialize_results(addition),
    }


async def _add(call: Call[NoParameters, AddBody], *, wait: bool) -> Addition:
    body = call.body
    project = await call.project()
    said = body.timestamp if body.timestamp is not None else body.observation_date
    new = NewMemories(
        _entities(body),
        body.metadata,
        None if said is None else datetime_argument(said, "timestamp"),
        body.expiration_date,
        body.immutable,
    )
    wishes = ExtractionOptions(
        body.custom_instructions,
        body.agent_custom_instructions,
        None if body.custom_categories is None else catalog_of(body.custom_categories),
        body.includes,
        body.excludes,
    )
    key = call.headers.get("idempotency-key")
    request = AddRequest(_turns(body.messages), new, body.infer, wishes, wait, key)
    addition = await add_memories(call.ctx, project.id, request)
    if wait and addition.failure is not None:
        raise addition.failure
    return addition


def serialize_results(addition: Addition) -> list[AddResult]:
    """Return what an add has come to so far."""
    return [
        {
            "id": result.memory.id,
            "memory": result.memory.text,
            "data": {"memory": result.memory.text},
            "event": EVENTS[result.outcome],
        }
        for result in addition.results
    ]


def catalog_of(categories: Sequence[Mapping[str, str | None]]) -> list[dict[str, Any]]:
    """Return mem0's categories, objects of names with their descriptions, as ours.

    What is written in our way stays as it is.
    """
    return [
        {"name": name, "description": said}
        for item in categories
        for name, said in (
            [(item["name"], item["description"])]
            if item.keys() == {"name", "description"}
            else item.items()
        )
    ]


def datetime_argument(given: Any, *path: str) -> datetime:
    """Return the moment that seconds since 1970, or ISO 8601, tell. Raises `InvalidInput`."""
    try:
        return parse_datetime(given)
    except ValueError:
        said = "must be seconds since 1970, or a moment such as 2026-03-01T09:30:00Z."
        raise InvalidInput(f"{'.'.join(path)} {said}", *path) from None


def _promise(addition: Addition) -> Promise:
    """Return that something will be remembered; it may have happened by the time this is read."""
    status = OperationStatus.PENDING.value
    return {"message": QUEUED, "status": status, "event_id": addition.operation.id}


def _entities(body: AddBody) -> dict[EntityType, str]:
    """Return whom the memories are about, told at the top or, as newer clients do, in `filters`."""
    told: dict[str, Any] = {}
    for part in (body.filters or {}), *_all((body.filters or {}).get("AND")):
        for name, value in part.items():
            if name in ENTITY_TYPE_OF_ID:
                told[name] = value
            elif name != "AND" or part is not body.filters:
                said = f"Only {', '.join(ENTITY_TYPE_OF_ID)} can be given here, each with its name."
                raise InvalidInput(said, "filters", name)
    told |= {
        name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(body, name)) is not None
    }
    for name, value in told.items():
        if not isinstance(value, str) or value == "*":
            raise InvalidInput(f"filters.{name} must be the name of one.", "filters", name)
    return {ENTITY_TYPE_OF_ID[name]: value for name, value in told.items()}


def _all(items: Any) -> list[Mapping[str, Any]]:
    if items is None:
        return []
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        return items
    raise InvalidInput("filters.AND must be a list of objects.", "filters", "AND")


def _turns(given: str | dict[str, Any] | list[str | dict[str, Any]]) -> list[Turn]:
    listed = given if isinstance(given, list) else [given]
    return [_turn(item, position) for position, item in enumerate(listed)]


def _turn(given: str | dict[str, Any], position: int) -> Turn:
    at = ("messages", str(position))
    if isinstance(given, str):
        return Turn("user", given)
    role, name = given.get("role", "user"), given.get("name")
    if not isinstance(role, str) or not (name is None or isinstance(name, str)):
        raise InvalidInput(f"{'.'.join(at)}: role and name must be texts.", *at)
    said = given.get("timestamp")
    moment = None if said is None else datetime_argument(said, *at, "timestamp")
    return Turn(role, _content(given.get("content"), *at, "content"), name, moment)


def _content(given: Any, *path: str) -> str:
    """Return the text of a message, whose parts may come one by one."""
    if isinstance(given, str):
        return given
    parts = given if isinstance(given, list) else [given]
    texts = [
        text
        for part in parts
        if isinstance(part, dict) and part.get("type") == "text"
        if isinstance(text := part.get("text"), str)
    ]
    if not texts or len(texts) < len(parts):
        said = "must be a text; pictures and documents cannot be remembered."
        raise InvalidInput(f"{'.'.join(path)} {said}", *path)
    return "\n".join(texts)


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/memories/",
        add,
        Results | list[AddResult] | list[Promise],
        "memories",
        body=AddBody,
    ),
    Endpoint("POST", "/v3/memories/add/", add_v3, Added, "memories", body=AddBody),
]
