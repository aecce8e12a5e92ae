"""Adding memories: `POST /v1/memories/` and `POST /v3/memories/add/`.

The two differ only in their responses: the older one returns a list, or an object with that list;
the newer one returns an event.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NotRequired

from typing_extensions import TypedDict

from core.entity_names import ENTITY_TYPE_OF_ID
from core.enums import AddOutcome, EntityType, OperationStatus
from core.errors import InvalidInput
from core.limits.points import REQUEST_POINTS, add_points, message_characters
from core.timestamps import check_timezone, parse_zoned_datetime
from core.turn import USER_ROLE
from resolvers.ingestion.add import Addition, add_memories
from resolvers.ingestion.messages import SentMessage, read_messages
from resolvers.ingestion.requests import AddRequest, ExtractionOptions
from resolvers.memories.creation import NewMemories
from rest.framework.request import (
    Call,
    Endpoint,
    Name,
    NoParameters,
    RequestParameters,
    RequestPrice,
)

QUEUED = "Memory processing has been queued for background execution"
# mem0's names for the outcomes.
EVENTS = {
    AddOutcome.ADDED: "ADD",
    AddOutcome.SUPERSEDES: "ADD",
    AddOutcome.MERGED: "UPDATE",
    AddOutcome.ALREADY_KNOWN: "NOOP",
}


class AddBody(RequestParameters):
    """A conversation from which memories are extracted."""

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
    timezone: str | None = None
    observation_date: int | float | str | None = None
    expiration_date: date | None = None
    immutable: bool = False


class Data(TypedDict):
    """The content of a result."""

    memory: str


class AddResult(TypedDict):
    """An affected memory, and the outcome: ADD, UPDATE or NOOP."""

    id: str
    memory: str
    data: Data
    event: str


class Promise(TypedDict):
    """The acknowledgement of a pending add, with the id of its event."""

    message: str
    status: str
    event_id: str


class Results(TypedDict):
    """The added memories, or the acknowledgement of a pending add."""

    results: list[AddResult] | list[Promise]


class Added(Promise):
    """An event and, if it is finished, its results."""

    results: NotRequired[list[AddResult]]
    notes: NotRequired[list[str]]


async def add(call: Call[NoParameters, AddBody]) -> Results | list[AddResult] | list[Promise]:
    """Add the memories of a conversation; with `async_mode` respond before extraction."""
    deferred = call.body.async_mode and call.body.infer
    addition = await _add(call, wait=not deferred)
    results: list[AddResult] | list[Promise] = (
        [_acknowledgement(addition)]
        if deferred or not addition.operation.is_finished
        else serialize_results(addition)
    )
    return results if call.body.output_format == "v1.0" else {"results": results}


async def add_v3(call: Call[NoParameters, AddBody]) -> Added:
    """Add the memories of a conversation; with `infer` respond at once with a pending event."""
    addition = await _add(call, wait=False)
    if call.body.infer:
        return {**_acknowledgement(addition)}  # type: ignore[typeddict-item]
    added: Added = {
        "message": "Memories added successfully",
        "status": addition.operation.status.value,
        "event_id": addition.operation.id,
        "results": serialize_results(addition),
    }
    return {**added, "notes": addition.operation.notes} if addition.operation.notes else added


def _price(call: Call[NoParameters, AddBody]) -> RequestPrice:
    messages = call.body.messages
    points = REQUEST_POINTS + add_points(messages, infer=call.body.infer)
    return RequestPrice(points, message_characters(messages))


async def _add(call: Call[NoParameters, AddBody], *, wait: bool) -> Addition:
    body = call.body
    project = await call.project()
    zone = UTC if body.timezone is None else check_timezone(body.timezone, "timezone")
    timestamp = body.timestamp if body.timestamp is not None else body.observation_date
    new = NewMemories(
        _entities(body),
        body.metadata,
        None if timestamp is None else _moment(timestamp, zone, "timestamp"),
        body.expiration_date,
        body.immutable,
    )
    options = ExtractionOptions(
        body.custom_instructions,
        body.agent_custom_instructions,
        None if body.custom_categories is None else catalog_of(body.custom_categories),
        body.includes,
        body.excludes,
    )
    key = call.headers.get("idempotency-key")
    sent = read_messages(_messages(body.messages, zone))
    request = AddRequest(sent.turns, new, body.infer, options, wait, key, sent.notes, body.timezone)
    addition = await add_memories(call.ctx, project.id, request)
    if wait and addition.failure is not None:
        raise addition.failure
    return addition


def serialize_results(addition: Addition) -> list[AddResult]:
    """Return the results that an add has so far."""
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
    """Return a catalog of mem0's categories, which are objects of a name with its description.

    Categories in the form of the result do not change.
    """
    return [
        {"name": name, "description": description}
        for item in categories
        for name, description in (
            [(item["name"], item["description"])]
            if item.keys() == {"name", "description"}
            else item.items()
        )
    ]


def datetime_argument(value: Any, *path: str) -> datetime:
    """Return the date and time in UTC of a value in seconds since 1970 or in ISO 8601.

    Raises `InvalidInput` for other values.
    """
    return _moment(value, UTC, *path).astimezone(UTC)


def _moment(value: Any, zone: tzinfo, *path: str) -> datetime:
    """Return the date and time of a value with its offset, or in `zone` if it has none."""
    try:
        return parse_zoned_datetime(value, zone)
    except ValueError:
        expected = "seconds since 1970, or a date and time such as 2026-03-01T09:30:00Z"
        raise InvalidInput(f"{'.'.join(path)} must be {expected}.", *path) from None


def _acknowledgement(addition: Addition) -> Promise:
    """Return the acknowledgement of an add, PENDING even if the add is finished already."""
    status = OperationStatus.PENDING.value
    return {"message": QUEUED, "status": status, "event_id": addition.operation.id}


def _entities(body: AddBody) -> dict[EntityType, str]:
    """Return the names of the entities, from the body or, as newer clients send them, `filters`."""
    names: dict[str, Any] = {}
    for part in (body.filters or {}), *_all((body.filters or {}).get("AND")):
        for name, value in part.items():
            if name in ENTITY_TYPE_OF_ID:
                names[name] = value
            elif name != "AND" or part is not body.filters:
                message = f"Only {', '.join(ENTITY_TYPE_OF_ID)} are allowed here, each with a name."
                raise InvalidInput(message, "filters", name)
    names |= {
        name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(body, name)) is not None
    }
    for name, value in names.items():
        if not isinstance(value, str) or value == "*":
            raise InvalidInput(f"filters.{name} must be the name of one entity.", "filters", name)
    return {ENTITY_TYPE_OF_ID[name]: value for name, value in names.items()}


def _all(items: Any) -> list[Mapping[str, Any]]:
    if items is None:
        return []
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        return items
    raise InvalidInput("filters.AND must be a list of objects.", "filters", "AND")


def _messages(
    messages: str | dict[str, Any] | list[str | dict[str, Any]], zone: tzinfo
) -> list[SentMessage]:
    items = messages if isinstance(messages, list) else [messages]
    return [_message(item, position, zone) for position, item in enumerate(items)]


def _message(message: str | dict[str, Any], position: int, zone: tzinfo) -> SentMessage:
    at = ("messages", str(position))
    if isinstance(message, str):
        return SentMessage(USER_ROLE, message)
    role, name = message.get("role"), message.get("name")
    role = USER_ROLE if role is None else role
    if not isinstance(role, str) or not (name is None or isinstance(name, str)):
        raise InvalidInput(f"{'.'.join(at)}: role and name must be strings.", *at)
    timestamp = message.get("timestamp")
    moment = None if timestamp is None else _moment(timestamp, zone, *at, "timestamp")
    return SentMessage(role, message.get("content"), name, moment)


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/memories/",
        add,
        Results | list[AddResult] | list[Promise],
        "memories",
        body=AddBody,
        price=_price,
        unhurried=True,
    ),
    Endpoint(
        "POST",
        "/v3/memories/add/",
        add_v3,
        Added,
        "memories",
        body=AddBody,
        price=_price,
        unhurried=True,
    ),
]
