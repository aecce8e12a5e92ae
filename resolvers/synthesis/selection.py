"""The memories that a model reads or a summary covers: the newest ones, up to a limit."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.entity_names import ENTITY_FIELDS
from providers.shaping import ModelMemory
from resolvers.context import Context
from storage.memories.rows import MEMORIES_OF_PROJECT, MemoryRow
from storage.memories.selection import Selection
from storage.transaction import Transaction

# The most that a model reads.
MOST_MEMORIES = 500
MOST_CHARACTERS = 60_000


@dataclass(slots=True)
class Newest:
    """The newest memories of a selection, oldest first, and the number of those left out."""

    memories: list[MemoryRow]
    left_out: int = 0

    @property
    def notes(self) -> list[str]:
        """The notes for the caller: a sentence if memories were left out."""
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
    """Return the newest selected memories: up to `most`, with up to `characters` in total.

    The newest one is included whatever its length. The caller must have checked that the actor can
    see the project.
    """

    def work(tx: Transaction) -> Newest:
        ids = tx.matching(project_id, None, selection, most + 1)
        memories = tx.memories.get_unscoped(ids[:most])
        rows = [memories[id] for id in ids if id in memories]
        chosen = rows if characters is None else _within(rows, characters)
        if len(chosen) == len(rows) and len(ids) <= most:
            return Newest(chosen[::-1])
        flags = dict(selection.flags)
        (total,) = tx.counts(MEMORIES_OF_PROJECT, [project_id], ctx.actor, flags, selection.where)
        return Newest(chosen[::-1], max(0, total - len(chosen)))

    return await ctx.read(work)


def memories_for_model(memories: Sequence[MemoryRow]) -> list[ModelMemory]:
    """Return memories in the form that a model reads: text, entity names and timestamp."""
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
