"""The subscription to the progress of one operation."""

from collections.abc import AsyncGenerator

import strawberry

from resolvers.operations.follow import operation_updates
from schema.base import Info, as_graphql
from schema.prices import ONE
from schema.types.operation import Operation, OperationId


@strawberry.type
class OperationSubscription:
    """The subscription to operation updates."""

    @strawberry.subscription(
        description="The operation in its present state, then again after each change. The "
        "subscription completes when the operation does.",
        metadata=ONE,
    )
    async def operation_updates(self, info: Info, id: OperationId) -> AsyncGenerator[Operation]:
        """Yield an operation."""
        async for row in operation_updates(info.context, id):
            yield as_graphql(row)
