"""Projects: collections of memories, with their settings and everything they contain."""

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
from resolvers.tenancy.invitations import invitations_of_project
from resolvers.tenancy.projects import api_keys_of_project, history_of_project, members_of_project
from resolvers.tenancy.statistics import statistics_of_project
from resolvers.webhooks.administration import webhooks_of_project
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.prices import FREE, LIST, ONE, STATISTICS
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
from schema.types.invitation import Invitation
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


@strawberry.type(description="A category of memories in a project.")
class Category:
    """A category."""

    name: str = strawberry.field(description="The category's name.")
    description: str | None = strawberry.field(description="What belongs in the category.")


def _categories(rows: list[dict[str, Any]]) -> list[Category]:
    return [Category(name=row["name"], description=row["description"]) for row in rows]


@strawberry.type(
    description="An isolated collection of memories with its own settings, members and keys."
)
class Project(Node):
    """A project."""

    organization_id: strawberry.Private[str]
    sequence: strawberry.Private[int]
    name: str = strawberry.field(description="The project's name.")
    description: str | None = strawberry.field(description="The project's description.")
    custom_instructions: str | None = strawberry.field(
        description="Instructions for extracting memories from what people say."
    )
    agent_custom_instructions: str | None = strawberry.field(
        description="Instructions for extracting memories from what agents say."
    )
    enable_graph: bool = strawberry.field(
        description="Whether the server extracts people, places and things from memories."
    )
    multilingual: bool = strawberry.field(
        description="Whether memories keep the language of their messages."
    )
    decay: bool = strawberry.field(
        description="Whether memories that searches do not return rank lower over time."
    )
    created_at: datetime = strawberry.field(description="When the project was created.")
    updated_at: datetime = strawberry.field(
        description="When the project's settings were last changed."
    )
    version: int = strawberry.field(
        description="The version of the settings. Each change increases it by 1."
    )
    viewer_role: Role | None = strawberry.field(description="The viewer's role in the project.")

    is_type_of = is_row(ProjectRow)

    @strawberry.field(description="The organization that the project belongs to.", metadata=ONE)
    async def organization(self, info: Info) -> Organization:
        """Return the organization."""
        return await info.context.loaders.row(ORGANIZATIONS, self.organization_id)

    @strawberry.field(
        description="The project's own categories. Empty while the default catalog applies.",
        metadata=LIST,
    )
    def custom_categories(self) -> list[Category]:
        """Return the categories."""
        return _categories(_own_categories(self))

    @strawberry.field(description="The catalog of categories that applies.", metadata=LIST)
    def categories(self) -> list[Category]:
        """Return the catalog."""
        return _categories(catalog_in_force(_own_categories(self)))

    @connection(Member, "The project's members, in the order in which they joined.")
    def members(self, info: Info) -> Lister:
        """Return the lister of members."""
        return partial(members_of_project, info.context, self.id)

    @connection(
        Invitation,
        "The invitations to the project, ended ones included, newest first. Requires the OWNER "
        "role.",
    )
    def invitations(self, info: Info) -> Lister:
        """Return the lister of invitations."""
        return partial(invitations_of_project, info.context, as_graphql(self))

    @connection(
        ApiKey,
        "The project's API keys, oldest first. An OWNER sees all keys confined to the project; "
        "other callers see their own.",
    )
    def api_keys(self, info: Info) -> Lister:
        """Return the lister of keys."""
        return partial(api_keys_of_project, info.context, self.id)

    @strawberry.field(
        description="Fetches an entity by its type and the caller's own name for it; null when no "
        "memory has named it.",
        metadata=ONE,
    )
    async def entity(self, info: Info, type: EntityTypeArgument, name: EntityName) -> Entity | None:
        """Return an entity."""
        return as_graphql(await entity(info.context, self.id, type, name))

    @connection(Entity, "The project's entities. The default order is by name.")
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

    @connection(Memory, "The project's memories. The default order is newest first.")
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

    @search_field("Searches the project's memories and returns the best matches.")
    def search_memories(self, info: Info) -> Searcher:
        """Return the searcher of its memories."""
        return partial(search_project, info.context, self.id)

    @strawberry.field(
        description="The position in the project's log at which the project was read. "
        "`memoryEvents(after:)` delivers everything after it. It is read before the lists "
        "selected under this project, so no event is missed between the two.",
        metadata=FREE,
    )
    def history_cursor(self, info: Info) -> Cursor:
        """Return the cursor of the end of the log."""
        return Cursor(info.context.cursors.encode(HISTORY_ORDER, self.id, self))

    @connection(
        HistoryEvent,
        "The project's log: the history events of all its memories, oldest "
        "first. The error is CURSOR_EXPIRED when events after the cursor have been pruned.",
    )
    def history(
        self,
        info: Info,
        types: OnlyEventTypes = None,
    ) -> Lister:
        """Return the lister of the log."""
        kinds = tuple(types) if types is not None else None
        return partial(history_of_project, info.context, self.id, kinds)

    @connection(Operation, "The project's operations, newest first.")
    def operations(
        self,
        info: Info,
        type: OnlyOperationType = None,
        status: OnlyOperationStatus = None,
    ) -> Lister:
        """Return the lister of operations."""
        return partial(operations_of_project, info.context, self.id, type, status)

    @strawberry.field(description="Statistics about the project.", metadata=STATISTICS)
    async def stats(self, info: Info) -> ProjectStats:
        """Return the statistics."""
        return ProjectStats(row=await statistics_of_project(info.context, self.id))

    @connection(
        Concept, "The people, places and things that the project's memories mention, by name."
    )
    def concepts(self, info: Info, name_contains: ConceptNameContains = None) -> Lister:
        """Return the lister of concepts."""
        return partial(concepts_of_project, info.context, self.id, name_contains)

    @connection(
        AuditEntry,
        "The administrative actions on the project, newest first. Requires the OWNER role.",
    )
    def audit_log(self, info: Info) -> Lister:
        """Return the lister of entries."""
        return partial(audit_log_of_project, info.context, as_graphql(self))

    @connection(
        ErasureReceipt,
        "The erasure receipts of the project, newest first. Requires the OWNER role.",
    )
    def erasures(self, info: Info) -> Lister:
        """Return the lister of receipts."""
        return partial(erasures_of_project, info.context, as_graphql(self))

    @connection(Webhook, "The project's webhooks, oldest first. Requires the OWNER role.")
    def webhooks(self, info: Info) -> Lister:
        """Return the lister of webhooks."""
        return partial(webhooks_of_project, info.context, as_graphql(self))


def _own_categories(project: Any) -> list[dict[str, Any]]:
    """Return the stored categories of the row behind a `Project`.

    The row's attribute has the same name as the GraphQL field, which hides it from mypy.
    """
    return project.custom_categories


OptionalId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The project's id. Defaults to the key's default project."),
]


@strawberry.type
class ProjectQuery:
    """The queries for projects."""

    @strawberry.field(description="Fetches a project by its id.", metadata=ONE)
    async def project(self, info: Info, id: OptionalId = None) -> Project | None:
        """Return a project."""
        return await info.context.loaders.row(PROJECTS, info.context.project_id(id, "id"))
