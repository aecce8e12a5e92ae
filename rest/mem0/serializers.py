"""The serialization of rows in mem0's form. Each function returns JSON as a dict."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from typing_extensions import TypedDict

from core.enums import MemoryState
from core.timestamps import iso_text
from resolvers.search.results import Hit
from storage.memories.entities import EntityRow
from storage.memories.rows import MemoryRow


class Message(TypedDict):
    """A message about the result."""

    message: str


class Structured(TypedDict):
    """The parts of the creation time of a memory."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    quarter: int
    day_of_week: str
    day_of_year: int
    week_of_year: int
    is_weekend: bool


class Memory(TypedDict):
    """A memory."""

    id: str
    memory: str
    hash: str
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    session_id: str | None
    actor_id: str | None
    role: str | None
    metadata: dict[str, Any]
    categories: list[str]
    immutable: bool
    timestamp: str | None
    expiration_date: str | None
    created_at: str
    updated_at: str
    structured_attributes: Structured
    replaced_by: str | None
    lifecycle_state: str
    version: int


class Breakdown(TypedDict):
    """The parts of a score."""

    semantic: float
    bm25: float
    entity: float


class Found(Memory):
    """A memory with its score in a search."""

    score: float
    score_breakdown: Breakdown


class Entity(TypedDict):
    """A user, an agent, an app or a run."""

    id: str
    name: str
    type: str
    owner: str
    metadata: dict[str, Any]
    total_memories: int
    created_at: str
    updated_at: str


def _structured(moment: datetime) -> Structured:
    return {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "hour": moment.hour,
        "minute": moment.minute,
        "quarter": (moment.month + 2) // 3,
        "day_of_week": moment.strftime("%A").lower(),
        "day_of_year": moment.timetuple().tm_yday,
        "week_of_year": moment.isocalendar().week,
        "is_weekend": moment.isoweekday() > 5,
    }


def serialize_memory(row: MemoryRow) -> Memory:
    """Return a memory in mem0's form."""
    replaced = row.successor_id if row.state is not MemoryState.ACTIVE else None
    return {
        "id": row.id,
        "memory": row.text,
        "hash": row.hash,
        "user_id": row.user_id,
        "agent_id": row.agent_id,
        "app_id": row.app_id,
        "run_id": row.run_id,
        "session_id": row.run_id,
        "actor_id": row.actor,
        "role": row.role,
        "metadata": row.metadata,
        "categories": row.categories,
        "immutable": row.immutable,
        "timestamp": iso_text(row.timestamp),
        "expiration_date": iso_text(row.expiration_date),
        "created_at": iso_text(row.created_at),
        "updated_at": iso_text(row.updated_at),
        "structured_attributes": _structured(row.created_at),
        "replaced_by": replaced,
        "lifecycle_state": row.state.value.lower(),
        "version": row.version,
    }


def serialize_hit(hit: Hit) -> Found:
    """Return a hit of a search in mem0's form."""
    parts = hit.score_breakdown
    return {
        **serialize_memory(hit.memory),
        "score": hit.score,
        "score_breakdown": {
            "semantic": parts.semantic,
            "bm25": parts.keyword,
            "entity": parts.concept,
        },
    }


def serialize_entity(row: EntityRow, owner: str) -> Entity:
    """Return an entity in mem0's form; `owner` is the name of its project."""
    return {
        "id": row.id,
        "name": row.name,
        "type": row.type.value.lower(),
        "owner": owner,
        "metadata": row.metadata,
        "total_memories": row.total_memories,
        "created_at": iso_text(row.created_at),
        "updated_at": iso_text(row.updated_at),
    }


def select_fields(shown: Mapping[str, Any], fields: list[str] | None) -> dict[str, Any]:
    """Return the id and the requested fields; without a request, all fields."""
    if fields is None:
        return dict(shown)
    return {name: value for name, value in shown.items() if name == "id" or name in fields}
