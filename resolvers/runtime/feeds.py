"""The logs that are followed in this process: one reading of each, for all who follow it.

A feed reads what its project's log has grown by once and wakes those it can concern. Who follows
reads pages of the log until it is as far as the feed, and from there on takes what the feed has
read: as all of this happens on the event loop, nothing can fall in between. No transaction is held
while somebody waits or sends.
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

# Other processes write too, and a notice of theirs may be lost.
_POLL_SECONDS = 1.0
_BATCH = 500
_PAGE = 100
# A filter that nothing matches must not make one statement look at a whole log.
_SPAN = 2_000


@dataclass(eq=False, slots=True)
class _Follower:
    """Somebody who follows a log: how far they are, and whose memories alone can concern them."""

    position: int
    entity: tuple[EntityType, str] | None
    erased: Callable[[], None] | None = None
    fresh: Sequence[LogEvent] = ()
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def is_concerned(self, events: Sequence[LogEvent]) -> bool:
        """Tell whether any of the events can pass the filter."""
        return self.entity is None or any(
            event.entities is None or self.entity in event.entities for event in events
        )


class Feed:
    """One project's log, as far as this process has read it: up to the event numbered `head`."""

    def __init__(self, db: Database, notices: Notifications, project_id: str, head: int) -> None:
        self.project_id = project_id
        self.head = head
        self.users = 0
        self._db = db
        # Pages are read from the database, so that a follower may be ahead of the feed for a while.
        self._furthest = head
        self._followers: set[_Follower] = set()
        self._task = asyncio.create_task(self._run(notices))

    async def follow(
        self,
        watch: Watch,
        after: int,
        join: Callable[[int, bool], bool] | None = None,
        erased: Callable[[], None] | None = None,
    ) -> AsyncGenerator[HistoryRow]:
        """Yield the watched events after a place in the log, in its order, and wait for more.

        With `join` the rest may be got elsewhere: it is called with each place that was reached and
        whether that is not behind what any follower has read; this ends when it answers True.
        `erased` is called when something of the project was erased.

        Raises `CursorExpired` when the log after the place has been pruned, and `NotFound` when the
        project has been deleted.
        """
        follower = _Follower(after, pinned_entity(watch.where), erased)
        self._followers.add(follower)
        try:
            if join is not None and after <= self.head and join(after, False):
                return
            # The feed knows how far the log is, but not how much of it has been pruned.
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
                # Who follows already need not learn of a database that is away for a while.
                log.exception("feed_unavailable", project_id=self.project_id)
                await asyncio.sleep(_POLL_SECONDS)

    async def _page(self, watch: Watch, after: int) -> tuple[Sequence[HistoryRow], int]:
        page = await self._db.read(lambda tx: tx.log.page(watch, after, _PAGE, _SPAN))
        if page is None:
            raise NotFound("project", self.project_id, "projectId")
        # A place beyond the end is one of another past: the database was restored from a backup.
        if not page.pruned <= after <= page.head:
            raise CursorExpired("after")
        self._furthest = max(self._furthest, page.end)
        return page.rows, page.end

    def advance(self, events: Sequence[LogEvent]) -> None:
        """Go on to the last of the events that follow, and wake whom they can concern."""
        before, self.head = self.head, events[-1].row.sequence
        is_erased = any(event.entities is None for event in events)
        for follower in self._followers:
            if is_erased and follower.erased is not None:
                follower.erased()
            if follower.position == before and not follower.is_concerned(events):
                follower.position = self.head
            elif follower.position < self.head:
                # Kept for those only who take it at once: an erasure could not reach it here.
                follower.fresh = events if follower.position == before else ()
                follower.woken.set()

    async def _run(self, notices: Notifications) -> None:
        with notices.watch(self.project_id) as notice:
            while True:
                try:
                    while await self._catch_up():
                        pass
                except Exception:
                    log.exception("feed_unavailable", project_id=self.project_id)
                    await asyncio.sleep(_POLL_SECONDS)
                    notice.set()
                await notice.wait()
                notice.clear()

    async def _catch_up(self) -> bool:
        """Read what has been added; tell whether there may be more."""
        after = self.head
        events = await self._db.read(lambda tx: tx.log.events_after(self.project_id, after, _BATCH))
        if events:
            self.advance(events)
        return len(events) == _BATCH

    async def stop(self) -> None:
        """Read no more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Feeds:
    """The feeds of one process, each as long as somebody uses it."""

    def __init__(self, db: Database, notices: Notifications) -> None:
        self._db = db
        self._notices = notices
        self._feeds: dict[str, Feed] = {}
        self._poll: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def of(self, project_id: str) -> AsyncIterator[Feed]:
        """Give the feed of a project. Raises `NotFound` when there is no such project."""
        feed = self._feeds.get(project_id)
        if feed is None:
            heads = await self._db.read(lambda tx: tx.log.heads([project_id]))
            if project_id not in heads:
                raise NotFound("project", project_id, "projectId")
            feed = self._feeds.get(project_id)
        if feed is None:
            feed = Feed(self._db, self._notices, project_id, heads[project_id])
            self._feeds[project_id] = feed
            if self._poll is None:
                self._poll = asyncio.create_task(self._look())
        feed.users += 1
        try:
            yield feed
        finally:
            feed.users -= 1
            if not feed.users:
                del self._feeds[project_id]
                await feed.stop()
                await self._rest()

    async def _rest(self) -> None:
        if not self._feeds and self._poll is not None:
            poll, self._poll = self._poll, None
            poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await poll

    async def _look(self) -> None:
        """Wake, from time to time, the feeds whose log has grown without a notice."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            try:
                heads = await self._db.read(lambda tx: tx.log.heads(list(self._feeds)))
            except Exception:
                log.exception("feeds_unavailable")
                continue
            self._notices.notify(
                id for id, feed in self._feeds.items() if heads.get(id, feed.head) > feed.head
            )
