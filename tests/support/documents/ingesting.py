"""Documents and helpers for tests of ingestion."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from core.entity_names import ENTITY_FIELDS
from core.enums import JobKind
from core.ids import now, uuid7
from resolvers.ingestion.requests import conversation_scope
from storage.tables.fields import table_of
from storage.tables.work import Job, Operation
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import Tenant

OPERATION = """
fragment Whole on Operation {
  id type status createdAt startedAt completedAt latencyMs error attempts progress input notes
  model inputTokens outputTokens
  results { sequence type memoryId newText operationId actor }
}
"""
ADD = f"""
mutation ($input: AddMemoriesInput!, $projectId: ID) {{
  addMemories(input: $input, projectId: $projectId) {{
    operation {{ ...Whole }}
    memories {{
      id text userId agentId appId runId role actor metadata categories state immutable version
      timestamp timestampUntil timestampPrecision expirationDate
      concepts {{ name }} sources {{ role name content timestamp }} extends {{ id }}
    }}
    results {{ outcome memory {{ id }} }}
    userErrors {{ __typename code message path ... on OperationFailedError {{ operationId }} }}
  }}
}}
{OPERATION}
"""
FIND = f"query ($id: ID!) {{ operation(id: $id) {{ ...Whole }} }} {OPERATION}"
RETRY = """
mutation ($id: ID!) {
  retryOperation(id: $id) {
    operation { id status error completedAt latencyMs attempts }
    userErrors { __typename code message path }
  }
}
"""
TEXTS = """
{ memories(first: 100, includeMerged: true, showExpired: true) { totalCount nodes { text } } }
"""
LOG = """
{ project { history(first: 100) { totalCount nodes { sequence type memoryId operationId } } } }
"""
ALL = (
    f"{{ project {{ operations(first: 100) {{ totalCount nodes {{ ...Whole }} }} }} }} {OPERATION}"
)
UPDATE_MANY = """
mutation ($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) { results { userErrors { code } } userErrors { code } }
}
"""
DELETE_MANY = """
mutation ($ids: [ID!], $filter: MemoryFilter) {
  deleteMemories(ids: $ids, filter: $filter) { count userErrors { code message } }
}
"""
CREATE_PROJECT = """
mutation { createProject(input: {name: "Two"}) { project { id } userErrors { code } } }
"""
PATIENCE = 30.0

_JOBS, _OPERATIONS = table_of(Job), table_of(Operation)


def message_input(content: str, role: str = "user", **others: Any) -> dict[str, Any]:
    """Return a message input."""
    return {"role": role, "content": content, **others}


def inferring_input(*messages: str | dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return the input of an add with inference, by default for the user alice."""
    scope = {} if {"userId", "agentId", "appId", "runId"} & set(options) else {"userId": "alice"}
    inputs = [message_input(each) if isinstance(each, str) else each for each in messages]
    return {"messages": inputs, **scope, **options}


async def add_inferred(client: Client, *messages: str | dict[str, Any], **options: Any) -> Any:
    """Add a conversation with inference, which must succeed; return the payload."""
    return await client.do(ADD, input=inferring_input(*messages, **options))


async def failed_operation(client: Client, *messages: str | dict[str, Any], **options: Any) -> Any:
    """Add a conversation whose ingestion must fail; check the error and return the operation."""
    (payload,) = (await client.ask(ADD, input=inferring_input(*messages, **options))).values()
    operation = payload["operation"]
    assert (payload["memories"], payload["results"]) == ([], [])
    assert payload["userErrors"] == [
        {
            "__typename": "OperationFailedError",
            "code": "OPERATION_FAILED",
            "message": operation["error"],
            "path": ["input"],
            "operationId": operation["id"],
        }
    ]
    assert operation["status"] == "FAILED"
    return operation


async def finished_operation(client: Client, operation_id: str) -> Any:
    """Wait until an operation has ended; return it."""
    until = time.monotonic() + PATIENCE
    while True:
        operation = (await client.ask(FIND, id=operation_id))["operation"]
        if operation["status"] not in ("PENDING", "RUNNING"):
            return operation
        assert time.monotonic() < until, f"waited in vain for the end of {operation}"
        await asyncio.sleep(0.02)


async def wait_until(condition: Callable[[], object], goal: str) -> None:
    """Poll until a condition holds. Fails with the name of the goal after the timeout."""
    last = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < last, f"waited in vain for {goal}"
        await asyncio.sleep(0.02)


async def texts_of(client: Client) -> list[str]:
    """Return the texts of all memories of the default project, oldest first."""
    found = (await client.ask(TEXTS))["memories"]
    assert found["totalCount"] == len(found["nodes"])
    return [memory["text"] for memory in found["nodes"]][::-1]


def work_of(tenant: Tenant) -> tuple[int, int]:
    """Return the numbers of operations and of unfinished ingestion jobs of the first project.

    Jobs of finished operations do not count: their rows are deleted a moment later.
    """
    with tenant.deployment.services.db.engine.connect() as connection:
        counts = []
        for table in (_OPERATIONS, _JOBS):
            found = select(func.count()).where(table.c.project_id == tenant.project_id)
            if table is _JOBS:
                finished = select(_OPERATIONS.c.id).where(_OPERATIONS.c.completed_at.is_not(None))
                found = found.where(
                    table.c.kind == JobKind.INGEST, table.c.subject.not_in(finished)
                )
            counts.append(connection.execute(found).scalar_one())
    operations, jobs = counts
    return operations, jobs


@contextlib.contextmanager
def blocked_adds(tenant: Tenant, **scope: str) -> Iterator[None]:
    """Keep adds for these entities pending during the block, as an unfinished earlier add does."""
    db, earlier = tenant.deployment.services.db, uuid7()
    entities = {type: scope[name] for type, name in ENTITY_FIELDS.items() if name in scope}
    lane, later = conversation_scope(tenant.project_id, entities), now() + timedelta(days=1)
    db.write_now(lambda tx: tx.jobs.put(JobKind.INGEST, [earlier], tenant.project_id, later, lane))
    try:
        yield
    finally:
        db.write_now(lambda tx: tx.jobs.cancel(JobKind.INGEST, [earlier]))


async def operations(tenant: Tenant) -> list[dict[str, Any]]:
    """Return all operations of the tenant's first project, oldest first."""
    found = (await tenant.owner.ask(ALL))["project"]["operations"]
    assert found["totalCount"] == len(found["nodes"])
    return list(reversed(found["nodes"]))


def raw(tenant: Tenant) -> list[dict[str, Any]]:
    """Return the rows of the first project's operations, oldest first."""
    statement = select(_OPERATIONS).where(_OPERATIONS.c.project_id == tenant.project_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        rows = connection.execute(statement.order_by(_OPERATIONS.c.id))
        return [dict(row._mapping) for row in rows]
