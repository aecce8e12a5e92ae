"""The memories that ranking reads: rows that resolvers convert into its documents.

These reads do not check visibility: a resolver has checked the ids and scopes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    Double,
    FromClause,
    Integer,
    Select,
    bindparam,
    case,
    cast,
    extract,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

from core.entity_names import ENTITY_KEYS
from core.enums import EntityType, MemoryState
from storage.sql.id_arrays import id_array_parameter, ids_as_table, prevent_index_use
from storage.tables.columns import Id, Name, UtcDateTime
from storage.tables.fields import table_of
from storage.tables.graph import Entity, HistoryEvent, Project
from storage.tables.memory import Memory, MemoryKeywords, MemoryOrigin, MemoryVector

_MEMORIES = table_of(Memory)
_VECTORS = table_of(MemoryVector)
_KEYWORDS = table_of(MemoryKeywords)
_ORIGINS = table_of(MemoryOrigin)
_HISTORY = table_of(HistoryEvent)
_PROJECTS = table_of(Project)
_ENTITIES = table_of(Entity)


# A line of memories that replaced each other is followed for so many steps.
_MOST_STEPS = 32
_EPOCH, _EPOCH_OF_JULIAN = date(1970, 1, 1), 2440587.5


class DocumentRow(NamedTuple):
    """A memory as ranking reads it, with the keywords of its text and its vector, float32 bytes.

    `happened` is in seconds and `expires` in days since 1970. `origin` is the id of the message
    that it is searched with. Thousands are read at once, so all columns have types that need no
    conversion.
    """

    id: str
    previous_id: str | None
    speaker: str | None
    happened: float
    terms: str
    words: int
    is_question: int
    names_speaker: int
    vector: bytes
    expires: int | None
    state: str
    role: str | None
    successor_id: str | None
    origin: str | None


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text and its speaker, None if unknown."""

    text: str
    speaker: str | None


def speaker_of(
    actor: str | None, role: str | None, user_id: str | None, agent_id: str | None
) -> str | None:
    """Return the speaker of a memory: the actor, else the user or agent according to the role."""
    return actor or {"user": user_id, "assistant": agent_id}.get(role or "")


def _speaker(memory: FromClause) -> ColumnElement[Any]:
    return func.coalesce(
        memory.c.actor,
        case((memory.c.role == "user", memory.c.user_id)),
        case((memory.c.role == "assistant", memory.c.agent_id)),
    )


def _documents(dialect: str) -> Select[Any]:
    happened: ColumnElement[Any] = _MEMORIES.c.happened_at
    expires: ColumnElement[Any] = _MEMORIES.c.expiration_date
    if dialect == "postgresql":
        happened = cast(extract("epoch", happened), Double)
        expires = expires - literal(_EPOCH, Date)
    else:
        happened = (func.julianday(happened) - _EPOCH_OF_JULIAN) * 86_400.0
        expires = cast(func.julianday(expires) - _EPOCH_OF_JULIAN, Integer)
    return (
        select(
            _MEMORIES.c.id,
            _MEMORIES.c.previous_id,
            _speaker(_MEMORIES),
            type_coerce(happened, NullType),
            _KEYWORDS.c.terms,
            _KEYWORDS.c.words,
            type_coerce(_KEYWORDS.c.is_question, NullType),
            type_coerce(_KEYWORDS.c.names_speaker, NullType),
            type_coerce(_VECTORS.c.vector, NullType),
            type_coerce(expires, NullType),
            type_coerce(_MEMORIES.c.state, NullType),
            _MEMORIES.c.role,
            _MEMORIES.c.successor_id,
            _ORIGINS.c.message_id,
        )
        .join(_KEYWORDS, _KEYWORDS.c.memory_id == _MEMORIES.c.id)
        .join(_VECTORS, _VECTORS.c.memory_id == _MEMORIES.c.id)
        .outerjoin(_ORIGINS, _ORIGINS.c.memory_id == _MEMORIES.c.id)
    )


@cache
def _in_scope(dialect: str, type: EntityType | None) -> Select[Any]:
    column = _MEMORIES.c[ENTITY_KEYS[type]] if type else _MEMORIES.c.project_id
    return _documents(dialect).where(column == bindparam("scope", type_=Id))


_HEAD = select(_PROJECTS.c.sequence).where(_PROJECTS.c.id == bindparam("project", type_=Id))
_CHANGED = (
    select(_HISTORY.c.memory_id, _HISTORY.c.sequence)
    .where(
        _HISTORY.c.project_id == bindparam("project", type_=Id),
        _HISTORY.c.sequence > bindparam("after"),
    )
    .order_by(_HISTORY.c.sequence)
    .limit(bindparam("limit", type_=Integer))
)
_NEWEST_TERMS = (
    select(_KEYWORDS.c.terms, _KEYWORDS.c.words, _speaker(_MEMORIES))
    .join(_MEMORIES, _MEMORIES.c.id == _KEYWORDS.c.memory_id)
    .where(_MEMORIES.c.project_id == bindparam("project", type_=Id))
    .order_by(_MEMORIES.c.created_at.desc(), _MEMORIES.c.id.desc())
    .limit(bindparam("limit"))
)


