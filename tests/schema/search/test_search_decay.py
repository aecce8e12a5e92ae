"""Decay: what searches returned often and lately ranks higher, what they did not fades.

Duplicates in different runs have the same text, so only decay can order them. Touches are
written after the answer: `flush` waits for them.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.ids import now, uuid7
from harness.settings import settings_for
from storage.search.usage import KEPT
from tests.support.documents.erasure import paused_transaction
from tests.support.documents.searching import Hits, add_apart, search, texts
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed

SET_DECAY = """
mutation ($on: Boolean) {
  updateProject(input: {decay: $on}) { project { decay } userErrors { message } }
}
"""
TEA = "Tea is served at five."
# Twins must have happened at the very same moment.
START = now()


@pytest_asyncio.fixture
async def tenant(idle: Deployment) -> Tenant:
    """A tenant whose project lets memories fade."""
    tenant = make_tenant(idle)
    await decay(tenant, True)
    return tenant


async def decay(tenant: Tenant, on: bool) -> None:
    payload = await tenant.owner.do(SET_DECAY, on=on)
    assert payload["project"] == {"decay": on}


async def add(tenant: Tenant, days: float, text: str = TEA) -> str:
    """Store a memory that happened so many days ago; return its id."""
    timestamp = (START - timedelta(days)).isoformat()
    # In one run the same words would be the same memory.
    (memory,) = await tenant.add(text, timestamp=timestamp, userId="alice", runId=uuid7())
    return str(memory["id"])


def touches(tenant: Tenant, *ids: str) -> list[list[float]]:
    """Return the touches of memories."""
    found = tenant.deployment.services.db.read_now(lambda tx: tx.touches.find(ids))
    return [found.get(id, []) for id in ids]


def touch(tenant: Tenant, id: str, *days: float) -> None:
    """Write touches of a memory, so many days ago each, as searches would have."""
    moment = now().timestamp()
    for ago in sorted(days, reverse=True):
        tenant.deployment.services.db.write_now(
            lambda tx, ago=ago: tx.touches.add([id], moment - ago * 86_400)
        )


async def settled(tenant: Tenant, query: str = "tea", **options: Any) -> Hits:
    """Search, and wait until the touches are written."""
    hits = await search(tenant.owner, query, **options)
    await tenant.deployment.services.usage_recorder.flush()
    return hits


def factor(days: float) -> float:
    return 0.3 + 1.2 / (1 + (days / 2.2) ** 1.09)


def about(value: float) -> Any:
    """Return what equals a value that depends on how long the tests have been running."""
    return pytest.approx(value, abs=5e-3)


async def test_off_leaves_scores_as_they_are_and_records_nothing(tenant: Tenant) -> None:
    await decay(tenant, False)
    old, new = await add(tenant, 300), await add(tenant, 1)
    hits = await settled(tenant)
    assert [hit.id for hit in hits] == [old, new]
    assert [hit.parts["decay"] for hit in hits] == [1, 1]
    assert hits[0].score == hits[1].score
    assert touches(tenant, old, new) == [[], []]


AGES = [0.5, 2.2, 10, 365, 10_000]


async def test_older_memories_decay(tenant: Tenant) -> None:
    ids = [await add(tenant, days) for days in reversed(AGES)]
    await decay(tenant, False)
    plain = {hit.id: hit.score for hit in await settled(tenant)}
    await decay(tenant, True)
    hits = await settled(tenant)
    assert [hit.id for hit in hits] == ids[::-1]
    assert [hit.parts["decay"] for hit in hits] == [about(factor(days)) for days in AGES]
    # A score means the same with decay and without, so a threshold keeps the same memories.
    assert {hit.id: hit.score for hit in hits} == plain
    least = min(plain.values())
    assert {hit.id for hit in await settled(tenant, threshold=least - 1e-6)} == set(ids)


async def test_the_future_does_not_fade_nor_what_has_just_been_stored(tenant: Tenant) -> None:
    future = await add(tenant, -3)
    (fresh,) = await tenant.add(TEA)
    found = {hit.id: hit.parts["decay"] for hit in await settled(tenant)}
    assert found == {future: 1, fresh["id"]: about(factor(0.01))}


async def test_a_recently_used_memory_outranks_an_equal_one(tenant: Tenant) -> None:
    ids = [await add(tenant, 100) for _ in range(4)]
    never, once, often, lately = ids
    touch(tenant, once, 20)
    touch(tenant, often, 20, 20, 20, 10)
    touch(tenant, lately, 1)
    hits = await settled(tenant)
    assert [hit.id for hit in hits] == [lately, often, once, never]
    ages = [1, 1 / (3 / 20 + 1 / 10), 20, 100]
    assert [hit.parts["decay"] for hit in hits] == [about(factor(age)) for age in ages]


async def test_a_search_touches_what_it_returns_and_nothing_else(tenant: Tenant) -> None:
    ids = [await add(tenant, 30) for _ in range(3)]
    (other,) = await add_apart(tenant, "Snow fell.", timestamp="2020-01-01T00:00:00Z")
    for _ in range(2):
        (hit,) = await settled(tenant, filter={"ids": [ids[1]]})
        assert hit.id == ids[1]
    assert [len(each) for each in touches(tenant, *ids, other["id"])] == [0, 2, 0, 0]
    hits = await settled(tenant, topK=2)
    assert [hit.id for hit in hits] == [ids[1], ids[0]]
    assert [len(each) for each in touches(tenant, *ids, other["id"])] == [1, 3, 0, 0]
    for moments in touches(tenant, ids[1]):
        assert moments == sorted(moments)
        assert moments[-1] == pytest.approx(now().timestamp(), abs=60)


async def test_decayed_memories_make_room_for_others(tenant: Tenant) -> None:
    """The best by far is too old to be the one hit, so more than that one must be looked at."""
    await add(tenant, 3_000, "Tea.")
    await add(tenant, 0.1, "They had tea and cake.")
    assert texts(await settled(tenant, "tea", topK=1)) == ["They had tea and cake."]
    await decay(tenant, False)
    assert texts(await settled(tenant, "tea", topK=1)) == ["Tea."]


async def test_the_newest_touches_are_kept(tenant: Tenant) -> None:
    id = await add(tenant, 30)
    touch(tenant, id, *range(100, 100 + KEPT))
    (before,) = touches(tenant, id)
    for _ in range(3):
        await settled(tenant)
    (after,) = touches(tenant, id)
    assert (KEPT, len(before), len(after)) == (20, 20, 20)
    assert after[:17] == before[3:]


async def test_switching_off_leaves_the_touches_in_place(tenant: Tenant) -> None:
    twin, used = await add(tenant, 30), await add(tenant, 30)
    touch(tenant, used, 1)
    await decay(tenant, False)
    assert [hit.id for hit in await settled(tenant)] == [twin, used]
    await decay(tenant, True)
    assert [hit.id for hit in await settled(tenant)] == [used, twin]
    assert [len(each) for each in touches(tenant, used, twin)] == [2, 1]


async def test_touches_are_written_after_the_answer(tenant: Tenant) -> None:
    id = await add(tenant, 30)
    await settled(tenant)
    with paused_transaction(tenant.deployment, "DELETE FROM memory_touches") as (reached, released):
        (hit,) = await search(tenant.owner, "tea")
        assert hit.id == id
        assert len(touches(tenant, id)[0]) == 1
        released.set()
        await tenant.deployment.services.usage_recorder.flush()
        assert reached.is_set()
    assert len(touches(tenant, id)[0]) == 2


async def test_touches_go_with_their_memory(tenant: Tenant) -> None:
    id = await add(tenant, 30)
    await settled(tenant)
    deletion = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { userErrors { message } } }"
    await tenant.owner.do(deletion, ids=[id])
    assert touches(tenant, id) == [[]]
    # A search that returned it at the same moment finds nobody to touch.
    touch(tenant, id, 0)
    assert touches(tenant, id) == [[]]


async def test_touches_survive_a_restart(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with deployed(settings, workers=False) as running:
        tenant = make_tenant(running)
        await decay(tenant, True)
        twin, used = await add(tenant, 30), await add(tenant, 30)
        await settled(tenant, filter={"ids": [used]})
        key = tenant.owner.key
    async with deployed(settings, workers=False) as running:
        hits = await search(running.client(key), "tea")
        assert [hit.id for hit in hits] == [used, twin]
        assert hits[0].parts["decay"] > 1 > hits[1].parts["decay"]
        await running.services.usage_recorder.flush()


async def test_touches_noted_before_a_stop_are_written_by_its_end(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    async with deployed(settings) as running:
        tenant = make_tenant(running)
        await decay(tenant, True)
        id = await add(tenant, 30)
        await search(tenant.owner, "tea")
    async with deployed(settings, workers=False) as running:
        found = running.services.db.read_now(lambda tx: tx.touches.find([id]))
        assert [len(moments) for moments in found.values()] == [1]
