"""The logs that this process follows: one reader per log, shared by all followers.

A feed reads each event that its project's log gains once, and wakes the followers whom the event
can concern. A follower reads pages of the log until it has caught up with the feed, and from there
on receives the events that the feed reads. All of this runs on the event loop, so no event is lost
in between. No transaction is open while a follower waits or sends.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from core.enums import EntityType
from core.errors import AppError, CursorExpired, NotFound
from core.filters.tree import pinned_entity
from resolvers.runtime.notifications import Notifications
from storage.database import Database
from storage.log.follow import LogEvent, Watch
from storage.log.history import HistoryRow

log = structlog.get_logger(__name__)

# Other processes write too, and their notifications may be lost.
_POLL_SECONDS = 1.0
_BATCH = 500
_PAGE = 100
# A filter that nothing matches must not make one statement scan a whole log.
_SPAN = 2_000


@dataclass(eq=False, slots=True)
class _Follower:
    """One follower of a log: its position, and the one entity that its filter admits, if any."""

    position: int
    entity: tuple[EntityType, str] | None
    erased: Callable[[], None] | None = None
    fresh: Sequence[LogEvent] = ()
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def is_concerned(self, events: Sequence[LogEvent]) -> bool:
        """Return whether any of the events can match the filter."""
        return self.entity is None or any(
            event.entities is None or self.entity in event.entities for event in events
        )


class Feed:
    """One project's log as far as this process has read it: to the event number `head`."""

    def __init__(
        self, db: Database, notifications: Notifications, project_id: str, head: int
    ) -> None:
        self.project_id = project_id
        self.head = head
        self.users = 0
        self._db = db
        # Followers read pages from the database, so they may be ahead of the feed for a while.
        self._furthest = head
        self._followers: set[_Follower] = set()
        self._task = asyncio.create_task(self._run(notifications))

    async def follow(
        self,
        watch: Watch,
        after: int,
        join: Callable[[int, bool], bool] | None = None,
        erased: Callable[[], None] | None = None,
    ) -> AsyncGenerator[HistoryRow]:
        """Yield the watched events after a position in the log, in order, and wait for more.

        `after` is the number of an event. With `join` the caller may get the rest elsewhere: it is
        called with each position reached and whether that has caught up with all followers; if it
        returns True, the iteration ends. `erased` is called when content of the project is erased.

        Raises `CursorExpired` if the log after the position has been pruned, and `NotFound` if the
        project has been deleted.
        """
        follower = _Follower(after, pinned_entity(watch.where), erased)
        self._followers.add(follower)
        try:
            if join is not None and after <= self.head and join(after, False):
                return
            # The feed knows the head of the log, but not how much of it has been pruned.
            rows, end = await self._page(watch, after)
            while True:
                for row in rows:
                    yield row
                follower.position = max(follower.position, end)
                caught_up = follower.position >= max(self.head, self._furthest)
                if join is not None and join(follower.position, caught_up):
                    return
                if caught_up:
                    await follower.woken.wait()
                follower.woken.clear()
                rows, end = await self._next(watch, follower)
        finally:
            self._followers.discard(follower)

    async def _next(self, watch: Watch, follower: _Follower) -> tuple[Sequence[HistoryRow], int]:
        fresh, follower.fresh = follower.fresh, ()
        if watch.where is None and fresh and fresh[0].row.sequence == follower.position + 1:
            rows = [event.row for event in fresh]
            if watch.types is not None:
                rows = [row for row in rows if row.type in watch.types]
            return rows, fresh[-1].row.sequence
        while True:
            try:
                return await self._page(watch, follower.position)
            except AppError:
                raise
            except Exception:
                # A temporary outage of the database must not disconnect established followers.
                log.exception("feed_unavailable", project_id=self.project_id)
                await asyncio.sleep(_POLL_SECONDS)

    async def _page(self, watch: Watch, after: int) -> tuple[Sequence[HistoryRow], int]:
        page = await self._db.read(lambda tx: tx.log.page(watch, after, _PAGE, _SPAN))
        if page is None:
            raise NotFound("project", self.project_id, "projectId")
        # A position beyond the end means that the database was restored from an earlier backup.
        if not page.pruned <= after <= page.head:
            raise CursorExpired("after")
        self._furthest = max(self._furthest, page.end)
        return page.rows, page.end

    def advance(self, events: Sequence[LogEvent]) -> None:
        """Advance to the last of the events, and wake the followers whom they can concern."""
        before, self.head = self.head, events[-1].row.sequence
        is_erased = any(event.entities is None for event in events)
        for follower in self._followers:
            if is_erased and follower.erased is not None:
                follower.erased()
            if follower.position == before and not follower.is_concerned(events):
                follower.position = self.head
            elif follower.position < self.head:
                # Only followers that take them at once get copies: an erasure cannot reach these.
                follower.fresh = events if follower.position == before else ()
                follower.woken.set()

    async def _run(self, notifications: Notifications) -> None:
        with notifications.watch(self.project_id) as notified:
            while True:
                try:
                    while await self._catch_up():
                        pass
                except Exception:
                    log.exception("feed_unavailable", project_id=self.project_id)
                    await asyncio.sleep(_POLL_SECONDS)
                    notified.set()
                await notified.wait()
                notified.clear()

    async def _catch_up(self) -> bool:
        """Read events added since the last read; return whether there may be more."""
        after = self.head
        events = await self._db.read(lambda tx: tx.log.events_after(self.project_id, after, _BATCH))
        if events:
            self.advance(events)
        return len(events) == _BATCH

    async def stop(self) -> None:
        """Stop reading the log."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Feeds:
    """The feeds of one process. A feed exists as long as it has users."""

    def __init__(self, db: Database, notifications: Notifications) -> None:
        self._db = db
        self._notifications = notifications
        self._feeds: dict[str, Feed] = {}
        self._poll: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def of(self, project_id: str) -> AsyncIterator[Feed]:
        """Yield the feed of a project. Raises `NotFound` if the project does not exist."""
        feed = self._feeds.get(project_id)
        if feed is None:
            heads = await self._db.read(lambda tx: tx.log.heads([project_id]))
            if project_id not in heads:
                raise NotFound("project", project_id, "projectId")
            feed = self._feeds.get(project_id)
        if feed is None:
            feed = Feed(self._db, self._notifications, project_id, heads[project_id])
            self._feeds[project_id] = feed
            if self._poll is None:
                self._poll = asyncio.create_task(self._poll_heads())
        feed.users += 1
        try:
            yield feed
        finally:
            feed.users -= 1
            if not feed.users:
                del self._feeds[project_id]
                await feed.stop()
                await self._stop_polling()

    async def _stop_polling(self) -> None:
        if not self._feeds and self._poll is not None:
            poll, self._poll = self._poll, None
            poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await poll

    async def _poll_heads(self) -> None:
        """Regularly wake the feeds whose log has grown without a notification."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                heads = await self._db.read(lambda tx: tx.log.heads(list(self._feeds)))
            except Exception:
                log.exception("feeds_unavailable")
                continue
            self._notifications.notify(
                id for id, feed in self._feeds.items() if heads.get(id, feed.head) > feed.head
            )
