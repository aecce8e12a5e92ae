"""Helpers that import files and read the results."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
from sqlalchemy import select

from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

NDJSON = "application/x-ndjson"
OPERATION = "query ($id: ID!) { operation(id: $id) { status progress notes error input type } }"


async def send(
    client: Client,
    project_id: str,
    body: bytes | AsyncIterator[bytes],
    media_type: str = NDJSON,
) -> httpx.Response:
    """Send a file; return the HTTP response."""
    headers = {"Content-Type": media_type}
    if client.key:
        headers["Authorization"] = f"Bearer {client.key}"
    return await client.http.post(f"/projects/{project_id}/import", content=body, headers=headers)


async def import_file(
    tenant: Tenant, body: bytes, media_type: str = NDJSON, project_id: str | None = None
) -> dict[str, Any]:
    """Import a file as the owner and wait for the end; return the operation."""
    response = await send(tenant.owner, project_id or tenant.project_id, body, media_type)
    assert response.status_code == 202, response.text
    assert response.json()["status"] == "PENDING"
    return await finished_import(tenant.deployment, tenant.owner, response.json()["operationId"])


async def finished_import(deployment: Deployment, client: Client, id: str) -> dict[str, Any]:
    """Run jobs until an operation has ended; return it."""
    for _ in range(400):
        await deployment.run_jobs()
        found: dict[str, Any] = (await client.ask(OPERATION, id=id))["operation"]
        if found["status"] in ("SUCCEEDED", "FAILED"):
            return found
    raise AssertionError(f"It did not end: {found}")


def rows_of(deployment: Deployment, table: str, project_id: str) -> list[dict[str, Any]]:
    """Return the rows of a project in a table, in the order of its primary key."""
    columns = METADATA.tables[table]
    rows = select(columns).where(columns.c.project_id == project_id)
    with deployment.services.db.engine.connect() as connection:
        found = connection.execute(rows.order_by(*columns.primary_key))
        return [dict(row._mapping) for row in found]


def rows_by(rows: Iterator[dict[str, Any]] | list[dict[str, Any]], by: str) -> dict[Any, Any]:
    """Return the rows by their values of a column."""
    return {row[by]: row for row in rows}
