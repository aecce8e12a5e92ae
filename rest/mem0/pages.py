"""Lists as mem0 returns them: in numbered pages, or complete."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from core.errors import InvalidInput
from core.paging import LARGEST_PAGE
from resolvers.pagination import Connected, PageArguments
from rest.framework.request import Call, RequestParameters

# The maximum number of rows of a list without pages; it is checked after each internal page.
MOST = 10_000
LARGEST = 200
USUAL = 100

Lister = Callable[[PageArguments], Awaitable[Connected]]


class Paged(RequestParameters):
    """The parameters of a page."""

    page: int | None = Field(None, ge=1, le=1_000_000)
    page_size: int | None = Field(None, ge=1, le=LARGEST)

    @property
    def is_paged(self) -> bool:
        """Whether a page was requested."""
        return self.page is not None or self.page_size is not None

    def beside(self, other: "Paged") -> "Paged":
        """Return the combination of both; the values of `self` take precedence."""
        return Paged(
            page=other.page if self.page is None else self.page,
            page_size=other.page_size if self.page_size is None else self.page_size,
        )


def _arguments(first: int, after: str | None = None, offset: int = 0) -> PageArguments:
    return {"first": first, "after": after, "last": None, "before": None, "offset": offset}


async def numbered_page(
    call: Call[Any, Any], page: int, size: int, lister: Lister
) -> dict[str, Any]:
    """Return a page: `results`, the total `count`, and the URLs of the adjacent pages."""
    start = (page - 1) * size
    rows: list[Any] = []
    while True:
        first = min(LARGEST_PAGE, size - len(rows))
        connected = await lister(_arguments(first, offset=start + len(rows)))
        rows += connected.page.rows
        if len(rows) >= size or not connected.page.has_next:
            break
    total = await connected.total(call.ctx)

    def at(number: int) -> str:
        return str(call.url.include_query_params(page=number, page_size=size))

    return {
        "count": total,
        "next": at(page + 1) if start + size < total else None,
        "previous": at(page - 1) if page > 1 else None,
        "results": rows,
    }


async def all_rows(call: Call[Any, Any], lister: Lister) -> list[Any]:
    """Return all rows of a list. Raises `InvalidInput` if they are too many for one response."""
    rows: list[Any] = []
    after = None
    while True:
        connected = await lister(_arguments(LARGEST_PAGE, after))
        rows += connected.page.rows
        if not connected.page.has_next:
            return rows
        if len(rows) >= MOST:
            message = f"There are more than {MOST:,}: request pages with page and page_size."
            raise InvalidInput(message, "page")
        after = connected.cursor(call.ctx, rows[-1])
