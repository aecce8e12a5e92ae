"""Rebuilding a project's index while it is in use: searches, progress and errors.

No workers run: tests run the jobs step by step, and skip the pauses between them.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from core.access import ApiKeyPermission
from core.enums import JobKind, OperationStatus
from core.ids import now, uuid7
from resolvers.indexing.index import rebuild_index, run_index_jobs
from resolvers.operations.attempts import MOST_ATTEMPTS
from storage.operations.jobs import JobRow
from tests.support.clients.websocket import connected
from tests.support.documents.erasure import DELETE_PROJECT
from tests.support.documents.refusals import (
    OWNER_AND_ADMIN,
    assert_refused,
    forbidden,
    invalid,
    with_details,
)
from tests.support.documents.searching import idle_deployment, search, send, texts
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment
from workers.runner import Runner

REINDEX = with_details("""
mutation ($id: ID!) {
  reindexProject(id: $id) {
    operation { id type status input progress attempts } project { id }
    userErrors { ...Details }
  }
}
""")
RETRY = with_details("""
mutation ($id: ID!) {
  retryOperation(id: $id) { operation { id status } userErrors { ...Details } }
}
""")
STATE = "id status progress attempts error startedAt completedAt"
FIND = f"query ($id: ID!) {{ operation(id: $id) {{ {STATE} }} }}"
FOLLOW = "subscription ($id: ID!) { operationUpdates(id: $id) { status progress } }"
NUMBERS = [f"Tea number {number}" for number in range(5)]
# It has no word of theirs, so they are found by their vectors alone.
MEANT = "Something hot to drink"
LEASE = timedelta(seconds=60)
LATER = now() + timedelta(days=1)


@pytest.fixture(scope="session")
def deployment(indexing_deployment: Deployment) -> Deployment:
    return indexing_deployment


@pytest_asyncio.fixture(scope="module", params=["sqlite", "postgresql"])
async def idle(request: pytest.FixtureRequest, worker_id: str) -> AsyncIterator[Deployment]:
    async with idle_deployment(request.param, f"{worker_id}_reindex") as running:
        yield running


@pytest.fixture
def place(idle: Deployment) -> Tenant:
    """A tenant of a deployment without workers, where nobody else has left a job."""
    with idle.services.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM jobs")
    return make_tenant(idle)


async def begin(tenant: Tenant) -> str:
    payload = await tenant.owner.do(REINDEX, id=tenant.project_id)
    assert payload["project"] == {"id": tenant.project_id}
    return str(payload["operation"]["id"])


async def state(tenant: Tenant, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await tenant.owner.ask(FIND, id=id))["operation"]
    return found


async def look(tenant: Tenant) -> None:
    """Take the job that builds an index anew, as if every pause and every lease had gone by."""
    services = tenant.deployment.services
    with services.db.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE jobs SET lease_until = NULL, run_after = created_at WHERE kind = 'REINDEX'"
        )
    assert await Runner(services)._take(JobKind.REINDEX)


def claim(tenant: Tenant, kind: JobKind, limit: int = 100) -> list[JobRow]:
    return tenant.deployment.services.db.write_now(
        lambda tx: tx.jobs.claim(kind, limit, "worker", LEASE, now())
    )


async def do(tenant: Tenant, jobs: list[JobRow]) -> None:
    services = tenant.deployment.services
    await run_index_jobs(services, jobs)
    services.db.write_now(lambda tx: tx.jobs.finish(jobs, "worker"))


async def in_index(tenant: Tenant) -> int:
    return await tenant.deployment.services.index.count(tenant.project_id)


async def test_it_runs_until_the_pending_jobs_are_done(place: Tenant) -> None:
    await place.add(*NUMBERS)
    await place.deployment.run_jobs()
    # Something that is in no database, as a damaged index might have it.
    row = (uuid7(), np.ones(384, "<f4").tobytes(), {"user_key": uuid7()})
    await place.deployment.services.index.upsert(place.project_id, [row])
    assert await in_index(place) == 6

    payload = await place.owner.do(REINDEX, id=place.project_id)
    operation = payload["operation"]
    asked = {"type": "REINDEX", "status": "PENDING", "input": {"id": place.project_id}}
    assert operation == {"id": operation["id"], **asked, "progress": 0, "attempts": 0}
    assert await in_index(place) == 6

    await look(place)
    assert await in_index(place) == 0
    begun = await state(place, operation["id"])
    assert (begun["status"], begun["progress"], begun["attempts"]) == ("RUNNING", 0, 1)
    await do(place, claim(place, JobKind.INDEX, 2))
    await look(place)
    assert (await state(place, operation["id"]))["progress"] == pytest.approx(2 / 5)
    assert (await state(place, operation["id"]))["startedAt"] == begun["startedAt"]
    # What comes later is not waited for.
    await do(place, claim(place, JobKind.INDEX))
    await place.add("Coffee")
    await look(place)
    over = await state(place, operation["id"])
    assert (over["status"], over["progress"], over["attempts"]) == ("SUCCEEDED", 1, 1)
    assert over["error"] is None
    assert over["completedAt"] > over["startedAt"]
    assert claim(place, JobKind.REINDEX) == []
    await place.deployment.run_jobs()
    assert await in_index(place) == 6


async def test_searches_find_everything_at_every_step(
    place: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(monkeypatch, "index")
    await place.add(*NUMBERS)
    await place.deployment.run_jobs()
    index, seen = place.deployment.services.index, []
    drop = index.drop

    async def dropping(project_id: str) -> None:
        for _ in range(2):
            seen.append(texts(await search(place.owner, MEANT, threshold=0)))
            # Whoever looks for index jobs at this moment must not take those of this project.
            await place.deployment.run_jobs()
            await drop(project_id)
        seen.append(texts(await search(place.owner, MEANT, threshold=0)))

    monkeypatch.setattr(index, "drop", dropping)
    await begin(place)
    await look(place)
    seen.append(texts(await search(place.owner, MEANT, threshold=0)))
    await do(place, claim(place, JobKind.INDEX, 2))
    seen.append(texts(await search(place.owner, MEANT, threshold=0)))
    assert [sorted(found) for found in seen] == [NUMBERS] * 5
    await place.deployment.run_jobs()
    await look(place)


async def test_only_the_jobs_of_a_project_that_is_dropped_are_held_back(place: Tenant) -> None:
    other, db = make_tenant(place.deployment), place.deployment.services.db
    await begin(place)
    (job,) = claim(place, JobKind.REINDEX)
    for tenant in (place, other):
        await tenant.add("Tea")
    assert [each.project_id for each in claim(place, JobKind.INDEX)] == [other.project_id]
    assert claim(place, JobKind.INDEX) == []
    db.write_now(lambda tx: tx.jobs.postpone([job], "worker", LATER))
    assert [each.project_id for each in claim(place, JobKind.INDEX)] == [place.project_id]


async def test_only_one_reindex_runs_at_a_time(place: Tenant) -> None:
    first = await begin(place)
    assert await begin(place) == first
    assert len(claim(place, JobKind.REINDEX)) == 1
    await look(place)  # Of an empty project there is nothing to wait for.
    assert (await state(place, first))["status"] == "SUCCEEDED"
    second = await begin(place)
    assert second != first
    await look(place)


async def test_an_interrupted_rebuild_is_resumed(place: Tenant) -> None:
    """Once between the drop and the note of what was promised, once while it waits."""
    await place.add(*NUMBERS)
    await place.deployment.run_jobs()
    id = await begin(place)
    services = place.deployment.services
    (job,) = claim(place, JobKind.REINDEX)
    services.db.write_now(
        lambda tx: tx.operations.change(job.subject, status=OperationStatus.RUNNING, attempts=1)
    )
    await rebuild_index(services, place.project_id)
    await look(place)
    begun = await state(place, id)
    assert (begun["status"], begun["attempts"]) == ("RUNNING", 2)
    services.db.write_now(lambda tx: tx.jobs.claim(JobKind.REINDEX, 1, "killed", LEASE, LATER))
    await look(place)
    await do(place, claim(place, JobKind.INDEX))
    await look(place)
    over = await state(place, id)
    assert (over["status"], over["attempts"]) == ("SUCCEEDED", 2)
    assert await in_index(place) == 5


async def test_an_index_that_cannot_be_dropped(
    place: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.add(*NUMBERS)
    await place.deployment.run_jobs()
    id = await begin(place)
    index = place.deployment.services.index

    async def failing(_project_id: str) -> None:
        raise RuntimeError("the disk of /secret is full")

    with monkeypatch.context() as broken:
        broken.setattr(index, "drop", failing)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            await look(place)
            found = await state(place, id)
            assert found["attempts"] == attempt
            assert found["status"] == ("PENDING" if attempt < MOST_ATTEMPTS else "FAILED")
            assert found["error"].startswith("The index could not be dropped.")
            assert "secret" not in found["error"]
    assert claim(place, JobKind.REINDEX) == []
    writer = place.key(place.owner_email, ApiKeyPermission.WRITE)
    await assert_refused(place, writer, forbidden(OWNER_AND_ADMIN), RETRY, id=id)
    again = await place.owner.do(RETRY, id=id)
    assert again["operation"] == {"id": id, "status": "PENDING"}
    await assert_refused(place, place.owner, invalid("id"), RETRY, id=id)
    await look(place)
    await place.deployment.run_jobs()
    await look(place)
    over = await state(place, id)
    assert (over["status"], over["progress"], over["error"]) == ("SUCCEEDED", 1, None)
    await assert_refused(place, place.owner, invalid("id"), RETRY, id=id)


async def test_memories_that_the_index_rejects_are_reported(place: Tenant) -> None:
    await place.add(*NUMBERS)
    await place.deployment.run_jobs()
    id = await begin(place)
    await look(place)
    failing = claim(place, JobKind.INDEX, 2)
    place.deployment.services.db.write_now(
        lambda tx: tx.jobs.retry(failing, "worker", now(), "the disk of /secret is full")
    )
    await look(place)
    found = await state(place, id)
    assert (found["status"], found["progress"]) == ("RUNNING", 0)
    assert found["error"].startswith("The index could not take 2 of the memories yet")
    assert "secret" not in found["error"]
    await do(place, claim(place, JobKind.INDEX, 5))
    await look(place)
    over = await state(place, id)
    assert (over["status"], over["progress"], over["error"]) == ("SUCCEEDED", 1, None)


async def test_a_deleted_project_is_skipped(place: Tenant) -> None:
    await place.add(*NUMBERS)
    await begin(place)
    await place.owner.do(DELETE_PROJECT, id=place.project_id)
    await look(place)
    await place.deployment.run_jobs()
    left = "SELECT count(*) FROM jobs WHERE project_id = '%s'"
    with place.deployment.services.db.engine.connect() as connection:
        assert connection.exec_driver_sql(left % place.project_id).scalar() == 0
    assert await in_index(place) == 0


async def test_it_can_be_followed_where_workers_run(tenant: Tenant, address: str) -> None:
    await tenant.add(*NUMBERS)
    id = await begin(tenant)
    async with connected(address, tenant.owner.key) as socket:
        followed = await socket.subscribe(FOLLOW, id=id)
        updates = []
        while (message := await followed.message())["type"] == "next":
            updates.append(message["payload"]["data"]["operationUpdates"])
    assert updates[-1] == {"status": "SUCCEEDED", "progress": 1}
    progress = [update["progress"] for update in updates]
    assert progress == sorted(progress)
    assert await in_index(tenant) == 5
