"""Checks of rejected requests: the complete error, and no change in the database."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, or_, select

from core.enums import OperationType
from storage.tables.metadata import METADATA
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import Tenant
from tests.support.servers.deployment import Deployment

Snapshot = dict[str, list[dict[str, Any]]]

_OF_PROJECT = (
    "entities",
    "memories",
    "memory_keywords",
    "memory_vectors",
    "memory_versions",
    "history",
    "source_messages",
    "concepts",
    "webhooks",
    "webhook_deliveries",
    "exports",
    "profile_settings",
    "import_records",
    "memory_feedback",
    "erasure_receipts",
)

# All fields of a user error but the message, whose wording is not part of the contract.
_DETAILS = """
fragment Details on UserError {
  __typename code path
  ... on NotFoundError { id }
  ... on PermissionError { required }
  ... on VersionConflictError { currentVersion }
}
"""
OWNER_AND_ADMIN = "the role OWNER and a key with ADMIN permission"
READER_AND_ADMIN = "the role READER and a key with ADMIN permission"
ACCOUNT_AND_ADMIN = "a key of the whole account with ADMIN permission"


def with_details(document: str, *fragments: str) -> str:
    """Return a document with the fragment `Details` on user errors, and with other fragments."""
    return "".join((document, *fragments, _DETAILS))


def invalid(*path: str) -> dict[str, Any]:
    """Return the error about an invalid value."""
    return {"__typename": "InvalidInputError", "code": "INVALID_INPUT", "path": list(path)}


def not_found(id: str | None, *path: str) -> dict[str, Any]:
    """Return the error about something that does not exist for the caller."""
    kind = {"__typename": "NotFoundError", "code": "NOT_FOUND"}
    return {**kind, "path": list(path), "id": id}


def forbidden(required: str) -> dict[str, Any]:
    """Return the error about something that the caller may not do."""
    kind = {"__typename": "PermissionError", "code": "FORBIDDEN"}
    return {**kind, "path": [], "required": required}


def already_exists(*path: str) -> dict[str, Any]:
    """Return the error about something that already exists."""
    return {"__typename": "AlreadyExistsError", "code": "ALREADY_EXISTS", "path": list(path)}


def limit_exceeded(*path: str) -> dict[str, Any]:
    """Return the error about a reached limit."""
    return {"__typename": "LimitExceededError", "code": "LIMIT_EXCEEDED", "path": list(path)}


def last_owner() -> dict[str, Any]:
    """Return the error about removing the last owner."""
    return {"__typename": "LastOwnerError", "code": "LAST_OWNER", "path": ["email"]}


def version_conflict(current: int) -> dict[str, Any]:
    """Return the error about an outdated `expectedVersion`."""
    kind = {"__typename": "VersionConflictError", "code": "VERSION_CONFLICT"}
    return {**kind, "path": ["input", "expectedVersion"], "currentVersion": current}


async def assert_refused(
    tenant: Tenant, client: Client, error: dict[str, Any], document: str, **variables: Any
) -> None:
    """Assert that a mutation is rejected with exactly one error and writes nothing."""
    with unchanged(tenant.deployment):
        assert await client.refused(document, **variables) == [error]


@contextlib.contextmanager
def unchanged(deployment: Deployment) -> Iterator[None]:
    """Assert that nothing is written during the block.

    `Deployment.written_statements` defines which writes count. This is cheap, while a `snapshot`
    reads every row of a tenant.
    """
    with deployment.written_statements() as statements:
        yield
    assert statements == [], statements


async def assert_missing(client: Client, document: str, **variables: Any) -> None:
    """Assert that a query of one field finds nothing, as if the object had never existed."""
    body = await client.answer(document, **variables)
    codes = [error["extensions"]["code"] for error in body.get("errors", ())]
    assert codes == ["NOT_FOUND"], body
    assert body["data"] is None or list(body["data"].values()) == [None]


def snapshot(tenant: Tenant) -> Snapshot:
    """Return all rows of the tenant's accounts and of their organizations and projects, by table.

    Left out are the last use of keys, which any request may write, and the progress of erasures.
    """
    tables = METADATA.tables
    accounts, organizations, projects = (
        tables[name] for name in ("accounts", "organizations", "projects")
    )
    operations = tables["operations"]
    in_organization, in_project, keys = (
        tables[name] for name in ("organization_members", "project_members", "api_keys")
    )
    with tenant.deployment.services.db.engine.connect() as connection:

        def ids(column: Column[str], scope: ColumnElement[bool]) -> Sequence[str]:
            return connection.execute(select(column).where(scope)).scalars().all()

        # Looked up once, because thousands of tests take two snapshots.
        tag = tenant.owner_email.removeprefix("owner-")
        account_ids = ids(accounts.c.id, accounts.c.email.endswith(tag))
        organization_ids = ids(
            in_organization.c.organization_id, in_organization.c.account_id.in_(account_ids)
        )
        project_ids = ids(projects.c.id, projects.c.organization_id.in_(organization_ids))
        scopes: dict[str, ColumnElement[bool]] = {
            "accounts": accounts.c.id.in_(account_ids),
            "organizations": organizations.c.id.in_(organization_ids),
            "projects": projects.c.organization_id.in_(organization_ids),
            "organization_members": in_organization.c.organization_id.in_(organization_ids),
            "project_members": or_(
                in_project.c.project_id.in_(project_ids), in_project.c.account_id.in_(account_ids)
            ),
            "invitations": tables["invitations"].c.organization_id.in_(organization_ids),
            "audit_entries": tables["audit_entries"].c.organization_id.in_(organization_ids),
            "api_keys": or_(
                keys.c.account_id.in_(account_ids), keys.c.organization_id.in_(organization_ids)
            ),
            **{name: tables[name].c.project_id.in_(project_ids) for name in _OF_PROJECT},
            # Searches are recorded after their response, and change nothing.
            "operations": and_(
                operations.c.project_id.in_(project_ids), operations.c.type != OperationType.SEARCH
            ),
        }
        return {name: _rows(connection, tables[name], scope) for name, scope in scopes.items()}


def _rows(connection: Connection, table: Table, scope: ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = [column for column in table.c if not _is_volatile(column)]
    rows = connection.execute(select(*columns).where(scope).order_by(*table.primary_key))
    return [dict(row._mapping) for row in rows]


def _is_volatile(column: Column[Any]) -> bool:
    if column.table.name == "erasure_receipts":
        return column.name in {"counts", "digest", "pending", "completed_at"}
    return column.name == "last_used_at"
