"""The GraphQL schema, composed from the types, mutations and subscriptions of each noun."""

from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLOneOfDirective, Undefined
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from schema.base import USER_ERRORS
from schema.mutations.api_keys import ApiKeyMutation
from schema.mutations.entities import EntityMutation
from schema.mutations.exports import ExportMutation
from schema.mutations.feedback import FeedbackMutation
from schema.mutations.members import MemberMutation
from schema.mutations.memories import MemoryMutation
from schema.mutations.memory_deletions import MemoryDeletionMutation
from schema.mutations.operations import OperationMutation
from schema.mutations.organizations import OrganizationMutation
from schema.mutations.previews import PreviewQuery
from schema.mutations.projects import ProjectMutation
from schema.mutations.summaries import SummaryMutation
from schema.mutations.webhooks import WebhookMutation
from schema.scalars import SCALARS
from schema.subscriptions.memory_events import MemoryEventsSubscription
from schema.subscriptions.operation_updates import OperationSubscription
from schema.types.entity import EntityQuery
from schema.types.export import ExportQuery
from schema.types.memory import MemoryQuery
from schema.types.node import NodeQuery
from schema.types.operation import OperationQuery
from schema.types.organization import OrganizationQuery
from schema.types.project import ProjectQuery
from schema.types.search import SearchQuery
from schema.types.viewer import ViewerQuery

_CACHED_DOCUMENTS = 512


@strawberry.type(
    description="All queries. `memories`, `searchMemories`, `entity` and `entities` use the key's "
    "default project unless `projectId` names another one."
)
class Query(
    ViewerQuery,
    NodeQuery,
    OrganizationQuery,
    ProjectQuery,
    MemoryQuery,
    SearchQuery,
    EntityQuery,
    OperationQuery,
    ExportQuery,
    PreviewQuery,
):
    """The query root."""


@strawberry.type(
    description="All mutations. Each payload has `userErrors`. A mutation that returns errors has "
    "changed nothing, unless its description says otherwise."
)
class Mutation(
    OrganizationMutation,
    ProjectMutation,
    MemberMutation,
    ApiKeyMutation,
    MemoryMutation,
    MemoryDeletionMutation,
    FeedbackMutation,
    EntityMutation,
    OperationMutation,
    WebhookMutation,
    ExportMutation,
    SummaryMutation,
):
    """The mutation root."""


@strawberry.type(
    description="All subscriptions, over a WebSocket (`graphql-transport-ws`) or as server-sent "
    "events."
)
class Subscription(MemoryEventsSubscription, OperationSubscription):
    """The subscription root."""


class Schema(strawberry.Schema):
    """The executable schema. The transports log errors, so that each is logged once."""

    def __init__(self, **options: Any) -> None:
        """Build the schema without explicit null defaults, which are redundant."""
        super().__init__(**options)
        for named in self._schema.type_map.values():
            for item in getattr(named, "fields", {}).values():
                for value in (item, *getattr(item, "args", {}).values()):
                    if getattr(value, "default_value", Undefined) is None:
                        value.default_value = Undefined

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Do nothing: the transport that sends the response handles the errors."""


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=list(USER_ERRORS.values()),
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[
        lambda: ParserCache(maxsize=_CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=_CACHED_DOCUMENTS),
    ],
)


def print_schema() -> str:
    """Return the schema in the schema definition language."""
    # Strawberry prints the directive without the description that its definition has.
    described = f'"""{GraphQLOneOfDirective.description}"""\ndirective @oneOf'
    return schema.as_str().replace("directive @oneOf", described, 1) + "\n"
