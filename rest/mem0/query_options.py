"""What lists and searches are asked with besides their filter, in mem0's words."""

from typing import Any, Protocol

from core.entity_names import ENTITY_TYPE_OF_ID
from core.errors import InvalidInput
from core.filters.tree import And, Filter
from rest.framework.request import RequestParameters
from rest.mem0.filters import parse_filter


class Narrowing(Protocol):
    """What narrows a filter down, each of it if it was given."""

    @property
    def categories(self) -> list[str] | None: ...
    @property
    def start_date(self) -> str | None: ...
    @property
    def end_date(self) -> str | None: ...
    @property
    def keywords(self) -> str | None: ...


class FilteredRequest(RequestParameters):
    """What lists and searches have in common."""

    filters: dict[str, Any] | None = None
    user_id: Any = None
    agent_id: Any = None
    app_id: Any = None
    run_id: Any = None
    show_expired: bool = False
    latest_only: bool = False
    fields: list[str] | None = None
    categories: list[str] | None = None
    metadata: dict[str, Any] | None = None
    start_date: str | None = None
    end_date: str | None = None
    keywords: str | None = None

    @property
    def entities(self) -> dict[str, Any]:
        """The entities that are named beside the filter, as older clients do."""
        return {
            name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(self, name)) is not None
        }

    def refuse_entities(self) -> None:
        """Raise `InvalidInput` for entities that are not in the filter, as the newest version."""
        for name in self.entities:
            said = f"{name} belongs into filters: {{'filters': {{'{name}': '...'}}}}."
            raise InvalidInput(said, name)


def requested_filter(asked: FilteredRequest) -> Filter:
    """Return the filter of a list or a search, with the entities that are named beside it."""
    given: dict[str, Any] = {"AND": [asked.filters or {}, asked.entities]}
    if not asked.entities:
        given = asked.filters or {}
    elif not asked.filters:
        given = asked.entities
    return narrow_filter(parse_filter(given, "filters", scoped=True), asked)


def narrow_filter(filter: Filter | None, asked: Narrowing) -> Filter:
    """Return a filter with what else was asked for."""
    created = {
        name: value
        for name, value in (("gte", asked.start_date), ("lte", asked.end_date))
        if value is not None
    }
    more: dict[str, Any] = {}
    if created:
        more["created_at"] = created
    if asked.categories:
        more["categories"] = {"in": asked.categories}
    if asked.keywords is not None:
        more["keywords"] = {"icontains": asked.keywords}
    metadata = getattr(asked, "metadata", None)
    if metadata:
        more["metadata"] = metadata
    parts = [part for part in (filter, parse_filter(more, scoped=False) if more else None) if part]
    return And(tuple(parts))
