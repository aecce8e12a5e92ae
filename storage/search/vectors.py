"""The embeddings stored with the memories, from which any vector index can be rebuilt."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Select,
    bindparam,
    delete,
    insert,
    or_,
    select,
)

from core.entity_names import ENTITY_KEYS
from core.enums import EntityType, JobKind
from storage.sql.id_arrays import id_array_parameter, ids_as_table, prevent_index_use
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.memory import Memory, MemoryVector
from storage.tables.work import Job

_VECTORS = table_of(MemoryVector)
_MEMORIES = table_of(Memory)
_JOBS = table_of(Job)


@cache
def _pending(type: EntityType | None) -> Select[Any]:
    statement = (
        select(_VECTORS.c.memory_id, _VECTORS.c.vector)
        .join(_JOBS, _JOBS.c.subject == _VECTORS.c.memory_id)
        .where(
            _JOBS.c.kind == JobKind.INDEX,
            _JOBS.c.project_id == bindparam("project", type_=Id),
        )
    )
    if type is None:
        return statement
    statement = statement.join(_MEMORIES, _MEMORIES.c.id == _VECTORS.c.memory_id)
    return statement.where(_MEMORIES.c[ENTITY_KEYS[type]] == bindparam("entity", type_=Id))


@cache
def _in_scope(dialect: str, type: EntityType | None, among: bool) -> Select[Any]:
    statement = select(_VECTORS.c.memory_id, _VECTORS.c.vector)
    scope = bindparam("scope", type_=Id)
    column: ColumnElement[Any] = _VECTORS.c.project_id
    if type is not None:
        statement = statement.join(_MEMORIES, _MEMORIES.c.id == _VECTORS.c.memory_id)
        column = _MEMORIES.c[ENTITY_KEYS[type]]
    statement = statement.where((prevent_index_use(column, dialect) if among else column) == scope)
    if among:
        given, _, id = ids_as_table(dialect)
        statement = statement.where(_VECTORS.c.memory_id.in_(select(id).select_from(given)))
    return statement


class VectorStore:
    """Reads and writes the vectors of memories, little-endian float32 bytes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, project_id: str, model: str, vectors: Sequence[tuple[str, bytes]]) -> None:
        """Store the vectors of memories as (id, vector), replacing the former ones."""
        if vectors:
            self.delete([id for id, _ in vectors])
            self.add(project_id, model, vectors)

    def add(self, project_id: str, model: str, vectors: Sequence[tuple[str, bytes]]) -> None:
        """Store the vectors of memories without one, as (id, vector)."""
        self._connection.execute(
            insert(_VECTORS),
            [
                {"memory_id": id, "project_id": project_id, "model": model, "vector": vector}
                for id, vector in vectors
            ],
        )

    def in_scope(
        self,
        project_id: str,
        entity: tuple[EntityType, str] | None,
        among: Sequence[str] | None = None,
    ) -> list[tuple[str, bytes]]:
        """Return (memory id, vector) of a project, or of one entity (type, id) in it.

        With `among`, only those of these memories.
        """
        values: dict[str, Any] = {"scope": entity[1] if entity else project_id}
        if among is not None:
            values["given"] = id_array_parameter(self._connection, among)
        dialect = self._connection.dialect.name
        statement = _in_scope(dialect, entity[0] if entity else None, among is not None)
        return self._pairs(statement, values)

    def pending(
        self, project_id: str, entity: tuple[EntityType, str] | None = None
    ) -> list[tuple[str, bytes]]:
        """Return (memory id, vector) of memories whose index jobs are pending.

        They are of a project, or of one entity (type, id) in it.
        """
        values = {"project": project_id}
        if entity is not None:
            values["entity"] = entity[1]
        return self._pairs(_pending(entity[0] if entity else None), values)

    def _pairs(self, statement: Select[Any], values: dict[str, Any]) -> list[tuple[str, bytes]]:
        # Fetching all rows at once costs a third of iterating; a row is a tuple already.
        return self._connection.execute(statement, values).all()  # type: ignore[return-value]

    def to_index(self, memory_ids: Iterable[str]) -> list[tuple[str, bytes, dict[str, str]]]:
        """Return (memory id, vector, entity ids by column) of the memories that still exist."""
        keys = [_MEMORIES.c[key] for key in ENTITY_KEYS.values()]
        statement = (
            select(_VECTORS.c.memory_id, _VECTORS.c.vector, *keys)
            .join(_MEMORIES, _MEMORIES.c.id == _VECTORS.c.memory_id)
            .where(_VECTORS.c.memory_id.in_(list(memory_ids)))
        )
        names = ENTITY_KEYS.values()
        return [
            (id, vector, {name: key for name, key in zip(names, row, strict=True) if key})
            for id, vector, *row in self._connection.execute(statement)
        ]

    def page(self, project_id: str, after: str, limit: int) -> list[str]:
        """Return up to `limit` ids of a project's memories with vectors after an id, in order."""
        statement = (
            select(_VECTORS.c.memory_id)
            .where(_VECTORS.c.project_id == project_id, _VECTORS.c.memory_id > after)
            .order_by(_VECTORS.c.memory_id)
            .limit(limit)
        )
        return list(self._connection.execute(statement).scalars())

    def delete(self, memory_ids: Sequence[str]) -> None:
        """Delete the vectors of memories."""
        self._connection.execute(delete(_VECTORS).where(_VECTORS.c.memory_id.in_(memory_ids)))


def unexpired(memories: Any) -> Any:
    """Return the condition that memories have not expired by the parameter `today`."""
    return or_(
        memories.c.expiration_date.is_(None),
        memories.c.expiration_date >= bindparam("today", type_=Date),
    )
