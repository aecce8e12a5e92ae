"""Documents and helpers for tests that delete projects and organizations."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event, func, select, text

from storage.search.keywords import scope_token
from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.documents.refusals import assert_missing, with_details
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

DELETE_PROJECT = with_details("""
mutation ($id: ID!) { deleteProject(id: $id) { deletedId userErrors { ...Details } } }
""")
DELETE_ORGANIZATION = with_details("""
mutation ($id: ID!) { deleteOrganization(id: $id) { deletedId userErrors { ...Details } } }
""")
CREATE_PROJECT = """
mutation { createProject(input: {name: "Second"}) { project { id } userErrors { code } } }
"""
CREATE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id } secret userErrors { code } }
}
"""
CHANGE = """
mutation ($id: ID!) {
  updateMemory(id: $id, input: {metadata: {a: 1}}) { memory { id } userErrors { code } }
}
"""
THINGS = """
query ($memory: ID!) {
  memory(id: $memory) { project { id } user { id } history { nodes { id } } }
}
"""
BEGINNING = "{ viewer { account { email } organization { id } project { id } } }"
LISTS = "{ viewer { organizations { nodes { id projects { totalCount nodes { id } } } } } }"
ORGANIZATION = "query ($id: ID!) { organization(id: $id) { id } }"
NODE = "query ($id: ID!) { node(id: $id) { id } }"
OF_PROJECT = (
    "query ($id: ID!) { project(id: $id) { id } }",
    "query ($id: ID!) { memories(projectId: $id) { totalCount } }",
    "query ($id: ID!) { entities(projectId: $id) { totalCount } }",
    'query ($id: ID!) { entity(projectId: $id, type: USER, name: "alice") { id } }',
    'query ($id: ID!) { searchMemories(projectId: $id, query: "hiking") { hits { score } } }',
)
NOTHING = {
    "memories": 0,
    "memory_vectors": 0,
    "memory_keywords": 0,
    "memory_versions": 0,
    "history": 0,
    "entities": 0,
    "jobs": 0,
    "project_members": 0,
    "api_keys": 0,
    "projects": 0,
}


async def store_memory(tenant: Tenant) -> dict[str, str]:
    """Store a memory and change it; return its id and those of its entity and first event."""
    (memory,) = await tenant.add("I love hiking")
    await tenant.owner.do(CHANGE, id=memory["id"])
    found = (await tenant.owner.ask(THINGS, memory=memory["id"]))["memory"]
    return {
        "memory": memory["id"],
        "entity": found["user"]["id"],
        "event": found["history"]["nodes"][0]["id"],
    }


async def key_of(client: Client, **input: Any) -> tuple[str, str]:
    """Create a key; return its id and secret."""
    new = {"name": "Fresh", "permission": "ADMIN", **input}
    made = await client.do(CREATE_KEY, input=new)
    return made["apiKey"]["id"], made["secret"]


def row_counts(deployment: Deployment, project_id: str) -> dict[str, int]:
    """Return the number of a project's rows in each table.

    The blocks of SQLite's keyword index that contain the project's id are counted too: the index
    may keep the words of a row long after the row is deleted.
    """
    counts = {}
    with deployment.services.db.engine.connect() as connection:
        for name in NOTHING:
            table = METADATA.tables[name]
            column = table.c.id if name == "projects" else table.c.project_id
            statement = select(func.count()).select_from(table).where(column == project_id)
            counts[name] = connection.execute(statement).scalar_one()
        if deployment.services.db.is_sqlite:
            blocks = connection.execute(text("SELECT block FROM ft_memory_keywords_data")).scalars()
            # The index stores a word without the prefix that it shares with the word before it.
            named = scope_token(project_id)[-12:].encode()
            counts["memory_keywords"] += sum(named in block for block in blocks)
    return counts


def organization_row_counts(deployment: Deployment, organization_id: str) -> int:
    """Return the number of rows of an organization, its members, projects, keys and audit log."""
    tables = METADATA.tables
    with deployment.services.db.engine.connect() as connection:
        return sum(
            connection.execute(select(func.count()).where(column == organization_id)).scalar_one()
            for column in (
                tables["organizations"].c.id,
                tables["organization_members"].c.organization_id,
                tables["projects"].c.organization_id,
                tables["api_keys"].c.organization_id,
                tables["audit_entries"].c.organization_id,
            )
        )


async def assert_gone(client: Client, project_id: str, ids: dict[str, str]) -> None:
    """Assert that a client finds neither a project nor anything in it."""
    for document in OF_PROJECT:
        await assert_missing(client, document, id=project_id)
    for id in (project_id, *ids.values()):
        await assert_missing(client, NODE, id=id)
    await assert_missing(client, "query ($id: ID!) { memory(id: $id) { id } }", id=ids["memory"])


async def assert_rejected(deployment: Deployment, secret: str) -> None:
    """Assert that the server rejects a key."""
    response = await deployment.client(secret).post(BEGINNING)
    assert response.status_code == 401
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


@contextlib.contextmanager
def paused_transaction(
    deployment: Deployment, statement: str
) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Pause the first transaction that reaches a statement with this prefix.

    Yields two events: the first is set when the statement is reached; setting the second resumes
    the transaction, which also resumes after a timeout.
    """
    reached, released = threading.Event(), threading.Event()

    def pause(_c: object, _cursor: object, text: str, *_rest: object) -> None:
        if text.startswith(statement) and not reached.is_set():
            reached.set()
            released.wait(5)

    engine = deployment.services.db.engine
    event.listen(engine, "before_cursor_execute", pause)
    try:
        yield reached, released
    finally:
        released.set()
        event.remove(engine, "before_cursor_execute", pause)
