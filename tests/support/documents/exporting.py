"""Documents and helpers for tests of exports and summaries."""

from typing import Any

from sqlalchemy import select

from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.documents.ingesting import finished_operation
from tests.support.fixtures.factories import Tenant

EXPORT = """
fragment Exported on Export {
  id schema filter instructions includeHistory data url createdAt completedAt
  operation { id type status error notes input model inputTokens outputTokens attempts progress }
}
"""
CREATE = f"""
mutation ($input: CreateExportInput!, $projectId: ID) {{
  createExport(input: $input, projectId: $projectId) {{
    export {{ ...Exported }} operation {{ id type status }}
    userErrors {{ __typename code message path }}
  }}
}}
{EXPORT}
"""
FIND = f"query ($id: ID!) {{ export(id: $id) {{ ...Exported }} }} {EXPORT}"
SUMMARIZE = """
mutation ($filter: MemoryFilter, $projectId: ID) {
  summarizeMemories(filter: $filter, projectId: $projectId) {
    summary
    operation { id type status error notes input model inputTokens outputTokens results { id } }
    userErrors { __typename code message path ... on OperationFailedError { operationId } }
  }
}
"""


async def create_export(client: Client, **input: Any) -> dict[str, Any]:
    """Request an export, which must be accepted; return it without waiting."""
    payload = await client.do(CREATE, input=input)
    export: dict[str, Any] = payload["export"]
    # Other fields may differ, because its job may have started.
    for name in ("id", "type"):
        assert payload["operation"][name] == export["operation"][name]
    return export


async def shaped_export(client: Client, schema: dict[str, Any], **input: Any) -> dict[str, Any]:
    """Request a shaped export and wait for its end; return it, succeeded or failed."""
    made = await create_export(client, schema=schema, **input)
    assert (made["data"], made["completedAt"]) == (None, None)
    await finished_operation(client, made["operation"]["id"])
    return await get_export(client, made["id"])


async def get_export(client: Client, id: str) -> dict[str, Any]:
    """Return an export by its id."""
    export: dict[str, Any] = (await client.ask(FIND, id=id))["export"]
    return export


async def shaped_data(client: Client, properties: dict[str, Any], **input: Any) -> Any:
    """Return the data of a shaped export by a schema with these properties."""
    export = await shaped_export(client, {"type": "object", "properties": properties}, **input)
    assert export["operation"]["status"] == "SUCCEEDED", export["operation"]
    return export["data"]


def source_memory_ids(tenant: Tenant, export_id: str) -> list[str]:
    """Return the sorted ids of the memories from which an export is made."""
    links = METADATA.tables["export_memories"]
    statement = select(links.c.memory_id).where(links.c.export_id == export_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        return sorted(connection.execute(statement).scalars())
