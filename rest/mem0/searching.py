"""Searching memories: `POST /v1/memories/search/`, and the same in v2 and v3."""

from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from core.limits.points import REQUEST_POINTS, search_points
from resolvers.memories.listing import MemoryScope
from resolvers.search.execution import Query, search_project
from rest.framework.request import Call, Endpoint, NoParameters, RequestPrice
from rest.mem0.adding import datetime_argument
from rest.mem0.query_options import FilteredRequest, requested_filter
from rest.mem0.serializers import Found, select_fields, serialize_hit

# The minimum semantic similarity of hits that share no word with the query.
_OLDER, _NEWEST = 0.3, 0.1


class SearchBody(FilteredRequest):
    """The query, the filters and the options of a search."""

    query: str
    top_k: int = Field(10, ge=1, le=1000)
    limit: int | None = Field(None, ge=1, le=1000)
    threshold: float | None = Field(None, ge=0, le=1)
    rerank: bool = False
    reference_date: int | float | str | None = None
    output_format: str = "v1.0"


class Hits(TypedDict):
    """The memories found, best first."""

    results: list[Found]


class HitsAndRelations(Hits):
    """The memories found, best first. `relations` is empty: GraphQL provides the graph."""

    relations: list[dict[str, Any]]


async def search_v1(call: Call[NoParameters, SearchBody]) -> HitsAndRelations | list[Found]:
    """Search the memories of the named entities."""
    hits = await _search(call, _OLDER)
    if call.body.output_format == "v1.0":
        return hits
    return {"results": hits, "relations": []}


async def search_v2(call: Call[NoParameters, SearchBody]) -> list[Found]:
    """Search the memories that match a filter; the response is a list."""
    return await _search(call, _OLDER)


async def search_v3(call: Call[NoParameters, SearchBody]) -> Hits:
    """Search the memories that match a filter."""
    call.body.reject_entities()
    return {"results": await _search(call, _NEWEST)}


def _price(call: Call[NoParameters, SearchBody]) -> RequestPrice:
    body = call.body
    hits = 4 * (body.limit or body.top_k)
    return RequestPrice(REQUEST_POINTS + search_points(body.query, rerank=body.rerank) + hits)


async def _search(call: Call[NoParameters, SearchBody], threshold: float) -> list[Found]:
    body = call.body
    project = await call.project()
    date = body.reference_date
    query = Query(
        text=body.query,
        top_k=body.limit or body.top_k,
        threshold=threshold if body.threshold is None else body.threshold,
        rerank=body.rerank,
        scope=MemoryScope(requested_filter(body), body.show_expired, body.latest_only),
        reference=None if date is None else datetime_argument(date, "reference_date"),
    )
    result = await search_project(call.ctx, project.id, query)
    return [select_fields(serialize_hit(hit), body.fields) for hit in result.hits]  # type: ignore[misc]


ENDPOINTS = [
    Endpoint(
        "POST",
        "/v1/memories/search/",
        search_v1,
        HitsAndRelations | list[Found],
        "memories",
        body=SearchBody,
        price=_price,
    ),
    Endpoint(
        "POST",
        "/v2/memories/search/",
        search_v2,
        list[Found],
        "memories",
        body=SearchBody,
        price=_price,
    ),
    Endpoint(
        "POST", "/v3/memories/search/", search_v3, Hits, "memories", body=SearchBody, price=_price
    ),
]
