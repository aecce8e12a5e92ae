"""The job of an import, with concurrent changes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from core.enums import JobKind, OperationType
from resolvers.context import Context, Services, authenticate
from resolvers.erasure.receipts import complete_receipt
from resolvers.exchange.import_job import import_records
from resolvers.memories.entities import delete_entity
from resolvers.operations.records import operation_row
from storage.operations.jobs import JobStore
from storage.tables.metadata import METADATA
from tests.support.documents.exchange import line, memory
from tests.support.documents.importing import OPERATION, rows_of
from tests.support.documents.remembering import entity_id
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

_RECORDS = METADATA.tables["import_records"]
TEXTS = ["Likes tea", "Likes milk", "Likes rye", "Likes figs"]


@pytest.fixture(scope="session")
def deployment(indexing_deployment: Deployment) -> Deployment:
    return indexing_deployment


class Interrupted:
    """An embedder that deletes a pending record during its first call."""

    def __init__(self, services: Services, operation_id: str, position: int) -> None:
        self._services = services
        self.model = services.embedder.model
        self._waits = (_RECORDS.c.operation_id == operation_id, _RECORDS.c.position == position)
        self.answers = 0

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        if not self.answers:
            with self._services.db.engine.begin() as connection:
                assert connection.execute(delete(_RECORDS).where(*self._waits)).rowcount == 1
        self.answers += 1
        return await self._services.embedder.embed(texts)


async def staged(tenant: Tenant, **named: str) -> str:
    """Store pending records without a job, the last with an entity; return the operation's id."""
    services = tenant.deployment.services
    ctx = Context(await authenticate(services, [tenant.owner.key or ""]), services)
    asked = {"mediaType": "application/x-ndjson", "records": len(TEXTS)}
    operation = operation_row(ctx, tenant.project_id, OperationType.IMPORT, asked)
    records = [
        (at, {**line(memory(text, at)), "history": None, "versions": []})
        for at, text in enumerate(TEXTS, 2)
    ]

    records[-1][1]["memory"].update(named)

    def work(tx: Any) -> None:
        tx.operations.add(operation)
        tx.import_records.add(operation.id, tenant.project_id, records)

    services.db.write_now(work)
    return operation.id


async def test_the_erasure_of_a_record_keeps_other_records(tenant: Tenant) -> None:
    services = tenant.deployment.services
    id = await staged(tenant)
    embedder = Interrupted(services, id, position=3)

    async def heartbeat() -> None:
        pass

    interrupted = replace(services, embedder=embedder)  # type: ignore[arg-type]
    await import_records(interrupted, id, 1, heartbeat)
    stored = rows_of(tenant.deployment, "memories", tenant.project_id)
    assert sorted(row["text"] for row in stored) == ["Likes figs", "Likes rye", "Likes tea"]
    assert rows_of(tenant.deployment, "import_records", tenant.project_id) == []
    found = (await tenant.owner.ask(OPERATION, id=id))["operation"]
    assert (found["status"], found["notes"]) == ("SUCCEEDED", ["Imported 3 memories."])


async def test_a_record_that_is_being_erased_is_never_stored(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import reads the record before the job of the erasure does."""
    await tenant.add("I like tea", userId="bob")
    services = tenant.deployment.services
    id = await staged(tenant, userId="bob")
    bob = await entity_id(tenant.owner, "bob")
    ctx = Context(await authenticate(services, [tenant.owner.key or ""]), services)
    put = JobStore.put

    def put_others(store: JobStore, kind: JobKind, *rest: Any) -> None:
        if kind is not JobKind.RECEIPT:
            put(store, kind, *rest)

    async def heartbeat() -> None:
        pass

    with monkeypatch.context() as patch:
        patch.setattr(JobStore, "put", put_others)
        receipt, _ = await delete_entity(ctx, bob)
    await import_records(services, id, 1, heartbeat)
    stored = rows_of(tenant.deployment, "memories", tenant.project_id)
    assert sorted(row["text"] for row in stored) == ["Likes milk", "Likes rye", "Likes tea"]
    (operation,) = (
        row
        for row in rows_of(tenant.deployment, "operations", tenant.project_id)
        if row["id"] == id
    )
    assert operation["notes"] == [
        "Imported 3 memories; 1 was removed because what it names was erased meanwhile."
    ]
    await tenant.deployment.run_jobs()
    await complete_receipt(services, receipt.id, heartbeat)
    (found,) = rows_of(tenant.deployment, "erasure_receipts", tenant.project_id)
    assert found["counts"]["importRecords"] == 1
