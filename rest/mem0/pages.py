"""Lists as mem0 pages them: by number, or whole."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from core.errors import InvalidInput
from core.paging import LARGEST_PAGE
from resolvers.pagination import Connected, PageArguments
from rest.framework.request import Call, RequestParameters

# So many can be had in one answer that has no pages.
MOST = 10_000
LARGEST = 200
USUAL = 100

Lister = Callable[[PageArguments], Awaitable[Connected]]


class Paged(RequestParameters):
    """What may ask for a page."""

    page: int | None = Field(None, ge=1, le=1_000_000)
    page_size: int | None = Field(None, ge=1, le=LARGEST)

    @property
    def is_paged(self) -> bool:
        """Whether a page was asked for."""
        return self.page is not None or self.page_size is not None

    def beside(self, other: "Paged") -> "Paged":
        """Return what both ask for together; of what both say, the first counts."""
        return Paged(
            page=other.page if self.page is None else self.page,
            page_size=other.page_size if self.page_size is None else self.page_size,
        )


def _arguments(first: int, after: str | None = None, offset: int = 0) -> PageArguments:
    return {"first": first, "after": after, "last": None, "before": None, "offset": offset}


async def numbered_page(
    call: Call[Any, Any], page: int, size: int, lister: Lister
) -> dict[str, Any]:
    """Return a page of rows as `results`, `count` of all, and the addresses beside it."""
    start = (page - 1) * size
    rows: list[Any] = []
    while True:
        first = min(LARGEST_PAGE, size - len(rows))
        found = await lister(_arguments(first, offset=start + len(rows)))
        rows += found.page.rows
        if len(rows) >= size or not found.page.has_next:
            break
    total = await found.total(call.ctx)

    def at(number: int) -> str:
        return str(call.url.include_query_params(page=number, page_size=size))

    return {
        "count": total,
        "next": at(page + 1) if start + size < total else None,
        "previous": at(page - 1) if page > 1 else None,
        "results": rows,
    }


async def all_rows(call: Call[Any, Any], lister: Lister) -> list[Any]:
    """Return all rows of a list. Raises `InvalidInput` where they are too many for one answer."""
    rows: list[Any] = []
    after = None
    while True:
        found = await lister(_arguments(LARGEST_PAGE, after))
        rows += found.page.rows
        if not found.page.has_next:
            return rows
        if len(rows) >= MOST:
            said = f"There are more than {MOST:,}: ask for pages, with page and page_size."
            raise InvalidInput(said, "page")
        after = found.cursor(call.ctx, rows[-1])
