"""Feedback: the ratings of memories, which ranking uses."""

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
    """Store the feedback on a memory, or remove it if the value is None; return the memory.

    The memory itself does not change: its version and its history stay the same. Raises `NotFound`,
    `PermissionDenied`, and `InvalidInput` for an invalid reason or one without a value.
    """
    if reason is not None:
        if value is None:
            raise InvalidInput("A reason requires a value.", "reason")
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
    """Return the feedback on a memory that the actor can see, or None."""

    async def batch(ids: list[str]) -> list[FeedbackRow | None]:
        found = await ctx.read(lambda tx: tx.feedback.of_memories(ids))
        return [found.get(id) for id in ids]

    row: FeedbackRow | None = await ctx.loaders.load("feedback", batch, memory_id)
    return row