@cache
def _found(dialect: str, type: EntityType | None) -> Select[Any]:
    given, _, id = ids_as_table(dialect)
    statement = _documents(dialect).where(
        _MEMORIES.c.id.in_(select(id).select_from(given)),
        prevent_index_use(_MEMORIES.c.project_id, dialect) == bindparam("project", type_=Id),
    )
    if type is None:
        return statement
    key = prevent_index_use(_MEMORIES.c[ENTITY_KEYS[type]], dialect)
    return statement.where(key == bindparam("entity", type_=Id))


@cache
def _happened(type: EntityType | None) -> Select[Any]:
    happened = _MEMORIES.c.happened_at
    statement = (
        select(_MEMORIES.c.id)
        .where(
            _MEMORIES.c.project_id == bindparam("project", type_=Id),
            happened >= bindparam("since", type_=UtcDateTime),
            happened < bindparam("until", type_=UtcDateTime),
        )
        .order_by(happened.desc(), _MEMORIES.c.id.desc())
        .limit(bindparam("limit", type_=Integer))
    )
    if type is None:
        return statement
    return statement.where(_MEMORIES.c[ENTITY_KEYS[type]] == bindparam("entity", type_=Id))


@cache
def _around(dialect: str) -> Select[Any]:
    given, _, id = ids_as_table(dialect)
    memory, before, after = (_MEMORIES.alias() for _ in range(3))
    return (
        select(memory.c.previous_id, before.c.previous_id, after.c.id)
        .select_from(memory)
        .outerjoin(before, before.c.id == memory.c.previous_id)
        .outerjoin(after, after.c.previous_id == memory.c.id)
        .where(memory.c.id.in_(select(id).select_from(given)))
    )


@cache
def _successors(dialect: str) -> Select[Any]:
    """Return the superseded memories among those given, and what replaced each, step by step."""
    given, _, id = ids_as_table(dialect)
    columns = (_MEMORIES.c.id, _MEMORIES.c.successor_id)
    superseded = _MEMORIES.c.state == MemoryState.SUPERSEDED
    line = (
        select(*columns, literal(1).label("step"))
        .where(_MEMORIES.c.id.in_(select(id).select_from(given)), superseded)
        .cte("line", recursive=True)
    )
    line = line.union(
        select(*columns, line.c.step + 1)
        .join(line, _MEMORIES.c.id == line.c.successor_id)
        .where(superseded, line.c.step < _MOST_STEPS)
    )
    return select(line.c.id, line.c.successor_id)


@cache
def _superseded_by(dialect: str) -> Select[Any]:
    given, _, id = ids_as_table(dialect)
    return (
        select(_MEMORIES.c.id, _MEMORIES.c.successor_id)
        .where(
            _MEMORIES.c.successor_id.in_(select(id).select_from(given)),
            _MEMORIES.c.state == MemoryState.SUPERSEDED,
        )
        .order_by(_MEMORIES.c.id.desc())
        .limit(bindparam("limit", type_=Integer))
    )


@cache
def _utterances(dialect: str) -> Select[Any]:
    given, _, id = ids_as_table(dialect)
    memory, before = _MEMORIES.alias(), _MEMORIES.alias()
    return (
        select(memory.c.id, memory.c.text, _speaker(memory), before.c.text, _speaker(before))
        .select_from(memory)
        .outerjoin(before, before.c.id == memory.c.previous_id)
        .where(memory.c.id.in_(select(id).select_from(given)))
    )


@cache
def _last_utterance(types: frozenset[EntityType]) -> Select[Any]:
    """Return the statement for the newest memory of a run about entities of exactly these types."""
    run = _ENTITIES.alias()
    key = select(run.c.id).where(
        run.c.project_id == bindparam("project", type_=Id),
        run.c.type == EntityType.RUN,
        run.c.name == bindparam(EntityType.RUN.value, type_=Name),
    )
    conditions = [_MEMORIES.c.run_key == key.scalar_subquery()]
    for type in set(EntityType) - {EntityType.RUN}:
        name = _MEMORIES.c[f"{type.value.lower()}_id"]
        is_named = name == bindparam(type.value, type_=Name)
        conditions.append(is_named if type in types else name.is_(None))
    return (
        select(_MEMORIES.c.id, _MEMORIES.c.text, _speaker(_MEMORIES))
        .where(*conditions)
        .order_by(_MEMORIES.c.created_at.desc(), _MEMORIES.c.id.desc())
        .limit(1)
    )


