"""The loops: a failing job delays no others, and a broken index loses no jobs."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.enums import JobKind
from core.ids import now, uuid7
from harness.settings import settings_for
from resolvers.operations.attempts import MOST_ATTEMPTS
from tests.support.fixtures.factories import make_tenant
from tests.support.servers.deployment import Deployment, deployed
from workers import retention
from workers.runner import Runner, pause

pytestmark = pytest.mark.every_database

SEARCH = "query ($q: String!) { searchMemories(query: $q) { hits { memory { text } } } }"


async def counts(deployment: Deployment, project_id: str) -> tuple[int, int]:
    """Return the numbers of a project's memories that are pending for the index, and in it."""
    services = deployment.services
    waiting = await services.db.read(lambda tx: tx.vectors.pending(project_id))
    return len(waiting), await services.index.count(project_id)


async def test_jobs_wait_for_a_worker_and_are_deleted_when_done(tmp_path: Path) -> None:
    async with deployed(settings_for(tmp_path), workers=False) as deployment:
        tenant = make_tenant(deployment)
        first, _, _ = await tenant.add("one", "two", "three")
        assert await counts(deployment, tenant.project_id) == (3, 0)
        await deployment.run_jobs()
        assert await counts(deployment, tenant.project_id) == (0, 3)
        delete = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
        await tenant.owner.do(delete, id=first["id"])
        await deployment.run_jobs()
        assert await counts(deployment, tenant.project_id) == (0, 2)


async def test_a_failing_index_only_delays_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with deployed(settings_for(tmp_path), workers=False) as deployment:
        tenant = make_tenant(deployment)
        bad, _ = await tenant.add("this one breaks the index", "this one does not")
        upsert = deployment.services.index.upsert

        async def failing(project_id: str, rows: list[Any]) -> None:
            if any(row[0] == bad["id"] for row in rows):
                raise RuntimeError("the disk is full")
            await upsert(project_id, rows)

        monkeypatch.setattr(deployment.services.index, "upsert", failing)
        await deployment.run_jobs()
        assert await counts(deployment, tenant.project_id) == (1, 1)
        found = await tenant.owner.ask(SEARCH, q="breaks the index")
        assert found["searchMemories"]["hits"][0]["memory"]["text"] == "this one breaks the index"


async def test_stopping_ends_the_loops(deployment: Deployment) -> None:
    runner = Runner(deployment.services)
    runner.start()
    await runner.stop()
    assert all(task.done() and not task.cancelled() for task in runner._tasks)


async def test_jobs_of_another_process_are_found(idle: Deployment) -> None:
    tenant, services = make_tenant(idle), idle.services
    (memory,) = await tenant.add("Tea")
    await idle.run_jobs()
    await services.index.delete(tenant.project_id, [memory["id"]])
    runner = Runner(services)
    runner.start()
    # By then the loops are idle, and nothing in this process notifies them.
    await asyncio.sleep(0.3)
    services.db.write_now(
        lambda tx: tx.jobs.put(JobKind.INDEX, [memory["id"]], tenant.project_id, now())
    )
    async with asyncio.timeout(60):
        while await counts(idle, tenant.project_id) != (0, 1):
            await asyncio.sleep(0.01)
    await runner.stop()


def test_only_due_jobs_are_claimed(idle: Deployment) -> None:
    kind, moment, lease = JobKind.REINDEX, now(), timedelta(seconds=60)
    subject, db = uuid7(), idle.services.db

    def due(at: datetime) -> set[JobKind]:
        return db.read_now(lambda tx: tx.jobs.due([kind, JobKind.IMPORT], at))

    assert due(moment) == set()
    db.write_now(lambda tx: tx.jobs.put(kind, [subject], uuid7(), moment))
    assert due(moment - lease) == set()
    assert due(moment) == {kind}
    assert db.write_now(lambda tx: tx.jobs.claim(kind, 1, "worker", lease, moment))
    assert due(moment) == set()
    assert due(moment + 2 * lease) == {kind}
    db.write_now(lambda tx: tx.jobs.cancel(kind, [subject]))


async def test_expired_rows_are_swept(tmp_path: Path) -> None:
    async with deployed(settings_for(tmp_path, history_retention_days=30), workers=False) as place:
        tenants = [make_tenant(place) for _ in range(2)]
        for tenant in tenants:
            await tenant.add("Tea", "Water")

        async def swept() -> set[int]:
            ids = [tenant.project_id for tenant in tenants]
            found = await place.services.db.read(lambda tx: tx.pruning.pruned(ids))
            return {pruned.sequence for pruned in found.values()}

        assert await retention.sweep(place.services, lambda: False) == 0
        later = replace(place.services, clock=lambda: now() + timedelta(days=31))
        assert await retention.sweep(replace(later, retention=None), lambda: False) == 0
        assert await retention.sweep(later, lambda: True) == 0
        assert await swept() == {0}
        runner = Runner(later)
        runner.start()
        async with asyncio.timeout(60):
            while await swept() != {2}:
                await asyncio.sleep(0.01)
        await runner.stop()
        assert await retention.sweep(later, lambda: False) == 0


def test_pauses_grow_to_five_minutes() -> None:
    for attempts, longest in ((1, 2), (4, 16), (30, 300), (10_000, 300)):
        seconds = [pause(attempts).total_seconds() for _ in range(100)]
        assert longest / 2 <= min(seconds) <= max(seconds) <= longest
    assert pause(3) <= timedelta(seconds=8)


def test_retries_last_as_long_as_documented(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """See "Retries" in `docs/operations.md`: 4¼ to 8½ minutes, in eight pauses."""
    for jitter, minutes in ((0.5, 4.25), (1.0, 8.5)):
        monkeypatch.setattr("workers.runner.random.uniform", lambda *_, share=jitter: share)
        pauses = [pause(attempts) for attempts in range(1, MOST_ATTEMPTS)]
        assert len(pauses) == 8
        assert sum(pauses, timedelta()) == timedelta(minutes=minutes)
