"""The rows of memories, the lists that contain them, and their values in the log."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from core.entity_names import ENTITY_KEYS
from core.enums import MemoryState
from core.paging import Order
from core.turn import ASSISTANT_ROLE
from language.dates.moments import Precision
from storage.memories.selection import FLAGS
from storage.search.documents import speaker_of
from storage.sql.listing import Listing, Source
from storage.sql.visibility import in_visible_entity, in_visible_project
from storage.tables.fields import table_of
from storage.tables.memory import Memory

_MEMORIES = table_of(Memory)


@dataclass(slots=True)
class MemoryRow:
    """One memory. Its entities' ids are in `user_key` and so on, their names in `user_id` etc."""

    id: str
    project_id: str
    text: str
    hash: str
    user_key: str | None
    agent_key: str | None
    app_key: str | None
    run_key: str | None
    user_id: str | None
    agent_id: str | None
    app_id: str | None
    run_id: str | None
    actor: str | None
    role: str | None
    metadata: dict[str, Any]
    categories: list[str]
    state: MemoryState
    immutable: bool
    version: int
    timestamp: datetime | None
    timestamp_until: datetime | None
    timestamp_precision: Precision | None
    happened_at: datetime
    expiration_date: date | None
    previous_id: str | None
    successor_id: str | None
    extends_id: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def entity_ids(self) -> tuple[str, ...]:
        """The ids of the entities that this memory is about."""
        keys = (self.user_key, self.agent_key, self.app_key, self.run_key)
        return tuple(key for key in keys if key)

    @property
    def speaker(self) -> str | None:
        """The name of the speaker, None if unknown."""
        return speaker_of(self.actor, self.role, self.user_id, self.agent_id)

    @property
    def subject(self) -> tuple[tuple[str, str | None], ...]:
        """The entities that a statement is about, as pairs of a column and an id.

        These are the speaker's own and the app. The other party, and the run, are where it was
        said: what a user says of themselves to one agent holds with another one too. Without an
        entity of the speaker, all but the run count, and without those the run.
        """
        names = ["user_key", "agent_key", "app_key"]
        own = "agent_key" if self.role == ASSISTANT_ROLE else "user_key"
        if getattr(self, own) is not None:
            names = [own, "app_key"]
        elif not any(getattr(self, name) for name in names):
            names.append("run_key")
        return tuple((name, getattr(self, name)) for name in names)

    def is_expired(self, today: date) -> bool:
        """Return whether the expiration date, the last day of visibility in UTC, is over."""
        return self.expiration_date is not None and self.expiration_date < today


# The logged fields of a memory besides its text: the columns by their names in the API.
LOGGED = {
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "actor": "actor",
    "role": "role",
    "metadata": "metadata",
    "categories": "categories",
    "immutable": "immutable",
    "state": "state",
    "successorId": "successor_id",
    "extendsId": "extends_id",
    "timestamp": "timestamp",
    "timestampUntil": "timestamp_until",
    "timestampPrecision": "timestamp_precision",
    "expirationDate": "expiration_date",
}

MEMORY_ORDER = Order("memories", ("created_at", "id"), descending=True)
# By (column, descending).
MEMORY_ORDERS = {
    (key, descending): Order(f"memories {key} {descending}", (key, "id"), descending)
    for key in ("created_at", "updated_at", "happened_at")
    for descending in (False, True)
} | {("created_at", True): MEMORY_ORDER}
MEMORIES = Source(
    "memory", _MEMORIES, MemoryRow, lambda memory: in_visible_project(memory.c.project_id)
)
MEMORIES_OF_PROJECT = Listing(MEMORIES, "project_id", in_visible_project, FLAGS)
MEMORIES_OF_ENTITY = {
    type: Listing(MEMORIES, key, in_visible_entity, FLAGS) for type, key in ENTITY_KEYS.items()
}


def log_value(value: Any) -> Any:
    """Return the value of a column as the log stores it, in JSON."""
    if isinstance(value, Enum):
        return value.name
    return value.isoformat() if isinstance(value, date) else value


def logged_values(memory: MemoryRow) -> dict[str, Any]:
    """Return the logged fields of a memory by API name, without nulls and the state ACTIVE."""
    values = ((name, getattr(memory, attribute)) for name, attribute in LOGGED.items())
    return {
        name: log_value(value)
        for name, value in values
        if value is not None and value is not MemoryState.ACTIVE
    }
