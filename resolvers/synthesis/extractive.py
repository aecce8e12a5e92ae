"""Filling the fields of a schema from memories without a model: each field is a search.

Text fields get the text of a memory unchanged. Other values must be stated unambiguously by one of
the best hits. A value that does not match the schema is left out: null is better than a guess.
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

# The minimum cosine similarity of a memory and a field. With the bundled embedder "home city" has
# 0.32 with "I live in Lisbon.", and most memories that do not concern a field have less than 0.3.
NEAR = 0.3
# How many of the best hits are read for a value that is not text.
READ = 3
_SEARCHED = 20


@dataclass(slots=True)
class FilledObject:
    """An object, and the ids of the memories that its values come from."""

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
    """Return an object for a schema, each field filled from the memories of a filter or null.

    Relative dates are counted from `reference`, the time of the request. The same memories give the
    same object.
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
            query = Query(each.words, _SEARCHED, 0, False, current_memories(filter), reference)
            hits = await rank_and_load(ctx, project, entity, query)
        near = [hit.memory for hit in hits if hit.score_breakdown.semantic >= NEAR]
        answer = reader.answer(each, near)
        values.append((each, answer.value))
        used.update(memory.id for memory in answer.memories)
    return FilledObject(build_object(values), used)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the values that memories, best first, state for a field."""

    schema: Schema

    def answer(self, target: Field, memories: Sequence[MemoryRow]) -> _Answer:
        if target.most is not None:
            return self._list_value(target, target.most, memories)
        for option in target.options:
            if len(target.options) == 1 and "const" in option:
                return _Answer(option["const"])
            answer = self._single_value(target, option, memories)
            if answer.memories:
                return answer
        return _Answer()

    def _single_value(
        self, target: Field, option: Schema, memories: Sequence[MemoryRow]
    ) -> _Answer:
        is_text = _is_text(option)
        for memory in memories if is_text else memories[:READ]:
            values = self._values(target, option, memory)
            if values:
                # A memory that states two values is ambiguous.
                return _Answer(values[0], [memory]) if len(values) == 1 else _Answer()
        return _Answer()

    def _list_value(self, target: Field, most: int, memories: Sequence[MemoryRow]) -> _Answer:
        answer = _Answer([])
        for memory in memories:
            values = [
                value
                for option in target.options
                for value in self._values(target, option, memory)
                if value not in answer.value
            ][: most - len(answer.value)]
            if values:
                answer.value += values
                answer.memories.append(memory)
        if not answer.value or len(answer.value) < target.least:
            return _Answer()
        return answer

    def _values(self, target: Field, option: Schema, memory: MemoryRow) -> list[Any]:
        """Return the values that a memory states for an option and that match its schema."""
        whole = {**option, "$defs": {**self.schema.get("$defs", {}), **option.get("$defs", {})}}
        return [
            value
            for value in _stated(target, option, memory)
            if value is not None and validation_problem(whole, value) is None
        ]


def _is_text(option: Schema) -> bool:
    known = option.get("type", "string") == "string" and "enum" not in option
    return known and "const" not in option and "format" not in option


def _stated(target: Field, option: Schema, memory: MemoryRow) -> Iterator[Any]:
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
            yield stated_truth(memory.text, target.name)


def _text(format: str | None, memory: MemoryRow) -> str | None:
    """Return the text of a memory, or the date or time that it states; None for other formats.

    A date is returned only if the day is known, a time only if the time is.
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
