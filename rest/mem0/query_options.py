"""mem0's options of lists and searches besides the filter."""

from typing import Any, Protocol

from core.entity_names import ENTITY_TYPE_OF_ID
from core.errors import InvalidInput
from core.filters.tree import And, Filter
from rest.framework.request import RequestParameters
from rest.mem0.filters import parse_filter


class Narrowing(Protocol):
    """The options that narrow a filter; None is not applied."""

    @property
    def categories(self) -> list[str] | None: ...
    @property
    def start_date(self) -> str | None: ...
    @property
    def end_date(self) -> str | None: ...
    @property
    def keywords(self) -> str | None: ...


class FilteredRequest(RequestParameters):
    """The common options of lists and searches."""

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
        """The entities that older clients send beside the filter."""
        return {
            name: value for name in ENTITY_TYPE_OF_ID if (value := getattr(self, name)) is not None
        }

    def reject_entities(self) -> None:
        """Raise `InvalidInput` for entities outside of the filter, as mem0's version 3 does."""
        for name in self.entities:
            message = f"{name} belongs in filters: {{'filters': {{'{name}': '...'}}}}."
            raise InvalidInput(message, name)


def requested_filter(request: FilteredRequest) -> Filter:
    """Return the filter of a list or a search, including its options and entities.

    Raises `InvalidInput` if the filter is not valid or names no entity.
    """
    combined: dict[str, Any] = {"AND": [request.filters or {}, request.entities]}
    if not request.entities:
        combined = request.filters or {}
    elif not request.filters:
        combined = request.entities
    return narrow_filter(parse_filter(combined, "filters", scoped=True), request)


def narrow_filter(filter: Filter | None, options: Narrowing) -> Filter:
    """Return the conjunction of a filter and the options. Raises `InvalidInput`."""
    created = {
        name: value
        for name, value in (("gte", options.start_date), ("lte", options.end_date))
        if value is not None
    }
    more: dict[str, Any] = {}
    if created:
        more["created_at"] = created
    if options.categories:
        more["categories"] = {"in": options.categories}
    if options.keywords is not None:
        more["keywords"] = {"icontains": options.keywords}
    metadata = getattr(options, "metadata", None)
    if metadata:
        more["metadata"] = metadata
    parts = [part for part in (filter, parse_filter(more, scoped=False) if more else None) if part]
    return And(tuple(parts))
