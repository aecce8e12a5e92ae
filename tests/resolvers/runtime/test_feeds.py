"""A feed reads a log once for all its subscribers, whatever their positions."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from core.events import HistoryEventType
from core.filters.tree import Field, FilterBuilder
from resolvers.runtime import feeds
from storage.log.follow import Watch
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment


@contextlib.contextmanager
def answer_held(
    deployment: Deployment, words: str
) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Delay the result of the first statement that contains some words, after its execution.

    Yields two events: the first is set when the result is held; setting the second releases it.
    """
    reached, released = threading.Event(), threading.Event()

    def hold(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if words in statement and not reached.is_set():
            reached.set()
            released.wait(30)

    engine = deployment.services.db.engine
    event.listen(engine, "after_cursor_execute", hold)
    try:
        yield reached, released
    finally:
        released.set()
        event.remove(engine, "after_cursor_execute", hold)


async def test_a_subscriber_never_joins_behind_a_page_already_read(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages may be ahead of the feed, so a group that got them must not be joined earlier."""
    monkeypatch.setattr(feeds, "_POLL_SECONDS", 3600.0)
    deployment = tenant.deployment
    services, project_id = deployment.services, tenant.project_id
    places: list[int] = []
    async with services.feeds.of(project_id) as feed:
        with answer_held(deployment, "e.type IN") as (reached, released):
            only_adds = Watch(project_id, (HistoryEventType.ADD,))

            def leave(place: int, caught_up: bool) -> bool:
                if caught_up:
                    places.append(place)
                return caught_up

            async def join() -> list[int]:
                rows = feed.follow(only_adds, 0, leave)
                return [row.sequence async for row in rows]

            joining = asyncio.create_task(join())
            assert await asyncio.to_thread(reached.wait, 30)
            # The notification of this event is lost, so the feed does not know of it.
            services.db.off_commit(services.notifications.notify_commit)
            try:
                await tenant.add("Tea")
            finally:
                services.db.on_commit(services.notifications.notify_commit)
            async with contextlib.aclosing(feed.follow(Watch(project_id), 0)) as events:
                assert (await anext(events)).sequence == 1
            assert (feed.head, places) == (0, [])
            released.set()
            assert await joining == [1]
    assert places == [1]


async def test_a_temporary_database_failure_ends_no_subscription(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "_POLL_SECONDS", 0.01)
    services, project_id = tenant.deployment.services, tenant.project_id
    (of_alice,) = FilterBuilder().conditions(Field.USER_ID, {"eq": "alice"}, "filter")
    failures = 0

    def fail(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal failures
        if "OUTER JOIN history" in statement and failures < 3:
            failures += 1
            raise OSError("The disk is away.")

    await tenant.add("Tea")
    async with services.feeds.of(project_id) as feed:
        events = feed.follow(Watch(project_id, None, of_alice), 0)
        async with contextlib.aclosing(events):
            assert (await anext(events)).sequence == 1
            event.listen(services.db.engine, "before_cursor_execute", fail)
            try:
                with capture_logs() as logged:
                    await tenant.add("Coffee")
                    assert (await anext(events)).sequence == 2
            finally:
                event.remove(services.db.engine, "before_cursor_execute", fail)
    assert [line["event"] for line in logged].count("feed_unavailable") == failures == 3
