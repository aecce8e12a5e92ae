"""Notifications: watchers of a topic are woken, and topics without watchers keep no state."""

import asyncio

import pytest

from resolvers.runtime.notifications import Notifications, wait_for
from storage.database import Commit
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

SOON = 30.0
AT_ONCE = 0.0


async def test_a_watcher_is_woken_by_its_own_topic_alone() -> None:
    notices = Notifications()
    with notices.watch("one") as first, notices.watch("one") as second, notices.watch("two") as two:
        notices.notify(["one", "three"])
        assert (first.is_set(), second.is_set(), two.is_set()) == (True, True, False)
        assert await wait_for(first, AT_ONCE)
        assert not await wait_for(first, AT_ONCE)
        notices.notify_all()
        assert (first.is_set(), second.is_set(), two.is_set()) == (True, True, True)


async def test_a_notification_ends_the_wait() -> None:
    notices = Notifications()
    with notices.watch("one") as event:
        asyncio.get_running_loop().call_soon(notices.notify, ["one"])
        assert await wait_for(event, SOON)


async def test_no_topic_outlives_its_watchers() -> None:
    notices = Notifications()
    with notices.watch("one"):
        with notices.watch("one") as second:
            pass
        notices.notify(["one"])
        assert not second.is_set()
        assert list(notices._watching) == ["one"]
    notices.notify(["one"])
    notices.notify_all()
    assert notices._watching == {}


async def test_a_commit_notifies_the_watchers_of_its_topics() -> None:
    notices = Notifications()
    with (
        notices.watch("project") as project,
        notices.watch("operation") as operation,
        notices.watch("other") as other,
    ):
        notices.notify_commit(Commit(True, frozenset({"project"}), frozenset({"operation"})))
        assert (project.is_set(), operation.is_set(), other.is_set()) == (True, True, False)


async def test_an_add_wakes_the_watchers_of_its_project(tenant: Tenant) -> None:
    with tenant.deployment.services.notifications.watch(tenant.project_id) as event:
        await tenant.add("Alice has a dog.")
        assert event.is_set()
