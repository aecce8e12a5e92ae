"""Fills the past versions of memories from the log, for changes and deletions that are older than
the table of versions.

The log has the initial state of each memory and its changes, so folding its events in order yields
its versions. Memories whose events an erasure has blanked are left out: their content must not be
restored.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from storage.memories.uniqueness import text_hash
from storage.tables.columns import Id, Json, UtcDateTime

_BATCH = 1_000
_KINDS = ("user", "agent", "app", "run")
_NAMES = {
    **{f"{kind}Id": f"{kind}_id" for kind in _KINDS},
    "actor": "actor",
    "role": "role",
    "metadata": "metadata",
    "categories": "categories",
    "immutable": "immutable",
    "timestamp": "timestamp",
    "expirationDate": "expiration_date",
}
_READ = {"timestamp": datetime.fromisoformat, "expiration_date": date.fromisoformat}
# The tables as of revision 0002, independent of later changes to the models.
_HISTORY = sa.table(
    "history",
    sa.column("project_id", Id),
    sa.column("sequence", sa.BigInteger),
    sa.column("memory_id", Id),
    sa.column("type", sa.String),
    sa.column("new_text", sa.Text),
    sa.column("after", Json),
    sa.column("created_at", UtcDateTime),
)
_ENTITIES = sa.table(
    "entities",
    sa.column("id", Id),
    sa.column("project_id", Id),
    sa.column("type", sa.String),
    sa.column("name", sa.String),
)
_VERSIONS = sa.table(
    "memory_versions",
    *(sa.column(name, Id) for name in ("id", "project_id", "previous_id")),
    *(sa.column(f"{kind}_key", Id) for kind in _KINDS),
    *(sa.column(f"{kind}_id", sa.String) for kind in _KINDS),
    *(sa.column(name, sa.String) for name in ("text", "hash", "actor", "role", "state")),
    *(sa.column(name, Json) for name in ("metadata", "categories")),
    *(
        sa.column(name, UtcDateTime)
        for name in ("timestamp", "happened_at", "created_at", "updated_at", "ended_at")
    ),
    sa.column("immutable", sa.Boolean),
    sa.column("version", sa.Integer),
    sa.column("expiration_date", sa.Date),
)


def fill(connection: sa.Connection) -> None:
    """Write the past versions of every memory in the log."""
    for batch in _batches(_of_memories(connection)):
        ids = _entity_ids(connection, batch)
        for version in batch:
            for kind in _KINDS:
                named = (version["project_id"], kind.upper(), version[f"{kind}_id"])
                version[f"{kind}_key"] = ids.get(named)
        connection.execute(sa.insert(_VERSIONS), batch)


def _of_memories(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Yield the past versions, memory by memory."""
    for _, events in itertools.groupby(_events(connection), lambda event: event["memory_id"]):
        yield from _folded(list(events))


def _events(connection: sa.Connection) -> Iterator[sa.RowMapping]:
    """Yield the whole log, memory by memory, each in the order of its events."""
    place = sa.tuple_(_HISTORY.c.memory_id, _HISTORY.c.sequence)
    after: tuple[str, int] = ("", 0)
    while True:
        page = (
            sa.select(*_HISTORY.c)
            .where(place > sa.tuple_(*after))
            .order_by(_HISTORY.c.memory_id, _HISTORY.c.sequence)
            .limit(_BATCH)
        )
        rows = connection.execute(page).mappings().all()
        yield from rows
        if len(rows) < _BATCH:
            return
        after = (rows[-1]["memory_id"], rows[-1]["sequence"])


def _folded(events: Sequence[sa.RowMapping]) -> list[dict[str, Any]]:
    """Return the past versions of one memory, oldest first."""
    added = events[0]
    if added["type"] != "ADD" or added["new_text"] is None:
        return []
    # After a clock was set back, two versions must not overlap in time, so no version begins later
    # than the one after it.
    moments = list(itertools.accumulate((event["created_at"] for event in events[::-1]), min))[::-1]
    memory = {
        "id": added["memory_id"],
        "project_id": added["project_id"],
        "created_at": added["created_at"],
        "state": "ACTIVE",
        "previous_id": None,
        **dict.fromkeys(_NAMES.values()),
        "metadata": {},
        "categories": [],
        "immutable": False,
    }
    versions = []
    for number, (event, began) in enumerate(zip(events[:-1], moments, strict=False), 1):
        memory |= _read(event["after"] or {})
        memory |= {"text": event["new_text"], "hash": text_hash(event["new_text"])}
        memory |= {"version": number, "updated_at": began, "ended_at": moments[number]}
        memory["happened_at"] = memory["timestamp"] or memory["created_at"]
        versions.append(dict(memory))
    return versions


def _read(logged: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that an event names, with the values it gave them."""
    return {
        column: _READ[column](logged[name])
        if column in _READ and logged[name] is not None
        else logged[name]
        for name, column in _NAMES.items()
        if name in logged
    }


def _entity_ids(
    connection: sa.Connection, versions: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str, str], str]:
    """Return the ids of the entities of versions by (project id, type, name)."""
    named = {
        (version["project_id"], kind.upper(), version[f"{kind}_id"])
        for version in versions
        for kind in _KINDS
        if version[f"{kind}_id"] is not None
    }
    key = sa.tuple_(_ENTITIES.c.project_id, _ENTITIES.c.type, _ENTITIES.c.name)
    found = connection.execute(sa.select(*_ENTITIES.c).where(key.in_(named)))
    return {(row.project_id, row.type, row.name): row.id for row in found}


def _batches(versions: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(versions)
    while batch := list(itertools.islice(remaining, _BATCH)):
        yield batch
