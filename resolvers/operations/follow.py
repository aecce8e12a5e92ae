"""The updates of one operation until it finishes."""

from collections.abc import AsyncGenerator

from resolvers.context import Context
from resolvers.runtime.notifications import wait_for
from storage.operations.store import OPERATIONS, OperationRow

# Other processes work on operations too, and their notifications may be lost.
_POLL_SECONDS = 2.0


async def operation_updates(ctx: Context, id: str) -> AsyncGenerator[OperationRow]:
    """Yield an operation, then yield it after each change until it has finished.

    Raises `NotFound` if the actor cannot see it.
    """
    await ctx.services.search_recorder.flush()
    last: OperationRow | None = None
    with ctx.services.notifications.watch(id) as notified:
        while last is None or not last.is_finished:
            ctx.loaders.clear()
            found: OperationRow = await ctx.loaders.row(OPERATIONS, id)
            ctx.stream.project_id = found.project_id
            if found != last:
                last = found
                yield found
            else:
                await wait_for(notified, _POLL_SECONDS)
