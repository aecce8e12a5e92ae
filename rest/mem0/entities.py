"""Entities: the users, agents, apps and runs of a project."""

from functools import partial
from typing import Any

from typing_extensions import TypedDict

from core.enums import EntityType
from core.errors import InvalidInput, must_exist
from resolvers.memories.entities import create_entity, delete_entity, entities, entity
from resolvers.tenancy.statistics import statistics_of_project
from rest.framework.request import Call, Endpoint, Handler, Name, NoParameters, RequestParameters
from rest.mem0.bulk import Started
from rest.mem0.listing import type_of
from rest.mem0.pages import USUAL, Paged, numbered_page
from rest.mem0.serializers import Entity, serialize_entity
from storage.memories.entities import EntityRow

_ONE = "/entities/{entity_type}/{entity_id}/"


class EntityPage(TypedDict):
    """A page of entities, their total number, and the number of each type."""

    count: int
    next: str | None
    previous: str | None
    results: list[Entity]
    total_users: int
    total_agents: int
    total_apps: int
    total_runs: int


class NewEntity(RequestParameters):
    """An entity to create."""

    user_id: Name | None = None
    agent_id: Name | None = None
    app_id: Name | None = None
    run_id: Name | None = None
    metadata: dict[str, Any] | None = None


async def list_entities(call: Call[Paged, RequestParameters]) -> EntityPage:
    """List the entities of a project by name."""
    project = await call.project()
    page, size = call.query.page or 1, call.query.page_size or USUAL
    lister = partial(entities, call.ctx, project.id, None, None, None)
    listed = await numbered_page(call, page, size, lister)
    counts = (await statistics_of_project(call.ctx, project.id)).by_type
    listed["results"] = [serialize_entity(row, project.name) for row in listed["results"]]
    totals = {f"total_{type.value.lower()}s": counts.get(type, 0) for type in EntityType}
    return {**listed, **totals}  # type: ignore[typeddict-item]


async def get_entity(call: Call[NoParameters, RequestParameters]) -> list[Entity]:
    """Return an entity, as a list with one item."""
    project = await call.project()
    return [serialize_entity(await _entity(call), project.name)]


def _maker(type: EntityType) -> Handler:
    key = f"{type.value.lower()}_id"

    async def make_entity(call: Call[NoParameters, NewEntity]) -> Entity:
        name = getattr(call.body, key)
        if name is None:
            raise InvalidInput(f"{key} is missing.", key)
        project = await call.project()
        row = await create_entity(call.ctx, project.id, type, name, call.body.metadata)
        return serialize_entity(row, project.name)

    kind = type.value.lower()
    make_entity.__doc__ = f"Create {'an' if kind[0] == 'a' else 'a'} {kind} unless it exists."
    make_entity.__name__ = f"make_{kind}"
    return make_entity


async def remove_entity(call: Call[NoParameters, RequestParameters]) -> Started:
    """Delete an entity with its memories and erase their traces; `*` is all of the type."""
    if call.path["entity_id"] == "*":
        return await _remove_all(call, type_of(call.path["entity_type"]))
    _, operation_id = await delete_entity(call.ctx, (await _entity(call)).id)
    return {"message": "Entity deleted successfully!", "event_id": operation_id}


async def _remove_all(call: Call[NoParameters, RequestParameters], type: EntityType) -> Started:
    project = await call.project()
    page: Any = {"first": 100, "after": None, "last": None, "before": None}
    count, operation_id = 0, None
    while True:
        found = await entities(call.ctx, project.id, type, None, None, page)
        for row in found.page.rows:
            _, operation_id = await delete_entity(call.ctx, row.id)
            count += 1
        if not found.page.has_next:
            return {"message": f"{count} entities deleted!", "event_id": operation_id}


async def _entity(call: Call[NoParameters, RequestParameters]) -> EntityRow:
    """Return the entity of the path by its name, or else by its id. Raises `NotFound`."""
    project = await call.project()
    type, name = type_of(call.path["entity_type"]), call.path["entity_id"]
    row = await entity(call.ctx, project.id, type, name)
    if row is None:
        found = (await call.ctx.loaders.nodes([name]))[0]
        if isinstance(found, EntityRow) and (found.project_id, found.type) == (project.id, type):
            row = found
    named: EntityRow = must_exist(row, "entity", name, "entity_id")
    return named


ENDPOINTS = [
    Endpoint("GET", "/v1/entities/", list_entities, EntityPage, "entities", query=Paged),
    *(
        Endpoint(
            "POST",
            f"/v1/{type.value.lower()}s/",
            _maker(type),
            Entity,
            "entities",
            body=NewEntity,
            status=201,
        )
        for type in EntityType
    ),
    *(
        Endpoint(method, f"/{version}{_ONE}", handler, answer, "entities")
        for version in ("v1", "v2")
        for method, handler, answer in (
            ("GET", get_entity, list[Entity]),
            ("DELETE", remove_entity, Started),
        )
    ),
]
