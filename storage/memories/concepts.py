"""Concepts: the people, places and things that memories mention, and who is mentioned with whom."""

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
    """One concept, by the name under which it was first met."""

    id: str
    project_id: str
    name: str
    created_at: datetime


def _name_contains(concept: FromClause) -> ColumnElement[Any]:
    wanted = bindparam("name_contains", type_=LongText)
    return func.replace(concept.c.name, wanted, "") != concept.c.name


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

_WANTED = bindparam("concepts", expanding=True, type_=Id)


def _shown() -> tuple[ColumnElement[Any], ...]:
    """Return the conditions of memories that lists show by themselves, by `today`."""
    return (_MEMORIES.c.state != MemoryState.MERGED, unexpired(_MEMORIES))


_TOTALS = (
    select(_LINKS.c.concept_id, func.count())
    .join(_MEMORIES, _MEMORIES.c.id == _LINKS.c.memory_id)
    .where(_LINKS.c.concept_id.in_(_WANTED), *_shown())
    .group_by(_LINKS.c.concept_id)
)


def _related() -> Select[Any]:
    other = _LINKS.alias("other")
    shared = (
        select(_LINKS.c.concept_id, other.c.concept_id.label("other"), func.count().label("shared"))
        .join(other, other.c.memory_id == _LINKS.c.memory_id)
        .join(_MEMORIES, _MEMORIES.c.id == _LINKS.c.memory_id)
        .where(_LINKS.c.concept_id.in_(_WANTED), other.c.concept_id != _LINKS.c.concept_id)
        .where(*_shown())
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
    # A limit for each, so that nothing common is read to its end.
    parts = []
    for n in range(concepts):
        wanted = _LINKS.c.concept_id == bindparam(f"concept_{n}", type_=Id)
        some = select(_LINKS.c.concept_id, _LINKS.c.memory_id).where(wanted)
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
    """Return those of the names that stand in a text as whole words."""
    said = concept_key(text)
    return [
        name
        for name in names
        if re.search(rf"(?<![a-z0-9_]){re.escape(concept_key(name))}(?![a-z0-9_])", said)
    ]


class ConceptStore:
    """Reads and writes concepts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def link(self, project_id: str, names: Mapping[str, Sequence[str]], moment: datetime) -> None:
        """Note which concepts memories mention, by memory; those that are missing are made."""
        keys = {id: {concept_key(name): name for name in some} for id, some in names.items()}
        wanted = {key: name for some in keys.values() for key, name in some.items() if key}
        if not wanted:
            return
        dialect = self._connection.dialect.name
        make = sqlite_insert if dialect == "sqlite" else postgresql_insert
        # In one order, so that two who make the same concepts do not wait for each other.
        shared = {"project_id": project_id, "created_at": moment}
        rows = [
            {"id": uuid7(), "name": name, "key": key, **shared}
            for key, name in sorted(wanted.items())
        ]
        self._connection.execute(make(_CONCEPTS).on_conflict_do_nothing(), rows)
        ids = self.by_key(project_id, wanted)
        links = [
            {"memory_id": memory, "concept_id": ids[key]}
            for memory, some in keys.items()
            for key in some
            if key in ids
        ]
        self._connection.execute(make(_LINKS).on_conflict_do_nothing(), links)

    def by_key(self, project_id: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the ids of a project's concepts among the keys, by key."""
        statement = select(_CONCEPTS.c.key, _CONCEPTS.c.id).where(
            _CONCEPTS.c.project_id == project_id,
            _CONCEPTS.c.key.in_(bindparam("keys", expanding=True, type_=Name)),
        )
        found = self._connection.execute(statement, {"keys": sorted(keys)})
        return {row.key: row.id for row in found}

    def names(self, project_id: str, limit: int) -> list[str]:
        """Return the names of a project's concepts, those met last first."""
        statement = select(_CONCEPTS.c.name).where(_CONCEPTS.c.project_id == project_id)
        newest = statement.order_by(_CONCEPTS.c.id.desc()).limit(limit)
        return list(self._connection.execute(newest).scalars())

    def of_memories(self, memory_ids: Sequence[str]) -> dict[str, list[ConceptRow]]:
        """Return the concepts of each memory that has any, by name."""
        found: defaultdict[str, list[ConceptRow]] = defaultdict(list)
        for memory_id, *row in self._connection.execute(_OF_MEMORIES, {"memories": memory_ids}):
            found[memory_id].append(ConceptRow(*row))
        return dict(found)

    def mentions(self, ids: Sequence[str], most: int) -> dict[str, list[str]]:
        """Return the memories that mention each concept, for those that at most so many do."""
        if not ids:
            return {}
        values: dict[str, Any] = {f"concept_{n}": id for n, id in enumerate(ids)}
        found: defaultdict[str, list[str]] = defaultdict(list)
        statement = _mentioning(len(ids))
        for id, memory_id in self._connection.execute(statement, {**values, "limit": most + 1}):
            found[id].append(memory_id)
        return {id: memory_ids for id, memory_ids in found.items() if len(memory_ids) <= most}

    def totals(self, ids: Sequence[str], today: date) -> dict[str, int]:
        """Return how many memories mention each concept, of those that lists show by `today`."""
        values = {"concepts": ids, "today": today}
        return dict(self._connection.execute(_TOTALS, values).all())

    def related(
        self, ids: Sequence[str], limit: int, today: date
    ) -> dict[str, list[tuple[ConceptRow, int]]]:
        """Return for each concept those it shares most memories with, and how many these are."""
        values = {"concepts": ids, "limit": limit, "today": today}
        found: defaultdict[str, list[tuple[ConceptRow, int]]] = defaultdict(list)
        for parent, shared, *row in self._connection.execute(_RELATED, values):
            found[parent].append((ConceptRow(*row), shared))
        return dict(found)

    def retain_mentioned(self, memory_id: str, text: str) -> tuple[list[str], list[str]]:
        """Let go of the concepts that a memory's text does not name any more.

        Returns the names of those it had and of those it has.
        """
        had = self.of_memories([memory_id]).get(memory_id, [])
        names = [concept.name for concept in had]
        kept = names_in_text(text, names)
        gone = [concept.id for concept in had if concept.name not in kept]
        if gone:
            links = (_LINKS.c.memory_id == memory_id, _LINKS.c.concept_id.in_(gone))
            self._connection.execute(delete(_LINKS).where(*links))
            self.drop_unlinked(gone)
        return names, kept

    def drop_unlinked(self, ids: Iterable[str]) -> None:
        """Delete those of the concepts that no memory mentions."""
        wanted = sorted(set(ids))
        if wanted:
            if self._connection.dialect.name != "sqlite":
                # Whoever is linking to one of them has locked it, and is waited for here: the next
                # statement sees the link, which a deletion that waits itself would take along.
                held = select(_CONCEPTS.c.id).where(_CONCEPTS.c.id.in_(wanted))
                self._connection.execute(held.order_by(_CONCEPTS.c.id).with_for_update()).all()
            link = select(_LINKS.c.concept_id).where(_LINKS.c.concept_id == _CONCEPTS.c.id)
            unlinked = (_CONCEPTS.c.id.in_(wanted), ~link.exists())
            self._connection.execute(delete(_CONCEPTS).where(*unlinked))
