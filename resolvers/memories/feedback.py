"""Feedback: what people think of memories, which searches heed."""

from core.enums import FeedbackValue
from core.errors import InvalidInput, must_exist
from core.validation import LONGEST_TEXT, check_text
from resolvers.access import writable_project
from resolvers.context import Context
from storage.memories.feedback import FeedbackRow
from storage.memories.rows import MemoryRow
from storage.transaction import Transaction


async def set_feedback(
    ctx: Context, memory_id: str, value: FeedbackValue | None, reason: str | None
) -> MemoryRow:
    """Store what is thought of a memory, or forget it without a value; return the memory.

    The memory itself does not change: its version and its history stay as they are.
    """
    if reason is not None:
        if value is None:
            raise InvalidInput("A reason needs a value that it is for.", "reason")
        check_text(reason, "reason", longest=LONGEST_TEXT)

    def work(tx: Transaction) -> MemoryRow:
        found = tx.memories.find_for_update([memory_id], ctx.actor)
        memory: MemoryRow = must_exist(found.get(memory_id), "memory", memory_id, "memoryId")
        writable_project(tx, ctx, memory.project_id)
        if value is None:
            tx.feedback.remove(memory_id)
        else:
            feedback = FeedbackRow(memory_id, value, reason, ctx.now())
            tx.feedback.put(feedback, memory.project_id)
        return memory

    return await ctx.write(work)


async def feedback_of_memory(ctx: Context, memory_id: str) -> FeedbackRow | None:
    """Return what is thought of a memory that the actor can see, if anything is."""

    async def batch(ids: list[str]) -> list[FeedbackRow | None]:
        found = await ctx.read(lambda tx: tx.feedback.of_memories(ids))
        return [found.get(id) for id in ids]

    row: FeedbackRow | None = await ctx.loaders.load("feedback", batch, memory_id)
    return row
