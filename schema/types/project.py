"""Projects: spaces of memories, their settings and everything that hangs on them."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import strawberry

from core.access import Role
from core.categories import catalog_in_force
from resolvers.erasure.receipts import erasures_of_project
from resolvers.memories.concepts import concepts_of_project
from resolvers.memories.entities import entities, entity
from resolvers.memories.listing import memories_of_project
from resolvers.operations.records import operations_of_project
from resolvers.search.execution import search_project
from resolvers.tenancy.audit_log import audit_log_of_project
from resolvers.tenancy.projects import api_keys_of_project, history_of_project, members_of_project
from resolvers.tenancy.statistics import statistics_of_project
from resolvers.webhooks.administration import webhooks_of_project
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.scalars import Cursor
from schema.types.api_key import ApiKey
from schema.types.audit import AuditEntry
from schema.types.concept import Concept, ConceptNameContains
from schema.types.entity import (
    Entity,
    EntityName,
    EntityOrder,
    EntityTypeArgument,
    NameContains,
    OnlyEntityType,
    order_from_input,
)
from schema.types.erasure import ErasureReceipt
from schema.types.history import HistoryEvent, OnlyEventTypes
from schema.types.member import Member
from schema.types.memory import Memory
from schema.types.memory_filter import (
    AsOf,
    IncludeMerged,
    LatestOnly,
    MemoryOrder,
    OnlyMemories,
    ShowExpired,
    list_query,
    scope_from_input,
)
from schema.types.operation import OnlyOperationStatus, OnlyOperationType, Operation
from schema.types.organization import Organization
from schema.types.search import Searcher, search_field
from schema.types.statistics import ProjectStats
from schema.types.webhook import Webhook
from storage.log.history import HISTORY_ORDER
from storage.tenancy.organizations import ORGANIZATIONS
from storage.tenancy.projects import PROJECTS, ProjectRow


@strawberry.type(description="A kind of memory that a project tells apart.")
class Category:
    """A category."""

    name: str = strawberry.field(description="Its name, as memories carry it.")
    description: str | None = strawberry.field(description="What belongs to it.")


def _categories(rows: list[dict[str, Any]]) -> list[Category]:
    return [Category(name=row["name"], description=row["description"]) for row in rows]


@strawberry.type(description="A space of memories with its own settings, members and keys.")
class Project(Node):
    """A project."""

    organization_id: strawberry.Private[str]
    sequence: strawberry.Private[int]
    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it is for.")
    custom_instructions: str | None = strawberry.field(
        description="What the extraction of memories is told about the people's part."
    )
    agent_custom_instructions: str | None = strawberry.field(
        description="What the extraction of memories is told about the agents' part."
    )
    enable_graph: bool = strawberry.field(
        description="Whether people, places and things are drawn out of memories."
    )
    multilingual: bool = strawberry.field(
        description="Whether memories keep the language of their messages."
    )
    decay: bool = strawberry.field(
        description="Whether memories that are not used sink in the ranking."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When its settings were last changed.")
    version: int = strawberry.field(description="Rises by one with every change of its settings.")
    viewer_role: Role | None = strawberry.field(description="What the viewer is in it.")

    is_type_of = is_row(ProjectRow)

    @strawberry.field(description="The organization it belongs to.")
    async def organization(self, info: Info) -> Organization:
        """Return the organization."""
        return await info.context.loaders.row(ORGANIZATIONS, self.organization_id)

    @strawberry.field(
        description="Its own categories; empty while the default catalog is in force."
    )
    def custom_categories(self) -> list[Category]:
        """Return the categories."""
        return _categories(_own_categories(self))

    @strawberry.field(description="The catalog of categories in force.")
    def categories(self) -> list[Category]:
        """Return the catalog."""
        return _categories(catalog_in_force(_own_categories(self)))

    @connection(Member, "Its members, in the order in which they joined.")
    def members(self, info: Info) -> Lister:
        """Return the lister of members."""
        return partial(members_of_project, info.context, self.id)

    @connection(
        ApiKey,
        "The keys for it, oldest first: an OWNER sees all keys confined to it, anybody "
        "else their own.",
    )
    def api_keys(self, info: Info) -> Lister:
        """Return the lister of keys."""
        return partial(api_keys_of_project, info.context, self.id)

    @strawberry.field(
        description="An entity by the caller's own name for it; none when no memory has named it."
    )
    async def entity(self, info: Info, type: EntityTypeArgument, name: EntityName) -> Entity | None:
        """Return an entity."""
        return as_graphql(await entity(info.context, self.id, type, name))

    @connection(Entity, "Its entities, by name unless ordered otherwise.")
    def entities(
        self,
        info: Info,
        type: OnlyEntityType = None,
        name_contains: NameContains = None,
        order_by: EntityOrder = None,
    ) -> Lister:
        """Return the lister of entities."""
        order = order_from_input(order_by)
        return partial(entities, info.context, self.id, type, name_contains, order)

    @connection(Memory, "Its memories, the newest first unless ordered otherwise.")
    def memories(
        self,
        info: Info,
        filter: OnlyMemories = None,
        order_by: MemoryOrder = None,
        show_expired: ShowExpired = False,
        latest_only: LatestOnly = False,
        include_merged: IncludeMerged = False,
        as_of: AsOf = None,
    ) -> Lister:
        """Return the lister of memories."""
        wanted = scope_from_input(filter, show_expired, latest_only, include_merged)
        return partial(
            memories_of_project, info.context, self.id, list_query(wanted, order_by, as_of)
        )

    @search_field("Its memories that fit a query best.")
    def search_memories(self, info: Info) -> Searcher:
        """Return the searcher of its memories."""
        return partial(search_project, info.context, self.id)

    @strawberry.field(
        description="The place in its log at which it was read. What happens after it is what "
        "`memoryEvents(after:)` tells. It is read before the lists beneath this project are, so "
        "nothing falls in between."
    )
    def history_cursor(self, info: Info) -> Cursor:
        """Return the cursor of the log's head."""
        return Cursor(info.context.cursors.encode(HISTORY_ORDER, self.id, self))

    @connection(HistoryEvent, "Its log: what happened to all its memories, oldest first.")
    def history(
        self,
        info: Info,
        types: OnlyEventTypes = None,
    ) -> Lister:
        """Return the lister of the log."""
        kinds = tuple(types) if types is not None else None
        return partial(history_of_project, info.context, self.id, kinds)

    @connection(Operation, "What was asked of it, the newest first.")
    def operations(
        self,
        info: Info,
        type: OnlyOperationType = None,
        status: OnlyOperationStatus = None,
    ) -> Lister:
        """Return the lister of operations."""
        return partial(operations_of_project, info.context, self.id, type, status)

    @strawberry.field(description="How much there is in it.")
    async def stats(self, info: Info) -> ProjectStats:
        """Return the statistics."""
        return ProjectStats(row=await statistics_of_project(info.context, self.id))

    @connection(Concept, "The people, places and things its memories mention, by name.")
    def concepts(self, info: Info, name_contains: ConceptNameContains = None) -> Lister:
        """Return the lister of concepts."""
        return partial(concepts_of_project, info.context, self.id, name_contains)

    @connection(AuditEntry, "Who has administered it, and how, newest first. For its OWNERs.")
    def audit_log(self, info: Info) -> Lister:
        """Return the lister of entries."""
        return partial(audit_log_of_project, info.context, as_graphql(self))

    @connection(ErasureReceipt, "The receipts of what was erased in it, newest first. For OWNERs.")
    def erasures(self, info: Info) -> Lister:
        """Return the lister of receipts."""
        return partial(erasures_of_project, info.context, as_graphql(self))

    @connection(Webhook, "Where its events are sent to, oldest first. For its OWNERs.")
    def webhooks(self, info: Info) -> Lister:
        """Return the lister of webhooks."""
        return partial(webhooks_of_project, info.context, as_graphql(self))


def _own_categories(project: Any) -> list[dict[str, Any]]:
    """Return the stored categories of the row behind a `Project`.

    The row's attribute has the name of the field that is made of it, which hides it from mypy.
    """
    return project.custom_categories


OptionalId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The project's id; the key's default project without it."),
]


@strawberry.type
class ProjectQuery:
    """What `Query` has of projects."""

    @strawberry.field(description="A project by its id.")
    async def project(self, info: Info, id: OptionalId = None) -> Project | None:
        """Return a project."""
        return await info.context.loaders.row(PROJECTS, info.context.project_id(id, "id"))
