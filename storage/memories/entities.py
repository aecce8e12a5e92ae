"""Entities: the users, agents, apps and runs that memories are about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, bindparam, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.elements import ColumnElement

from core.access import Actor
from core.enums import EntityType
from core.ids import uuid7
from core.text_forms import canonical_name
from storage.sql.listing import Listing, Source
from storage.sql.visibility import in_visible_project, viewer_parameters
from storage.tables.columns import LongText
from storage.tables.fields import table_of
from storage.tables.graph import Entity

_ENTITIES = table_of(Entity)


@dataclass(slots=True)
class EntityRow:
    """One entity; `name` is the client's own id for it."""

    id: str
    project_id: str
    type: EntityType
    name: str
    metadata: dict[str, Any]
    total_memories: int
    created_at: datetime
    updated_at: datetime


def _name_contains(entity: FromClause) -> ColumnElement[Any]:
    return func.replace(entity.c.name, bindparam("name_contains", type_=LongText), "") != (
        entity.c.name
    )


ENTITIES = Source(
    "entity", _ENTITIES, EntityRow, lambda entity: in_visible_project(entity.c.project_id)
)
ENTITIES_OF_PROJECT = Listing(
    ENTITIES,
    "project_id",
    in_visible_project,
    {
        "type": lambda entity: entity.c.type == bindparam("type", type_=_ENTITIES.c.type.type),
        "name_contains": _name_contains,
    },
)


_BY_NAME = select(*ENTITIES.columns(_ENTITIES)).where(
    tuple_(_ENTITIES.c.project_id, _ENTITIES.c.type, _ENTITIES.c.name).in_(
        bindparam("names", expanding=True)
    ),
    ENTITIES.visible(_ENTITIES),
)
_IDS_BY_NAME = select(_ENTITIES.c.type, _ENTITIES.c.id).where(
    _ENTITIES.c.project_id == bindparam("project", type_=_ENTITIES.c.project_id.type),
    tuple_(_ENTITIES.c.type, _ENTITIES.c.name).in_(bindparam("names", expanding=True)),
)


class EntityStore:
    """Reads and writes entities."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> EntityRow:
        """Return an entity. Raises `NotFound` when the actor cannot see it."""
        return ENTITIES.get(self._connection, id, actor, *path)

    def by_name(
        self, names: list[tuple[str, EntityType, str]], actor: Actor
    ) -> dict[tuple[str, EntityType, str], EntityRow]:
        """Return the visible entities among (project id, type, name), by that triple.

        A name is looked up as it is, and otherwise in the form in which names are stored.
        """
        stored = {key: (*key[:2], canonical_name(key[2])) for key in names}
        wanted = list(dict.fromkeys([*names, *stored.values()]))
        values = {"names": wanted, **viewer_parameters(actor)}
        rows = [EntityRow(*row) for row in self._connection.execute(_BY_NAME, values)]
        found = {(row.project_id, row.type, row.name): row for row in rows}
        by_name = {key: found.get(key) or found.get(stored[key]) for key in names}
        return {key: row for key, row in by_name.items() if row is not None}

    def get_or_create(
        self, project_id: str, names: Mapping[EntityType, str], moment: datetime
    ) -> dict[EntityType, str]:
        """Return the ids of the named entities by type; create missing ones."""
        known = self.ids_by_name(project_id, names)
        missing = [type for type in names if type not in known]
        if not missing:
            return known
        rows = [
            {
                "id": uuid7(),
                "project_id": project_id,
                "type": type,
                "name": names[type],
                "metadata": {},
                "total_memories": 0,
                "created_at": moment,
                "updated_at": moment,
            }
            for type in missing
        ]
        # Another transaction may create the same entity at this moment; the first one wins.
        make = sqlite_insert if self._connection.dialect.name == "sqlite" else postgresql_insert
        self._connection.execute(make(_ENTITIES).on_conflict_do_nothing(), rows)
        return self.ids_by_name(project_id, names)

    def ids_by_name(
        self, project_id: str, names: Mapping[EntityType, str]
    ) -> dict[EntityType, str]:
        """Return the ids of the named entities that exist, by type."""
        values = {"project": project_id, "names": list(names.items())}
        return {row.type: row.id for row in self._connection.execute(_IDS_BY_NAME, values)}

    def set_metadata(self, id: str, metadata: dict[str, Any], moment: datetime) -> None:
        """Replace the metadata of an entity."""
        statement = update(_ENTITIES).where(_ENTITIES.c.id == id)
        self._connection.execute(statement.values(metadata=metadata, updated_at=moment))

    def lock(self, id: str) -> None:
        """Keep other transactions from adding memories to the entity until commit."""
        statement = select(_ENTITIES.c.id).where(_ENTITIES.c.id == id)
        self._connection.execute(statement.with_for_update())

    def delete(self, id: str) -> None:
        """Delete an entity that has no memories."""
        self._connection.execute(_ENTITIES.delete().where(_ENTITIES.c.id == id))
