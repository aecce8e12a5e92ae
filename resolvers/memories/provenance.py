"""The sources of memories, and the memories that replaced or were replaced by others."""

from core.enums import MemoryState
from resolvers.context import Context
from storage.memories.rows import MEMORIES, MemoryRow
from storage.memories.sources import SourceRow


async def sources_of_memory(ctx: Context, memory_id: str) -> list[SourceRow]:
    """Return the last 100 messages from which a memory was extracted, oldest first."""

    async def batch(ids: list[str]) -> list[list[SourceRow]]:
        found = await ctx.read(lambda tx: tx.sources.of_memories(ids))
        return [found.get(id, []) for id in ids]

    rows: list[SourceRow] = await ctx.loaders.load("sources", batch, memory_id)
    return rows


async def successor(ctx: Context, memory: MemoryRow, state: MemoryState) -> MemoryRow | None:
    """Return the memory that replaced a memory, or None.

    `state` is the kind of replacement. None is also returned if the successor no longer exists.
    """
    if memory.state is not state or memory.successor_id is None:
        return None
    found: MemoryRow | None = await ctx.loaders.row_or_none(MEMORIES, memory.successor_id)
    return found


async def replaced_memories(ctx: Context, memory_id: str, state: MemoryState) -> list[MemoryRow]:
    """Return the memories that a memory replaced, oldest first.

    `state` is the kind of replacement.
    """

    async def batch(ids: list[str]) -> list[list[MemoryRow]]:
        found = await ctx.read(lambda tx: tx.memories.replaced_memories(ids, ctx.actor))
        return [[row for row in found.get(id, []) if row.state is state] for id in ids]

    rows: list[MemoryRow] = await ctx.loaders.load(("replaced", state), batch, memory_id)
    return rows