class DocumentStore:
    """Reads the documents of ranking and their surroundings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heads: dict[str, int] = {}

    def head(self, project_id: str) -> int:
        """Return the number of the last change of a project, -1 for a project that does not exist.

        Its value at the first call in this transaction is cached.
        """
        if project_id not in self._heads:
            head = self._connection.execute(_HEAD, {"project": project_id}).scalar_one_or_none()
            self._heads[project_id] = -1 if head is None else head
        return self._heads[project_id]

    def in_scope(self, project_id: str, entity: tuple[EntityType, str] | None) -> list[DocumentRow]:
        """Return all documents of a project, or of one entity (type, id) in it."""
        statement = _in_scope(self._connection.dialect.name, entity[0] if entity else None)
        return self._rows(statement, {"scope": entity[1] if entity else project_id})

    def changed(self, project_id: str, after: int, most: int) -> list[str] | None:
        """Return the ids of memories changed after a number in the log, which is not its head.

        None when all documents must be read again: after more than `most` changes, which would cost
        more than that, and when the log has been pruned beyond the number. The log is dense, so in
        that case it does not continue with the next number.
        """
        values = {"project": project_id, "after": after, "limit": most + 1}
        rows = self._connection.execute(_CHANGED, values).all()
        if len(rows) > most or not rows or rows[0].sequence != after + 1:
            return None
        return list(dict.fromkeys(row.memory_id for row in rows))

    def find(
        self,
        ids: Sequence[str],
        project_id: str,
        entity: tuple[EntityType, str] | None = None,
    ) -> list[DocumentRow]:
        """Return the documents of ids in a project, or about one entity (type, id) in it."""
        type = entity[0] if entity else None
        statement = _found(self._connection.dialect.name, type)
        values = {"given": id_array_parameter(self._connection, ids), "project": project_id}
        if entity is not None:
            values["entity"] = entity[1]
        return self._rows(statement, values)

    def _rows(self, statement: Select[Any], values: dict[str, Any]) -> list[DocumentRow]:
        rows = self._connection.execute(statement, values)
        return [DocumentRow._make(row) for row in rows.all()]

    def neighbours(self, ids: Sequence[str]) -> list[str]:
        """Return the ids of the neighbours of memories in their conversations.

        These are the two memories before each and the one after it, sorted, without `ids`.
        """
        statement = _around(self._connection.dialect.name)
        values = {"given": id_array_parameter(self._connection, ids)}
        around = {id for row in self._connection.execute(statement, values) for id in row if id}
        return sorted(around.difference(ids))

    def successors(self, ids: Sequence[str]) -> list[str]:
        """Return the superseded memories among the ids and their successors, step by step.

        At most 32 steps are followed.
        """
        return self._lineage(_successors(self._connection.dialect.name), ids)

    def superseded_by(self, ids: Sequence[str], limit: int) -> list[str]:
        """Return up to `limit` memories that the ids have superseded, newest first, and those."""
        statement = _superseded_by(self._connection.dialect.name)
        return self._lineage(statement, ids, limit=limit)

    def _lineage(self, statement: Select[Any], ids: Sequence[str], **values: int) -> list[str]:
        given = {"given": id_array_parameter(self._connection, ids), **values}
        found = self._connection.execute(statement, given).all()
        return list(dict.fromkeys(id for row in found for id in row if id))

    def ids_by_time(
        self,
        project_id: str,
        entity: tuple[EntityType, str] | None,
        within: tuple[datetime, datetime],
        limit: int,
    ) -> list[str]:
        """Return the ids of up to `limit` memories that happened in a period, latest first.

        The period includes its first moment and excludes its second.
        """
        values = {"project": project_id, "limit": limit, "since": within[0], "until": within[1]}
        if entity is not None:
            values["entity"] = entity[1]
        statement = _happened(entity[0] if entity else None)
        return list(self._connection.execute(statement, values).scalars())

    def newest_terms(self, project_id: str, limit: int) -> list[tuple[str, int, str | None]]:
        """Return (terms, number of content words, speaker) of a project's newest memories."""
        values = {"project": project_id, "limit": limit}
        return self._connection.execute(_NEWEST_TERMS, values).all()  # type: ignore[return-value]

    def utterances(self, ids: Sequence[str]) -> dict[str, tuple[Utterance, Utterance | None]]:
        """Return each memory's utterance and the one before it in its conversation, by id."""
        statement = _utterances(self._connection.dialect.name)
        values = {"given": id_array_parameter(self._connection, ids)}
        return {
            id: (Utterance(text, speaker), None if former is None else Utterance(former, by))
            for id, text, speaker, former, by in self._connection.execute(statement, values)
        }

    def last_utterance(
        self, project_id: str, entities: Mapping[EntityType, str]
    ) -> tuple[str, Utterance] | None:
        """Return the id and utterance of the newest memory of a run about exactly these entities.

        `entities` are names by type. None when they include no run, or the run has no such memory.
        """
        if EntityType.RUN not in entities:
            return None
        values = {type.value: name for type, name in entities.items()}
        statement = _last_utterance(frozenset(entities))
        result = self._connection.execute(statement, {"project": project_id, **values})
        row = result.one_or_none()
        return None if row is None else (row[0], Utterance(row[1], row[2]))
