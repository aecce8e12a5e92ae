"""The memories that are told to a model, or summed up: the newest, as many as there is room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.entity_names import ENTITY_FIELDS
from providers.shaping import ModelMemory
from resolvers.context import Context
from storage.memories.rows import MEMORIES_OF_PROJECT, MemoryRow
from storage.memories.selection import Selection
from storage.transaction import Transaction

# What a model is told of at the most.
MOST_MEMORIES = 500
MOST_CHARACTERS = 60_000


@dataclass(slots=True)
class Newest:
    """The newest memories of a selection, oldest first, and how many there are besides."""

    memories: list[MemoryRow]
    left_out: int = 0

    @property
    def notes(self) -> list[str]:
        """What the caller should know of it."""
        if not self.left_out:
            return []
        total = len(self.memories) + self.left_out
        return [
            f"Of the {total:,} memories that match the newest {len(self.memories):,} were read; "
            f"{self.left_out:,} were left out."
        ]


async def newest_memories(
    ctx: Context, project_id: str, selection: Selection, most: int, characters: int | None = None
) -> Newest:
    """Return the newest memories that are selected, up to so many, of so many characters in all.

    The first is there whatever its length. The caller can see the project.
    """

    def work(tx: Transaction) -> Newest:
        ids = tx.matching(project_id, None, selection, most + 1)
        found = tx.memories.get_unscoped(ids[:most])
        rows = [found[id] for id in ids if id in found]
        chosen = rows if characters is None else _within(rows, characters)
        if len(chosen) == len(rows) and len(ids) <= most:
            return Newest(chosen[::-1])
        flags = dict(selection.flags)
        (total,) = tx.counts(MEMORIES_OF_PROJECT, [project_id], ctx.actor, flags, selection.where)
        return Newest(chosen[::-1], max(0, total - len(chosen)))

    return await ctx.read(work)


def memories_for_model(memories: Sequence[MemoryRow]) -> list[ModelMemory]:
    """Return memories as a model reads them."""
    return [
        ModelMemory(
            memory.text,
            {
                type.value.lower(): name
                for type in ENTITY_FIELDS
                if (name := getattr(memory, f"{type.value.lower()}_id"))
            },
            memory.timestamp,
        )
        for memory in memories
    ]


def _within(rows: Sequence[MemoryRow], characters: int) -> list[MemoryRow]:
    chosen: list[MemoryRow] = []
    left = characters
    for row in rows:
        left -= len(row.text)
        if left < 0 and chosen:
            break
        chosen.append(row)
    return chosen
