"""Notifications that wake the waiters of this process when something changes.

A notification carries only the id of the changed project or operation. A woken waiter reads the
state itself, so a superfluous notification does no harm. A lost one is made up for by the slow poll
that every waiter runs as well. Only the event loop's thread may use this module.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator

from storage.database import Commit


class Notifications:
    """The waiters for each topic. A topic is the id of a project or of an operation."""

    def __init__(self) -> None:
        self._watching: dict[str, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def watch(self, id: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set on each notification of the topic, until the block ends.

        To miss no change, start to watch before the first read, and wait with `wait_for`.
        """
        event = asyncio.Event()
        self._watching.setdefault(id, set()).add(event)
        try:
            yield event
        finally:
            watching = self._watching[id]
            watching.discard(event)
            if not watching:
                del self._watching[id]

    def notify(self, ids: Iterable[str]) -> None:
        """Wake the waiters for these topics."""
        for id in ids:
            for event in self._watching.get(id, ()):
                event.set()

    def notify_all(self) -> None:
        """Wake all waiters, because it is not known what has changed."""
        self.notify(self._watching)

    def notify_commit(self, commit: Commit) -> None:
        """Wake the waiters for what a commit changed; a callback for `Database.on_commit`."""
        self.notify(commit.projects | commit.operations)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Return whether the event is set already or within some seconds; a set event is cleared."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    # A read after this sees every change notified so far, and a later change sets it again.
    event.clear()
    return True
