"""Retrying operations."""

import strawberry

from resolvers.operations.records import retry_operation
from schema.base import Info, Payload, as_graphql, mutation
from schema.prices import LONG_CHANGE
from schema.types.operation import Operation, OperationId


@strawberry.type(description="The payload of `retryOperation`.")
class RetryOperationPayload(Payload):
    """The operation to retry."""

    operation: Operation | None = strawberry.field(
        default=None, description="The operation, which is PENDING."
    )


@strawberry.type
class OperationMutation:
    """The mutations for operations."""

    @mutation(
        RetryOperationPayload,
        "Retries a FAILED operation: an add, an import or an export, using the stored input, or a "
        "`reindexProject`. An add or an import requires the OWNER role and a key with WRITE "
        "permission; a reindex requires the OWNER role and a key with ADMIN permission; an export "
        "can be retried with any key that can see it.",
        price=LONG_CHANGE,
    )
    async def retry_operation(self, info: Info, id: OperationId) -> RetryOperationPayload:
        """Retry an operation."""
        return RetryOperationPayload(operation=as_graphql(await retry_operation(info.context, id)))
