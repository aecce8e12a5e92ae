"""`unchanged` notices every write but those that a read may cause."""

import pytest

from core.enums import JobKind
from core.ids import now, uuid7
from storage.transaction import Transaction
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

FEEDBACK = """
mutation ($id: ID!) {
  setMemoryFeedback(memoryId: $id, value: POSITIVE) { userErrors { message } }
}
"""
SEARCH = '{ searchMemories(query: "tea") { hits { memory { id } } } }'


def put(tx: Transaction, project_id: str) -> None:
    tx.jobs.put(JobKind.INDEX, [uuid7()], project_id, now())
    tx.jobs.flush()


async def test_a_write_is_noticed(tenant: Tenant) -> None:
    (memory,) = await tenant.add("Tea")
    with pytest.raises(AssertionError, match="memory_feedback"), unchanged(tenant.deployment):
        await tenant.owner.do(FEEDBACK, id=memory["id"])


async def test_a_job_alone_is_noticed(tenant: Tenant) -> None:
    db = tenant.deployment.services.db
    with pytest.raises(AssertionError, match="INSERT INTO jobs"), unchanged(tenant.deployment):
        await db.write(lambda tx: put(tx, tenant.project_id))


async def test_a_rolled_back_write_is_no_change(tenant: Tenant) -> None:
    def work(tx: Transaction) -> None:
        put(tx, tenant.project_id)
        raise LookupError

    with unchanged(tenant.deployment), pytest.raises(LookupError):
        await tenant.deployment.services.db.write(work)


async def test_the_records_of_a_search_are_no_change(tenant: Tenant) -> None:
    await tenant.add("Tea")
    services = tenant.deployment.services
    with unchanged(tenant.deployment):
        found = await tenant.owner.ask(SEARCH)
        await services.search_recorder.flush()
        await services.usage_recorder.flush()
    assert len(found["searchMemories"]["hits"]) == 1
