"""Lists as Relay has them: edges, nodes, page info, and a total that is counted when selected."""

from typing import Annotated, Generic, TypeVar

import strawberry

from resolvers.connections import Connected, PageArguments
from schema.base import Info
from schema.scalars import Cursor

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(
        description="How many from the start, 0 to 100. Without `first` and `last`: 20."
    ),
]
After = Annotated[Cursor | None, strawberry.argument(description="Only what follows this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description="How many from the end, 0 to 100. Not together with `first`."),
]
Before = Annotated[
    Cursor | None, strawberry.argument(description="Only what comes before this cursor.")
]


def page_arguments(
    first: int | None, after: Cursor | None, last: int | None, before: Cursor | None
) -> PageArguments:
    """Return the four arguments as resolvers take them."""
    return {"first": first, "after": after, "last": last, "before": before}


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
