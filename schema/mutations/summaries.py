"""Summarizing memories."""

import strawberry

from resolvers.synthesis.summaries import summarize_memories
from schema.arguments import ProjectId
from schema.base import Info, Payload, as_graphql, mutation, user_error
from schema.prices import SUMMARY
from schema.types.memory_filter import OnlyMemories, filter_from_input
from schema.types.operation import Operation


@strawberry.type(description="The payload of `summarizeMemories`.")
class SummarizeMemoriesPayload(Payload):
    """A summary."""

    summary: str | None = strawberry.field(
        default=None,
        description="The summary as Markdown, with a heading for each category or subject. Empty "
        "if no memory matches.",
    )
    operation: Operation | None = strawberry.field(
        default=None,
        description="The operation that records the request, even if the chat model failed.",
    )


@strawberry.type
class SummaryMutation:
    """The mutations for summaries."""

    @mutation(
        SummarizeMemoriesPayload,
        "Summarizes memories with the chat model. Without a chat model, the summary consists of "
        "the most central memories, verbatim. Expired, superseded and merged memories are left "
        "out. The summary is not stored. Any key that can see the project may summarize.",
        price=SUMMARY,
    )
    async def summarize_memories(
        self, info: Info, project_id: ProjectId = None, filter: OnlyMemories = None
    ) -> SummarizeMemoriesPayload:
        """Summarize memories."""
        found = await summarize_memories(info.context, project_id, filter_from_input(filter))
        return SummarizeMemoriesPayload(
            summary=found.text,
            operation=as_graphql(found.operation),
            user_errors=[user_error(found.failure)] if found.failure else [],
        )
