"""Following one operation to its end."""

from collections.abc import AsyncGenerator

import strawberry

from resolvers.operations.follow import operation_updates
from schema.base import Info, as_graphql
from schema.types.operation import Operation, OperationId


@strawberry.type
class OperationSubscription:
    """What `Subscription` has of operations."""

    @strawberry.subscription(
        description="An operation as it is, then each time it has changed. Ends when the operation "
        "does."
    )
    async def operation_updates(self, info: Info, id: OperationId) -> AsyncGenerator[Operation]:
        """Yield an operation."""
        async for row in operation_updates(info.context, id):
            yield as_graphql(row)
