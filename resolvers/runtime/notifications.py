"""Waking those who wait in this process for something to change.

A notice carries nothing but the id of what has changed: whoever is woken looks for themselves, so a
notice too many does no harm. One too few is made up for by the slow poll that everybody who waits
keeps behind it. All of this belongs to the event loop's thread alone.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator

from storage.database import Commit


class Notifications:
    """Who waits for which topic. A topic is the id of a project or of an operation."""

    def __init__(self) -> None:
        self._watching: dict[str, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def watch(self, id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the topic is told of, until the end of the block.

        To miss nothing, begin to watch before the first look, and wait with `wait_for`.
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
        """Wake whoever watches one of the topics."""
        for id in ids:
            for event in self._watching.get(id, ()):
                event.set()

    def notify_all(self) -> None:
        """Wake everybody, for when it is not known what has changed."""
        self.notify(self._watching)

    def notify_commit(self, commit: Commit) -> None:
        """Wake whoever watches what a commit has changed; made for `Database.on_commit`."""
        self.notify(commit.projects | commit.operations)


async def wait_for(event: asyncio.Event, seconds: float) -> bool:
    """Return whether there was a notice, before now or within some seconds; it counts once."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    # Whoever looks after this sees what was told until here, and anything later sets it again.
    event.clear()
    return True
