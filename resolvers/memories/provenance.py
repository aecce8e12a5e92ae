"""Where memories come from, and what has become of those that stand for themselves no more."""

from core.enums import MemoryState
from resolvers.context import Context
from storage.memories.rows import MEMORIES, MemoryRow
from storage.memories.sources import SourceRow


async def sources_of_memory(ctx: Context, memory_id: str) -> list[SourceRow]:
    """Return the messages a memory was drawn from, the newest hundred, oldest first."""

    async def batch(ids: list[str]) -> list[list[SourceRow]]:
        found = await ctx.read(lambda tx: tx.sources.of_memories(ids))
        return [found.get(id, []) for id in ids]

    rows: list[SourceRow] = await ctx.loaders.load("sources", batch, memory_id)
    return rows


async def successor(ctx: Context, memory: MemoryRow, state: MemoryState) -> MemoryRow | None:
    """Return the memory that has taken a memory's place in this way, while it exists."""
    if memory.state is not state or memory.successor_id is None:
        return None
    found: MemoryRow | None = await ctx.loaders.row_or_none(MEMORIES, memory.successor_id)
    return found


async def replaced_memories(ctx: Context, memory_id: str, state: MemoryState) -> list[MemoryRow]:
    """Return the memories whose place a memory has taken in this way, oldest first."""

    async def batch(ids: list[str]) -> list[list[MemoryRow]]:
        found = await ctx.read(lambda tx: tx.memories.replaced_memories(ids, ctx.actor))
        return [[row for row in found.get(id, []) if row.state is state] for id in ids]

    rows: list[MemoryRow] = await ctx.loaders.load(("replaced", state), batch, memory_id)
    return rows
