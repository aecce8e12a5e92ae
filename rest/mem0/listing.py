"""Listing memories: `GET /v1/memories/`, `POST /v2/memories/` and `POST /v3/memories/`."""

from functools import partial
from typing import Any

from typing_extensions import TypedDict

from core.entity_names import ENTITY_TYPE_OF_ID
from core.enums import EntityType
from core.errors import InvalidInput
from core.filters.tree import Filter
from resolvers.memories.entities import entity
from resolvers.memories.listing import (
    MemoryListQuery,
    MemoryScope,
    memories_of_entity,
    memories_of_project,
)
from rest.framework.request import Call, Endpoint, Name, RequestParameters
from rest.mem0.filters import entity_filter
from rest.mem0.pages import USUAL, Lister, Paged, all_rows, numbered_page
from rest.mem0.query_options import FilteredRequest, narrow_filter, requested_filter
from rest.mem0.serializers import Memory, select_fields, serialize_memory


class MemoryPage(TypedDict):
    """A page of memories, their total number, and the URLs of the adjacent pages."""

    count: int
    next: str | None
    previous: str | None
    results: list[Memory]


class ListQuery(Paged):
    """The page and the filters of a list in version 1."""

    user_id: Name | None = None
    agent_id: Name | None = None
    app_id: Name | None = None
    run_id: Name | None = None
    show_expired: bool = False
    categories: list[str] | None = None
    fields: list[str] | None = None
    start_date: str | None = None
    end_date: str | None = None
    keywords: str | None = None


class ListBody(FilteredRequest, Paged):
    """The filters and the page of a list; the page of the query takes precedence."""


async def list_v1(call: Call[ListQuery, RequestParameters]) -> MemoryPage | list[Memory]:
    """List the memories of the entities named in the query."""
    query = call.query
    names = {
        name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(query, name)) is not None
    }
    filter = narrow_filter(entity_filter(names), query)
    lister = await _lister(call, filter, query.show_expired)
    return await _answer(call, query, lister, query.fields)


async def list_v2(call: Call[Paged, ListBody]) -> MemoryPage | list[Memory]:
    """List the memories that match a filter: all of them, or the requested page."""
    body = call.body
    lister = await _lister(call, requested_filter(body), body.show_expired, body.latest_only)
    return await _answer(call, call.query.beside(body), lister, body.fields)


async def list_v3(call: Call[Paged, ListBody]) -> MemoryPage:
    """List the memories that match a filter, in pages."""
    body = call.body
    body.reject_entities()
    if body.filters is None:
        raise InvalidInput("filters is missing: name the entities of the memories.", "filters")
    lister = await _lister(call, requested_filter(body), body.show_expired, body.latest_only)
    return await _page(call, call.query.beside(body), lister, body.fields)


async def list_of_entity(call: Call[Paged, RequestParameters]) -> MemoryPage | list[Memory]:
    """List the memories of an entity, by its type and name."""
    project = await call.project()
    kind = type_of(call.path["entity_type"])
    row = await entity(call.ctx, project.id, kind, call.path["entity_id"])
    if row is None:
        return []
    lister = partial(memories_of_entity, call.ctx, row, MemoryListQuery(MemoryScope()))
    return await _answer(call, call.query, lister, None)


def type_of(name: str) -> EntityType:
    """Return the entity type with a name of mem0. Raises `InvalidInput` for other names."""
    kinds = {type.value.lower(): type for type in EntityType}
    kinds |= {f"{word}s": type for word, type in kinds.items()}
    if name not in kinds:
        raise InvalidInput("The entity type must be user, agent, app or run.", "entity_type")
    return kinds[name]


async def _lister(
    call: Call[Any, Any], filter: Filter, show_expired: bool, latest_only: bool = False
) -> Lister:
    project = await call.project()
    query = MemoryListQuery(MemoryScope(filter, show_expired, latest_only))
    return partial(memories_of_project, call.ctx, project.id, query)


async def _answer(
    call: Call[Any, Any], paged: Paged, lister: Lister, fields: list[str] | None
) -> MemoryPage | list[Memory]:
    if paged.is_paged:
        return await _page(call, paged, lister, fields)
    return _memories(await all_rows(call, lister), fields)


async def _page(
    call: Call[Any, Any], paged: Paged, lister: Lister, fields: list[str] | None
) -> MemoryPage:
    page = await numbered_page(call, paged.page or 1, paged.page_size or USUAL, lister)
    return {**page, "results": _memories(page["results"], fields)}  # type: ignore[typeddict-item]


def _memories(rows: list[Any], fields: list[str] | None) -> list[Memory]:
    return [select_fields(serialize_memory(row), fields) for row in rows]  # type: ignore[misc]


ENDPOINTS = [
    Endpoint(
        "GET",
        "/v1/memories/",
        list_v1,
        MemoryPage | list[Memory],
        "memories",
        query=ListQuery,
    ),
    Endpoint(
        "POST",
        "/v2/memories/",
        list_v2,
        MemoryPage | list[Memory],
        "memories",
        query=Paged,
        body=ListBody,
    ),
    Endpoint("POST", "/v3/memories/", list_v3, MemoryPage, "memories", query=Paged, body=ListBody),
    Endpoint(
        "GET",
        "/v1/memories/{entity_type}/{entity_id}/",
        list_of_entity,
        MemoryPage | list[Memory],
        "memories",
        query=Paged,
    ),
]
