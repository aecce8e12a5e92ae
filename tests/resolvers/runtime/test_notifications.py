"""Notices: whoever watches a topic is woken, and nothing is kept for those who do not."""

import asyncio

import pytest

from resolvers.runtime.notifications import Notices, told
from storage.database import Commit
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

SOON = 30.0
AT_ONCE = 0.0


async def test_a_watcher_is_woken_by_its_own_topic_alone() -> None:
    notices = Notices()
    with notices.watch("one") as first, notices.watch("one") as second, notices.watch("two") as two:
        notices.tell(["one", "three"])
        assert (first.is_set(), second.is_set(), two.is_set()) == (True, True, False)
        assert await told(first, AT_ONCE)
        assert not await told(first, AT_ONCE)
        notices.tell_all()
        assert (first.is_set(), second.is_set(), two.is_set()) == (True, True, True)


async def test_a_notice_ends_the_waiting() -> None:
    notices = Notices()
    with notices.watch("one") as event:
        asyncio.get_running_loop().call_soon(notices.tell, ["one"])
        assert await told(event, SOON)


async def test_no_topic_outlives_its_watchers() -> None:
    notices = Notices()
    with notices.watch("one"):
        with notices.watch("one") as second:
            pass
        notices.tell(["one"])
        assert not second.is_set()
        assert list(notices._watching) == ["one"]
    notices.tell(["one"])
    notices.tell_all()
    assert notices._watching == {}


async def test_a_commit_is_told_to_those_whom_it_concerns() -> None:
    notices = Notices()
    with (
        notices.watch("project") as project,
        notices.watch("operation") as operation,
        notices.watch("other") as other,
    ):
        notices.tell_commit(Commit(True, frozenset({"project"}), frozenset({"operation"})))
        assert (project.is_set(), operation.is_set(), other.is_set()) == (True, True, False)


async def test_an_add_wakes_whoever_watches_its_project(tenant: Tenant) -> None:
    with tenant.deployment.services.notices.watch(tenant.project_id) as event:
        await tenant.add("Alice has a dog.")
        assert event.is_set()
