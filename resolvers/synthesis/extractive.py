"""Filling the fields of a schema from memories without a model: each field is a search.

What is found is told in its own words. What is not text must be said unmistakably by the best of
what was found, and whatever does not match the schema is left out: null is better than a guess.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.filters.tree import Filter, pinned_entity
from core.json_schemas import Schema, validation_problem
from core.schema_fields import Field, build_object
from language.dates.moments import Precision, moment_of
from language.values import stated_members, stated_numbers, stated_truth
from resolvers.context import Context
from resolvers.memories.listing import current_memories
from resolvers.search.execution import Query, rank_and_load
from resolvers.search.results import Hit
from storage.memories.entities import EntityRow
from storage.memories.rows import MemoryRow
from storage.tenancy.projects import ProjectRow

# The least cosine of a memory that tells of a field: with the embedder that ships "home city" has
# 0.32 with "I live in Lisbon.", and most of what has nothing to do with a field less than 0.3.
NEAR = 0.3
# How many of the best are read for a value that is not text.
READ = 3
_SEARCHED = 20


@dataclass(slots=True)
class FilledObject:
    """An object, and the ids of the memories it was made of."""

    data: dict[str, Any]
    memory_ids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Answer:
    value: Any = None
    memories: list[MemoryRow] = field(default_factory=list)


async def fill_schema(
    ctx: Context,
    project: ProjectRow,
    filter: Filter | None,
    schema: Schema,
    fields: Sequence[Field],
    reference: datetime,
) -> FilledObject:
    """Return the object of a schema, each field filled from the memories of a filter or null.

    `reference` is when it was asked for. The same memories give the same object.
    """
    pinned = pinned_entity(filter)
    entity: EntityRow | None = None
    if pinned is not None:
        entity = await ctx.loaders.entity(project.id, *pinned)
    is_empty = pinned is not None and entity is None
    reader = _Reader(schema)
    values: list[tuple[Field, Any]] = []
    used: set[str] = set()
    for each in fields:
        hits: list[Hit] = []
        if not is_empty and each.options and each.words:
            query = Query(each.words, _SEARCHED, NEAR, False, current_memories(filter), reference)
            hits = await rank_and_load(ctx, project, entity, query, decay=False)
        near = [hit.memory for hit in hits if hit.score_breakdown.semantic >= NEAR]
        answer = reader.answer(each, near)
        values.append((each, answer.value))
        used.update(memory.id for memory in answer.memories)
    return FilledObject(build_object(values), used)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what memories, best first, say of a field."""

    schema: Schema

    def answer(self, asked: Field, memories: Sequence[MemoryRow]) -> _Answer:
        if asked.most is not None:
            return self._several(asked, asked.most, memories)
        for option in asked.options:
            if len(asked.options) == 1 and "const" in option:
                return _Answer(option["const"])
            answer = self._single(asked, option, memories)
            if answer.memories:
                return answer
        return _Answer()

    def _single(self, asked: Field, option: Schema, memories: Sequence[MemoryRow]) -> _Answer:
        is_text = _is_text(option)
        for memory in memories if is_text else memories[:READ]:
            values = self._values(asked, option, memory)
            if values:
                # Of two that one memory has neither is the one.
                return _Answer(values[0], [memory]) if len(values) == 1 else _Answer()
        return _Answer()

    def _several(self, asked: Field, most: int, memories: Sequence[MemoryRow]) -> _Answer:
        answer = _Answer([])
        for memory in memories:
            values = [
                value
                for option in asked.options
                for value in self._values(asked, option, memory)
                if value not in answer.value
            ][: most - len(answer.value)]
            if values:
                answer.value += values
                answer.memories.append(memory)
        if not answer.value or len(answer.value) < asked.least:
            return _Answer()
        return answer

    def _values(self, asked: Field, option: Schema, memory: MemoryRow) -> list[Any]:
        """Return the values that a memory states for an option and that match it."""
        whole = {**option, "$defs": {**self.schema.get("$defs", {}), **option.get("$defs", {})}}
        return [
            value
            for value in _stated(asked, option, memory)
            if value is not None and validation_problem(whole, value) is None
        ]


def _is_text(option: Schema) -> bool:
    known = option.get("type", "string") == "string" and "enum" not in option
    return known and "const" not in option and "format" not in option


def _stated(asked: Field, option: Schema, memory: MemoryRow) -> Iterator[Any]:
    members = [option["const"]] if "const" in option else option.get("enum")
    if members is not None:
        yield from stated_members(memory.text, [each for each in members if isinstance(each, str)])
        if any(isinstance(each, int | float) for each in members):
            yield from stated_numbers(memory.text)
        return
    match option.get("type", "string"):
        case "string":
            yield _text(option.get("format"), memory)
        case "number" | "integer":
            yield from stated_numbers(memory.text)
        case "boolean":
            yield stated_truth(memory.text, asked.name)


def _text(format: str | None, memory: MemoryRow) -> str | None:
    """Return what a memory says, or the moment it tells of; other formats are none it would have.

    A day must be known as a day, a time as a time.
    """
    if format is None:
        return memory.text
    if format not in ("date", "date-time"):
        return None
    moment = moment_of(memory.text, memory.timestamp or memory.created_at)
    if moment is None or moment.until is not None:
        return None
    if format == "date-time":
        return moment.at.isoformat() if moment.precision is Precision.TIME else None
    exact = moment.precision in (Precision.DAY, Precision.TIME)
    return moment.at.date().isoformat() if exact else None
