"""People and tenants to test with: each test gets its own, so tests share a database in peace."""

from dataclasses import dataclass
from typing import Any

from core.access import ApiKeyPermission, Role
from core.ids import now, uuid7
from resolvers.tenancy.bootstrap import issue_key
from storage.tenancy.members import MemberRow
from storage.transaction import Transaction
from tests.client import Client
from tests.deployment import Deployment

ADD = """
mutation Add($input: AddMemoriesInput!, $projectId: ID) {
  addMemories(input: $input, projectId: $projectId) {
    memories { id text version userId agentId runId createdAt }
    userErrors { code message path }
  }
}
"""


@dataclass
class Tenant:
    """An organization with one project, and everybody who may come to its door.

    `owner` owns both. `reader` is a READER of the project alone, with an ADMIN key. `stranger` owns
    an organization and a project of their own. `nobody` has no key.
    """

    deployment: Deployment
    organization_id: str
    project_id: str
    owner_email: str
    reader_email: str
    stranger_email: str
    owner: Client
    reader: Client
    stranger: Client
    nobody: Client
    stranger_project_id: str
    stranger_organization_id: str

    def key(self, email: str, permission: ApiKeyPermission = ApiKeyPermission.ADMIN) -> Client:
        """Return a client with another key of an account, which reaches the whole account."""
        services = self.deployment.services
        return self.deployment.client(
            services.db.write_now(lambda tx: _key(tx, services.pepper, email, permission))
        )

    async def add(self, *texts: str, **options: Any) -> list[dict[str, Any]]:
        """Store memories of the user alice, or of whom the options name, as the owner.

        They are stored as they are, unless the options ask to infer.
        """
        messages = [{"role": "user", "content": text} for text in texts]
        who = {} if {"userId", "agentId", "appId", "runId"} & set(options) else {"userId": "alice"}
        options = {"infer": False, **who, **options}
        payload = await self.owner.do(ADD, input={"messages": messages, **options})
        memories: list[dict[str, Any]] = payload["memories"]
        return memories


def make_tenant(deployment: Deployment) -> Tenant:
    """Return a fresh tenant."""
    tag = uuid7()[-12:]
    names = ("owner", "reader", "stranger")
    owner, reader, stranger = (f"{name}-{tag}@example.com" for name in names)
    services = deployment.services

    # In one transaction, because nearly every test begins with this.
    def work(tx: Transaction) -> tuple[tuple[str, str], tuple[str, str], list[str]]:
        here, elsewhere = _place(tx, owner), _place(tx, stranger)
        account = tx.accounts.obtain(reader, uuid7(), now())
        tx.members.project.add(here[1], MemberRow(uuid7(), account.id, Role.READER, now()))
        return (
            here,
            elsewhere,
            [_key(tx, services.pepper, who) for who in (owner, reader, stranger)],
        )

    here, elsewhere, keys = services.db.write_now(work)
    clients = [deployment.client(key) for key in (*keys, None)]
    return Tenant(deployment, *here, owner, reader, stranger, *clients, *reversed(elsewhere))


def _place(tx: Transaction, email: str) -> tuple[str, str]:
    """Make an organization with a project; return the ids of both."""
    organization_id, project_id, moment = uuid7(), uuid7(), now()
    account = tx.accounts.obtain(email, uuid7(), moment)
    tx.organizations.create(organization_id, "Home", moment)
    tx.members.organization.add(organization_id, MemberRow(uuid7(), account.id, Role.OWNER, moment))
    tx.projects.create(project_id, organization_id, "First", None, moment)
    tx.members.project.add(project_id, MemberRow(uuid7(), account.id, Role.OWNER, moment))
    return organization_id, project_id


def _key(
    tx: Transaction,
    pepper: bytes,
    email: str,
    permission: ApiKeyPermission = ApiKeyPermission.ADMIN,
) -> str:
    return issue_key(tx, email, "Test", permission, pepper, now())
