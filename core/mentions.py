"""Whether a stored request or record names an entity, or is about a memory.

An entity is a type and a name: a user and an agent of the same name are two entities, and a role, a
speaker, a text or a metadata value that equals the name is not a mention. So only the fields that
hold entities are read.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType
from core.filters.json_form import filter_from_json
from core.filters.tree import conditions_on_entity
from core.ids import derived_id, is_uuid7, uuid7_milliseconds


def filter_names_entity(filter: Any, type: EntityType, name: str) -> bool:
    """Return whether a filter, as `filter_to_json` wrote it, has a condition on that entity."""
    return any(
        name == value
        for condition in conditions_on_entity(filter_from_json(filter), type)
        for value in (condition.value if isinstance(condition.value, tuple) else (condition.value,))
    )


def record_names_entity(record: dict[str, Any], type: EntityType, name: str) -> bool:
    """Return whether an import record is that entity, or was ever about it.

    A record is a checked line of the exchange format: an entity, a memory with its past, or a
    deleted memory of which only the past is left. A later event is a record that says in `about`
    which entities its memory has.
    """
    if record["type"] == "entity":
        return bool(record["entityType"] == type.name and record["name"] == name)
    key = ENTITY_FIELDS[type]
    return any(state.get(key) == name for state in _states_of(record))


def record_is_memory(record: dict[str, Any], project_id: str, memory_ids: Collection[str]) -> bool:
    """Return whether an import record becomes one of some memories of a project.

    A memory gets another id when its own is taken elsewhere or is not a UUIDv7, so both count.
    """
    if record["type"] == "entity":
        return False
    memory = record.get("memory")
    id: str = record["id"] if memory is None else memory["id"]
    if id in memory_ids:
        return True
    if is_uuid7(id):
        return derived_id(uuid7_milliseconds(id), project_id, id) in memory_ids
    if memory is None:
        return False
    return derived_id(datetime.fromisoformat(memory["createdAt"]), project_id, id) in memory_ids


def _states_of(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every set of fields that a record says its memory has or had."""
    for name in ("memory", "about"):
        if name in record:
            yield record[name]
    yield from record.get("versions") or ()
    for event in record.get("history") or ():
        for side in (event["before"], event["after"]):
            if side is not None:
                yield side
