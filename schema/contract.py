"""The GraphQL schema, composed from the types, mutations and subscriptions of each noun."""

from collections.abc import Iterator
from typing import Any

import strawberry
from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLOneOfDirective,
    GraphQLSchema,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from schema.base import USER_ERRORS
from schema.execution.executor import PREPARED, BreadthFirstExecutor
from schema.mutations.api_keys import ApiKeyMutation
from schema.mutations.entities import EntityMutation
from schema.mutations.exports import ExportMutation
from schema.mutations.feedback import FeedbackMutation
from schema.mutations.invitations import InvitationMutation
from schema.mutations.members import MemberMutation
from schema.mutations.memories import MemoryMutation
from schema.mutations.memory_deletions import MemoryDeletionMutation
from schema.mutations.operations import OperationMutation
from schema.mutations.organizations import OrganizationMutation
from schema.mutations.previews import PreviewQuery
from schema.mutations.projects import ProjectMutation
from schema.mutations.summaries import SummaryMutation
from schema.mutations.webhooks import WebhookMutation
from schema.prices import INTROSPECTION, OBJECT, SCALAR
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
    InvitationMutation,
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


class PreparedDocument(SchemaExtension):
    """Executes the document of the operation extension `PREPARED`, which has been validated."""

    def on_parse(self) -> Iterator[None]:
        """Take over the document, or raise its error if it cannot be parsed."""
        context = self.execution_context
        prepared = (context.operation_extensions or {}).get(PREPARED)
        if prepared is not None:
            if prepared.document is None:
                raise prepared.errors[0]
            context.graphql_document = prepared.document
            context.pre_execution_errors = prepared.errors
        yield


class Schema(strawberry.Schema):
    """The executable schema. The transports log errors, so that each is logged once."""

    def __init__(self, **options: Any) -> None:
        """Build the schema without explicit null defaults, which are redundant.

        Each field gets its price as the extension `price`.
        """
        super().__init__(**options)
        for meta_field in (SchemaMetaFieldDef, TypeMetaFieldDef):
            name = "__type" if "name" in meta_field.args else "__schema"
            meta_field.extensions["price"] = INTROSPECTION[name]
        for named in self._schema.type_map.values():
            for item in getattr(named, "fields", {}).values():
                if isinstance(item, GraphQLField) and not named.name.startswith("__"):
                    item.extensions["price"] = _price_of(item)
                for value in (item, *getattr(item, "args", {}).values()):
                    if getattr(value, "default_value", Undefined) is None:
                        value.default_value = Undefined

    @property
    def graphql_schema(self) -> GraphQLSchema:
        """The schema that graphql-core executes."""
        return self._schema

    def process_errors(self, errors: list[GraphQLError], execution_context: Any = None) -> None:
        """Do nothing: the transport that sends the response handles the errors."""


def _price_of(field: GraphQLField) -> Any:
    declared = field.extensions["strawberry-definition"].metadata.get("price")
    if declared is not None:
        return declared
    return SCALAR if is_leaf_type(get_named_type(field.type)) else OBJECT


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=list(USER_ERRORS.values()),
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[PreparedDocument],
    execution_context_class=BreadthFirstExecutor,
)


def print_schema() -> str:
    """Return the schema in the schema definition language."""
    # Strawberry prints the directive without the description that its definition has.
    described = f'"""{GraphQLOneOfDirective.description}"""\ndirective @oneOf'
    return schema.as_str().replace("directive @oneOf", described, 1) + "\n"
