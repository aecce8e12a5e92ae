"""Fetching any object by its id."""

from typing import Annotated

import strawberry

from core.errors import InvalidInput, NotFound
from schema.base import Info, Node, as_graphql
from schema.prices import NODES, ONE

_MOST = 100


@strawberry.type
class NodeQuery:
    """The queries for nodes."""

    @strawberry.field(description="Fetches any object by its id.", metadata=ONE)
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The id of any object.")],
    ) -> Node | None:
        """Return a node."""
        (found,) = await info.context.loaders.nodes([id])
        if found is None:
            raise NotFound("node", id, "id")
        return found

    @strawberry.field(
        description="Fetches several objects by their ids, in the given order. An object that "
        "does not exist for the caller is null, with an error for each.",
        metadata=NODES,
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID], strawberry.argument(description="The ids of up to 100 objects.")
        ],
    ) -> list[Node | None]:
        """Return nodes."""
        if len(ids) > _MOST:
            raise InvalidInput(f"Give at most {_MOST} ids.", "ids")
        found = await info.context.loaders.nodes(ids)
        return [
            as_graphql(NotFound("node", id, "ids", position) if row is None else row)
            for position, (id, row) in enumerate(zip(ids, found, strict=True))
        ]
