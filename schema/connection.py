"""Lists as Relay has them: edges, nodes, page info, and a total that is counted when selected."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from resolvers.pagination import Connected, PageArguments
from schema.base import Argument, Info, add_arguments
from schema.scalars import Cursor

T = TypeVar("T")

Lister = Callable[[PageArguments], Awaitable[Connected]]

_ARGUMENTS: tuple[Argument, ...] = (
    (
        "first",
        int | None,
        None,
        "How many from the start, 0 to 100. Without `first` and `last`: 20.",
    ),
    ("after", Cursor | None, None, "Only what follows this cursor."),
    ("last", int | None, None, "How many from the end, 0 to 100. Not together with `first`."),
    ("before", Cursor | None, None, "Only what comes before this cursor."),
)


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Both ends of a page."""

    has_next_page: bool = strawberry.field(description="Whether something follows this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether something comes before this page."
    )
    start_cursor: Cursor | None = strawberry.field(
        description="The first edge's cursor, none for an empty page."
    )
    end_cursor: Cursor | None = strawberry.field(
        description="The last edge's cursor, none for an empty page."
    )


@strawberry.type(description="One thing on a page, with its place in the list.")
class Edge(Generic[T]):
    """A node and its cursor."""

    node: T = strawberry.field(description="The thing itself.")
    found: strawberry.Private[Connected]

    @strawberry.field(description="The thing's place in the list.")
    def cursor(self, info: Info) -> Cursor:
        """Return the cursor; it is made only when it is selected."""
        return Cursor(self.found.cursor(info.context, self.node))


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    """A page with edges of T."""

    found: strawberry.Private[Connected]

    @strawberry.field(description="The things on this page with their cursors.")
    def edges(self) -> list[Edge[T]]:
        """Return the edges in order."""
        return [Edge(node=row, found=self.found) for row in self.found.page.rows]

    @strawberry.field(description="The things on this page, for those who need no cursors.")
    def nodes(self) -> list[T]:
        """Return the rows in order."""
        return self.found.page.rows

    @strawberry.field(description="Where this page lies in the list.")
    def page_info(self, info: Info) -> PageInfo:
        """Return both ends of the page."""
        page = self.found.page
        ends = (
            [Cursor(self.found.cursor(info.context, row)) for row in (page.rows[0], page.rows[-1])]
            if page.rows
            else [None, None]
        )
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=ends[0],
            end_cursor=ends[1],
        )

    @strawberry.field(description="How many there are on all pages; counted only when selected.")
    async def total_count(self, info: Info) -> int:
        """Return the total, counted for all parents of a level at once."""
        return await self.found.total(info.context)


class _Paged(FieldExtension):
    """Gives a field the four arguments of a list, and asks its lister for that page."""

    def apply(self, field: StrawberryField) -> None:
        add_arguments(field, _ARGUMENTS)

    async def resolve_async(
        self,
        next_: Callable[..., Any],
        source: Any,
        info: strawberry.Info,
        first: int | None = None,
        after: Cursor | None = None,
        last: int | None = None,
        before: Cursor | None = None,
        **kwargs: Any,
    ) -> Any:
        lister: Lister = await next_(source, info, **kwargs)
        page: PageArguments = {"first": first, "after": after, "last": last, "before": before}
        return Connection(found=await lister(page))


def connection(node: Any, description: str) -> Callable[[Callable[..., Lister]], Any]:
    """Declare a list of nodes, whose resolver returns the lister that finds a page of them."""

    def declare(resolver: Callable[..., Lister]) -> Any:
        return strawberry.field(
            resolver,
            description=description,
            graphql_type=Connection[node],
            extensions=[_Paged()],
        )

    return declare
