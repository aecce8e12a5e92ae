"""The lines of an export, in the format that docs/exports.md describes."""

from collections.abc import Iterable
from datetime import date, datetime
from enum import Enum
from typing import Any

import orjson

from core.timestamps import iso_text
from storage.exchange.belongings import PastVersion
from storage.log.history import HistoryRow
from storage.memories.entities import EntityRow
from storage.memories.feedback import FeedbackRow
from storage.memories.rows import MemoryRow
from storage.memories.sources import SourceRow

FORMAT = 1
_MEMORY = {
    "id": "id",
    "text": "text",
    "userId": "user_id",
    "agentId": "agent_id",
    "appId": "app_id",
    "runId": "run_id",
    "actor": "actor",
    "role": "role",
    "metadata": "metadata",
    "categories": "categories",
    "state": "state",
    "immutable": "immutable",
    "version": "version",
    "timestamp": "timestamp",
    "timestampUntil": "timestamp_until",
    "timestampPrecision": "timestamp_precision",
    "expirationDate": "expiration_date",
    "previousId": "previous_id",
    "successorId": "successor_id",
    "extendsId": "extends_id",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}
_EVENT = {
    "id": "id",
    "sequence": "sequence",
    "memoryId": "memory_id",
    "version": "version",
    "type": "type",
    "oldText": "old_text",
    "newText": "new_text",
    "before": "before",
    "after": "after",
    "actor": "actor",
    "operationId": "operation_id",
    "createdAt": "created_at",
}
_SOURCE = {
    "id": "id",
    "role": "role",
    "name": "name",
    "content": "content",
    "timestamp": "timestamp",
    "utcOffsetMinutes": "utc_offset_minutes",
    "createdAt": "created_at",
}
_ENTITY = {
    "entityType": "type",
    "name": "name",
    "metadata": "metadata",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}
_FEEDBACK = {"value": "value", "reason": "reason", "updatedAt": "updated_at"}


def line(type: str, **fields: Any) -> bytes:
    """Return one line of JSON, with the newline at its end."""
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
    return orjson.dumps({"type": type, **fields}, default=_time_text, option=options)


def _time_text(value: Any) -> str:
    if isinstance(value, date):
        return iso_text(value).replace("+00:00", "Z")
    raise TypeError


def first_line(
    export_id: str, project_id: str, name: str, created_at: datetime, with_history: bool
) -> bytes:
    """Return the first line of an export."""
    return line(
        "export",
        format=FORMAT,
        exportId=export_id,
        project={"id": project_id, "name": name},
        createdAt=created_at,
        includesHistory=with_history,
    )


def entity_line(entity: EntityRow) -> bytes:
    """Return the line of an entity."""
    return line("entity", **_by_api_names(entity, _ENTITY))


def memory_fields(memory: MemoryRow) -> dict[str, Any]:
    """Return the fields of a memory, or of a version of one, by their names in the API."""
    return _by_api_names(memory, _MEMORY)


def past_fields(
    events: Iterable[HistoryRow], versions: Iterable[PastVersion]
) -> dict[str, list[dict[str, Any]]]:
    """Return the history and the past versions of a memory, by their names in the API."""
    return {
        "history": [_by_api_names(event, _EVENT) for event in events],
        "versions": [
            {**memory_fields(version.memory), "endedAt": version.ended_at} for version in versions
        ],
    }


def source_fields(sources: Iterable[SourceRow]) -> list[dict[str, Any]]:
    """Return the source messages of a memory, by their names in the API."""
    return [_by_api_names(source, _SOURCE) for source in sources]


def feedback_fields(feedback: FeedbackRow | None) -> dict[str, Any] | None:
    """Return the feedback on a memory by its names in the API, or None if there is none."""
    return None if feedback is None else _by_api_names(feedback, _FEEDBACK)


def _by_api_names(row: Any, names: dict[str, str]) -> dict[str, Any]:
    return {name: _json_value(getattr(row, attribute)) for name, attribute in names.items()}


def _json_value(value: Any) -> Any:
    return value.name if isinstance(value, Enum) else value
