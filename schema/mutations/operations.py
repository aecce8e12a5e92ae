"""Retrying operations."""

import strawberry

from resolvers.operations.records import retry_operation
from schema.base import Info, Payload, as_graphql, mutation
from schema.types.operation import Operation, OperationId


@strawberry.type(description="The answer of `retryOperation`.")
class RetryOperationPayload(Payload):
    """An operation that is tried again."""

    operation: Operation | None = strawberry.field(
        default=None, description="The operation, waiting for its turn."
    )


@strawberry.type
class OperationMutation:
    """What `Mutation` has of operations."""

    @mutation(
        RetryOperationPayload,
        "Work again on an operation that has FAILED: an add, an import or an export, with what was "
        "kept of it, or a `reindexProject`. An add or an import needs an OWNER and a key with "
        "WRITE permission, a reindex one with ADMIN permission, an export only to be seen.",
    )
    async def retry_operation(self, info: Info, id: OperationId) -> RetryOperationPayload:
        """Try an operation again."""
        return RetryOperationPayload(operation=as_graphql(await retry_operation(info.context, id)))
