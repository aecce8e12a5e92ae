"""One operation, followed to its end."""

from collections.abc import AsyncGenerator

from resolvers.context import Context
from resolvers.runtime.notifications import wait_for
from storage.operations.store import OPERATIONS, OperationRow

# Other processes work on operations too, and a notice of theirs may be lost.
_POLL_SECONDS = 2.0


async def operation_updates(ctx: Context, id: str) -> AsyncGenerator[OperationRow]:
    """Yield an operation as it is, then each time it has changed, the last time when it has ended.

    Raises `NotFound` when the actor cannot see it.
    """
    await ctx.services.search_recorder.flush()
    shown: OperationRow | None = None
    with ctx.services.notifications.watch(id) as notice:
        while shown is None or not shown.is_finished:
            ctx.loaders.clear()
            found: OperationRow = await ctx.loaders.row(OPERATIONS, id)
            ctx.stream.project_id = found.project_id
            if found != shown:
                shown = found
                yield found
            else:
                await wait_for(notice, _POLL_SECONDS)
