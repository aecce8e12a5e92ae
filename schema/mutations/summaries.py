"""Summaries of memories."""

import strawberry

from resolvers.synthesis.summaries import summarize_memories
from schema.arguments import ProjectId
from schema.base import Info, Payload, as_graphql, mutation, user_error
from schema.types.memory_filter import OnlyMemories, filter_from_input
from schema.types.operation import Operation


@strawberry.type(description="The answer of `summarizeMemories`.")
class SummarizeMemoriesPayload(Payload):
    """A summary."""

    summary: str | None = strawberry.field(
        default=None,
        description="What the memories say in all, as Markdown with a heading for each category "
        "or subject; empty where no memories match.",
    )
    operation: Operation | None = strawberry.field(
        default=None,
        description="The operation that records that it was asked for; also when the chat model "
        "has failed.",
    )


@strawberry.type
class SummaryMutation:
    """What `Mutation` has of summaries."""

    @mutation(
        SummarizeMemoriesPayload,
        "Sum memories up: by the chat model, or without one the most central of them in their own "
        "words. Those that have expired, were superseded or were merged do not count. Nothing of "
        "the summary is kept. Whoever sees the project may do it, with any key.",
    )
    async def summarize_memories(
        self, info: Info, project_id: ProjectId = None, filter: OnlyMemories = None
    ) -> SummarizeMemoriesPayload:
        """Sum memories up."""
        found = await summarize_memories(info.context, project_id, filter_from_input(filter))
        return SummarizeMemoriesPayload(
            summary=found.text,
            operation=as_graphql(found.operation),
            user_errors=[user_error(found.failure)] if found.failure else [],
        )
