"""Concepts: the people, places and things that memories mention, and their co-occurrence."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    Integer,
    Select,
    bindparam,
    delete,
    func,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from core.enums import MemoryState
from core.ids import uuid7
from core.paging import Order
from language.concepts import concept_key
from storage.memories.rows import MEMORIES
from storage.memories.selection import FLAGS
from storage.search.vectors import unexpired
from storage.sql.listing import Listing, Source
from storage.sql.visibility import in_visible_concept, in_visible_project
from storage.tables.columns import Id, LongText, Name
from storage.tables.fields import table_of
from storage.tables.memory import Concept, Memory, MemoryConcept

_CONCEPTS = table_of(Concept)
_LINKS = table_of(MemoryConcept)
_MEMORIES = table_of(Memory)


@dataclass(slots=True)
class ConceptRow:
    """One concept; `name` is its spelling in its first mention."""

    id: str
    project_id: str
    name: str
    created_at: datetime


def _name_contains(concept: FromClause) -> ColumnElement[Any]:
    part = bindparam("name_contains", type_=LongText)
    return func.replace(concept.c.name, part, "") != concept.c.name


def _mentions(memory: FromClause, concept_id: ColumnElement[Any]) -> ColumnElement[Any]:
    link = _LINKS.alias("link")
    return memory.c.id.in_(
        select(link.c.memory_id).where(link.c.concept_id == concept_id).correlate_except(link)
    )


CONCEPT_ORDER = Order("concepts", ("name", "id"))
CONCEPTS = Source(
    "concept", _CONCEPTS, ConceptRow, lambda concept: in_visible_project(concept.c.project_id)
)
CONCEPTS_OF_PROJECT = Listing(
    CONCEPTS, "project_id", in_visible_project, {"name_contains": _name_contains}
)
MEMORIES_OF_CONCEPT = Listing(MEMORIES, None, in_visible_concept, FLAGS, _mentions)

_CONCEPT_IDS = bindparam("concepts", expanding=True, type_=Id)


def _listed_by_default() -> tuple[ColumnElement[Any], ...]:
    """Return the conditions of memories that lists include by default, with parameter `today`."""
    return (_MEMORIES.c.state != MemoryState.MERGED, unexpired(_MEMORIES))


_TOTALS = (
    select(_LINKS.c.concept_id, func.count())
    .join(_MEMORIES, _MEMORIES.c.id == _LINKS.c.memory_id)
    .where(_LINKS.c.concept_id.in_(_CONCEPT_IDS), *_listed_by_default())
    .group_by(_LINKS.c.concept_id)
)


def _related() -> Select[Any]:
    other = _LINKS.alias("other")
    shared = (
        select(_LINKS.c.concept_id, other.c.concept_id.label("other"), func.count().label("shared"))
        .join(other, other.c.memory_id == _LINKS.c.memory_id)
        .join(_MEMORIES, _MEMORIES.c.id == _LINKS.c.memory_id)
        .where(_LINKS.c.concept_id.in_(_CONCEPT_IDS), other.c.concept_id != _LINKS.c.concept_id)
        .where(*_listed_by_default())
        .group_by(_LINKS.c.concept_id, other.c.concept_id)
        .subquery("shared")
    )
    best_first = (shared.c.shared.desc(), _CONCEPTS.c.name, _CONCEPTS.c.id)
    place = func.row_number().over(partition_by=shared.c.concept_id, order_by=best_first)
    ranked = (
        select(
            shared.c.concept_id.label("parent"),
            shared.c.shared,
            *(_CONCEPTS.c[name] for name in ConceptRow.__dataclass_fields__),
            place.label("place"),
        )
        .join(_CONCEPTS, _CONCEPTS.c.id == shared.c.other)
        .subquery("ranked")
    )
    columns = [ranked.c[name] for name in ConceptRow.__dataclass_fields__]
    return (
        select(ranked.c.parent, ranked.c.shared, *columns)
        .where(ranked.c.place <= bindparam("limit", type_=Integer))
        .order_by(ranked.c.parent, ranked.c.place)
    )


@cache
def _mentioning(concepts: int) -> CompoundSelect[Any]:
    # A limit for each concept, so that the links of a frequent one are not all read.
    parts = []
    for n in range(concepts):
        is_concept = _LINKS.c.concept_id == bindparam(f"concept_{n}", type_=Id)
        some = select(_LINKS.c.concept_id, _LINKS.c.memory_id).where(is_concept)
        parts.append(select(some.limit(bindparam("limit", type_=Integer)).subquery()))
    return union_all(*parts)


_RELATED = _related()
_OF_MEMORIES = (
    select(_LINKS.c.memory_id, *(_CONCEPTS.c[name] for name in ConceptRow.__dataclass_fields__))
    .join(_CONCEPTS, _CONCEPTS.c.id == _LINKS.c.concept_id)
    .where(_LINKS.c.memory_id.in_(bindparam("memories", expanding=True, type_=Id)))
    .order_by(_LINKS.c.memory_id, _CONCEPTS.c.name, _CONCEPTS.c.id)
)


def names_in_text(text: str, names: Iterable[str]) -> list[str]:
    """Return the names that a text contains as whole words, in their given order."""
    normalized = concept_key(text)
    return [
        name
        for name in names
        if re.search(rf"(?<![a-z0-9_]){re.escape(concept_key(name))}(?![a-z0-9_])", normalized)
    ]


class ConceptStore:
    """Reads and writes concepts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def link(self, project_id: str, names: Mapping[str, Sequence[str]], moment: datetime) -> None:
        """Link memories to the concepts they mention, and create missing concepts.

        `names` are the names of the concepts by memory id.
        """
        keys = {id: {concept_key(name): name for name in some} for id, some in names.items()}
        name_of = {key: name for some in keys.values() for key, name in some.items() if key}
        if not name_of:
            return
        dialect = self._connection.dialect.name
        make = sqlite_insert if dialect == "sqlite" else postgresql_insert
        # In the order of keys, so that two transactions that create the same concepts do not
        # deadlock.
        shared = {"project_id": project_id, "created_at": moment}
        rows = [
            {"id": uuid7(), "name": name, "key": key, **shared}
            for key, name in sorted(name_of.items())
        ]
        self._connection.execute(make(_CONCEPTS).on_conflict_do_nothing(), rows)
        ids = self.by_key(project_id, name_of)
        links = [
            {"memory_id": memory, "concept_id": ids[key]}
            for memory, some in keys.items()
            for key in some
            if key in ids
        ]
        self._connection.execute(make(_LINKS).on_conflict_do_nothing(), links)

    def by_key(self, project_id: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the ids of a project's concepts with these keys, by key."""
        statement = select(_CONCEPTS.c.key, _CONCEPTS.c.id).where(
            _CONCEPTS.c.project_id == project_id,
            _CONCEPTS.c.key.in_(bindparam("keys", expanding=True, type_=Name)),
        )
        rows = self._connection.execute(statement, {"keys": sorted(keys)})
        return {row.key: row.id for row in rows}

    def names(self, project_id: str, limit: int) -> list[str]:
        """Return the names of up to `limit` concepts of a project, newest first."""
        statement = select(_CONCEPTS.c.name).where(_CONCEPTS.c.project_id == project_id)
        newest = statement.order_by(_CONCEPTS.c.id.desc()).limit(limit)
        return list(self._connection.execute(newest).scalars())

    def of_memories(self, memory_ids: Sequence[str]) -> dict[str, list[ConceptRow]]:
        """Return the concepts of each memory that has any, by memory id and sorted by name."""
        concepts: defaultdict[str, list[ConceptRow]] = defaultdict(list)
        for memory_id, *row in self._connection.execute(_OF_MEMORIES, {"memories": memory_ids}):
            concepts[memory_id].append(ConceptRow(*row))
        return dict(concepts)

    def mentions(self, ids: Sequence[str], most: int) -> dict[str, list[str]]:
        """Return the ids of the memories that mention each concept, by concept id.

        Concepts that more than `most` memories mention are left out.
        """
        if not ids:
            return {}
        values: dict[str, Any] = {f"concept_{n}": id for n, id in enumerate(ids)}
        mentions: defaultdict[str, list[str]] = defaultdict(list)
        statement = _mentioning(len(ids))
        for id, memory_id in self._connection.execute(statement, {**values, "limit": most + 1}):
            mentions[id].append(memory_id)
        return {id: memory_ids for id, memory_ids in mentions.items() if len(memory_ids) <= most}

    def totals(self, ids: Sequence[str], today: date) -> dict[str, int]:
        """Return how many memories mention each concept, by id, without expired and merged ones."""
        values = {"concepts": ids, "today": today}
        return dict(self._connection.execute(_TOTALS, values).all())

    def related(
        self, ids: Sequence[str], limit: int, today: date
    ) -> dict[str, list[tuple[ConceptRow, int]]]:
        """Return related concepts of each concept, by id, with the number of shared memories.

        They are the `limit` concepts with the most shared memories, in that order. Expired and
        merged memories do not count.
        """
        values = {"concepts": ids, "limit": limit, "today": today}
        related: defaultdict[str, list[tuple[ConceptRow, int]]] = defaultdict(list)
        for parent, shared, *row in self._connection.execute(_RELATED, values):
            related[parent].append((ConceptRow(*row), shared))
        return dict(related)

    def retain_mentioned(self, memory_id: str, text: str) -> tuple[list[str], list[str]]:
        """Unlink the concepts that a memory's changed text no longer names.

        Returns the names of its former and of its present concepts.
        """
        former = self.of_memories([memory_id]).get(memory_id, [])
        names = [concept.name for concept in former]
        remaining = names_in_text(text, names)
        removed = [concept.id for concept in former if concept.name not in remaining]
        if removed:
            links = (_LINKS.c.memory_id == memory_id, _LINKS.c.concept_id.in_(removed))
            self._connection.execute(delete(_LINKS).where(*links))
            self.drop_unlinked(removed)
        return names, remaining

    def drop_unlinked(self, ids: Iterable[str]) -> None:
        """Delete the concepts among the ids that no memory mentions."""
        unique = sorted(set(ids))
        if unique:
            if self._connection.dialect.name != "sqlite":
                # A transaction that links to a concept has locked it. Waiting for it here lets the
                # next statement see the link. A deletion that waited itself would not see it, and
                # would delete the link by cascade.
                rows = select(_CONCEPTS.c.id).where(_CONCEPTS.c.id.in_(unique))
                self._connection.execute(rows.order_by(_CONCEPTS.c.id).with_for_update()).all()
            link = select(_LINKS.c.concept_id).where(_LINKS.c.concept_id == _CONCEPTS.c.id)
            unlinked = (_CONCEPTS.c.id.in_(unique), ~link.exists())
            self._connection.execute(delete(_CONCEPTS).where(*unlinked))
