"""Summaries of memories."""

from typing import Any

from typing_extensions import TypedDict

from core.limits.points import REQUEST_POINTS, SUMMARY_POINTS
from resolvers.synthesis.summaries import summarize_memories
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters, RequestPrice
from rest.mem0.filters import parse_filter


class SummaryBody(RequestParameters):
    """The filter of the memories to summarize; by default all memories of the project."""

    filters: dict[str, Any] | None = None


class Summary(TypedDict):
    """A summary in Markdown, and the id of its event."""

    summary: str
    event_id: str


async def summarize(call: Call[NoParameters, SummaryBody]) -> Summary:
    """Summarize memories."""
    filter = parse_filter(call.body.filters, "filters", scoped=False) if call.body.filters else None
    project = await call.project()
    summary = await summarize_memories(call.ctx, project.id, filter)
    if summary.failure is not None:
        raise summary.failure
    return {"summary": summary.text or "", "event_id": summary.operation.id}


def _price(_: Call[NoParameters, SummaryBody]) -> RequestPrice:
    return RequestPrice(REQUEST_POINTS + SUMMARY_POINTS)


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/summary/",
        summarize,
        Summary,
        "insights",
        body=SummaryBody,
        price=_price,
        unhurried=True,
    ),
]
