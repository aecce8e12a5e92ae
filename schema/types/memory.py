"""Memories: what the product keeps."""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.enums import FeedbackValue, MemoryState
from language.dates.moments import Precision
from resolvers.memories.concepts import concepts_of_memory
from resolvers.memories.creation import history_of_memory
from resolvers.memories.feedback import feedback_of_memory
from resolvers.memories.listing import memories_of_project
from resolvers.memories.provenance import replaced_memories, sources_of_memory, successor
from resolvers.search.related import related_memories
from schema.arguments import FirstRelated, ProjectId
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import Lister, connection
from schema.types.concept import Concept
from schema.types.history import HistoryEvent
from schema.types.memory_filter import (
    AsOf,
    IncludeMerged,
    LatestOnly,
    MemoryOrder,
    OnlyMemories,
    ShowExpired,
    list_query,
    scope_from_input,
)
from storage.memories.entities import ENTITIES
from storage.memories.rows import MEMORIES, MemoryRow
from storage.tenancy.projects import PROJECTS

if TYPE_CHECKING:
    from schema.types.entity import Entity
    from schema.types.project import Project
    from schema.types.search import MemoryHit

LazyEntity = Annotated["Entity", strawberry.lazy("schema.types.entity")]
LazyProject = Annotated["Project", strawberry.lazy("schema.types.project")]

LazyHit = Annotated["MemoryHit", strawberry.lazy("schema.types.search")]

MemoryId = Annotated[strawberry.ID, strawberry.argument(description="The memory's id.")]


async def _entity(info: Info, key: str | None) -> Any:
    return await info.context.loaders.row_or_none(ENTITIES, key) if key else None


@strawberry.type(description="A message that memories were drawn from.")
class SourceMessage:
    """A message."""

    role: str = strawberry.field(description="Who spoke: `user`, `assistant` and so on.")
    name: str | None = strawberry.field(description="The speaker's name.")
    content: str = strawberry.field(description="What was said.")
    timestamp: datetime | None = strawberry.field(description="When it was said, if anybody knows.")
    created_at: datetime = strawberry.field(description="When it was stored.")


@strawberry.type(description="What somebody thinks of a memory.")
class Feedback:
    """An opinion."""

    value: FeedbackValue = strawberry.field(description="Whether it helped.")
    reason: str | None = strawberry.field(description="Why, if that was told.")
    updated_at: datetime = strawberry.field(description="When it was told.")


@strawberry.type(description="One thing remembered, about one or more entities.")
class Memory(Node):
    """A memory."""

    project_id: strawberry.Private[str]
    user_key: strawberry.Private[str | None]
    agent_key: strawberry.Private[str | None]
    app_key: strawberry.Private[str | None]
    run_key: strawberry.Private[str | None]
    extends_id: strawberry.Private[str | None]
    text: str = strawberry.field(description="What is remembered.")
    user_id: str | None = strawberry.field(description="The name of the user it is about.")
    agent_id: str | None = strawberry.field(description="The name of the agent it is about.")
    app_id: str | None = strawberry.field(description="The name of the app it is about.")
    run_id: str | None = strawberry.field(description="The name of the run it is about.")
    actor: str | None = strawberry.field(description="The name of who said it.")
    role: str | None = strawberry.field(description="The role in which it was said.")
    metadata: JSON = strawberry.field(description="Whatever the caller keeps with it, an object.")
    categories: list[str] = strawberry.field(
        description="The categories it belongs to, of the project's catalog."
    )
    state: MemoryState = strawberry.field(
        description="Whether it stands for itself, or another has taken its place."
    )
    immutable: bool = strawberry.field(description="Whether it can only be deleted, never edited.")
    hash: str = strawberry.field(
        description="The SHA-256, in hex, of its text in Unicode form NFC with white space "
        "collapsed."
    )
    version: int = strawberry.field(description="Rises by one with every change.")
    timestamp: datetime | None = strawberry.field(
        description="When it happened, if the caller or the text says so."
    )
    timestamp_until: datetime | None = strawberry.field(
        description="The last day, at its beginning, of what took longer, if the text says so."
    )
    timestamp_precision: Precision | None = strawberry.field(
        description="How exactly the text says when; none where the caller did."
    )
    expiration_date: date | None = strawberry.field(
        description="The last day, in UTC, on which lists and searches show it by themselves."
    )
    created_at: datetime = strawberry.field(description="When it was stored.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")

    is_type_of = is_row(MemoryRow)

    @strawberry.field(description="Whether its last day is over.")
    def expired(self, info: Info) -> bool:
        """Tell whether it has expired."""
        return self.expiration_date is not None and self.expiration_date < info.context.today()

    @strawberry.field(description="The project it belongs to.")
    async def project(self, info: Info) -> LazyProject:
        """Return the project."""
        return await info.context.loaders.row(PROJECTS, self.project_id)

    @strawberry.field(description="The user it is about.")
    async def user(self, info: Info) -> LazyEntity | None:
        """Return the user."""
        return await _entity(info, self.user_key)

    @strawberry.field(description="The agent it is about.")
    async def agent(self, info: Info) -> LazyEntity | None:
        """Return the agent."""
        return await _entity(info, self.agent_key)

    @strawberry.field(description="The app it is about.")
    async def app(self, info: Info) -> LazyEntity | None:
        """Return the app."""
        return await _entity(info, self.app_key)

    @strawberry.field(description="The run it is about.")
    async def run(self, info: Info) -> LazyEntity | None:
        """Return the run."""
        return await _entity(info, self.run_key)

    @strawberry.field(
        description="Memories about the same as this one: those of its user (or else agent, app or "
        "run) nearest to it in meaning and words, best first, without itself."
    )
    async def related(self, info: Info, first: FirstRelated = 10) -> list[LazyHit]:
        """Return the related memories."""
        return as_graphql(await related_memories(info.context, self.id, first))

    @strawberry.field(description="The memory that has taken its place because it says otherwise.")
    async def superseded_by(self, info: Info) -> "Memory | None":
        """Return the memory that supersedes it."""
        return as_graphql(await successor(info.context, as_graphql(self), MemoryState.SUPERSEDED))

    @strawberry.field(description="The memories whose place it has taken, the oldest first.")
    async def supersedes(self, info: Info) -> list["Memory"]:
        """Return the memories it supersedes."""
        return as_graphql(await replaced_memories(info.context, self.id, MemoryState.SUPERSEDED))

    @strawberry.field(description="The memory that says the same and stands for both.")
    async def merged_into(self, info: Info) -> "Memory | None":
        """Return the memory it became part of."""
        return as_graphql(await successor(info.context, as_graphql(self), MemoryState.MERGED))

    @strawberry.field(description="The memories that became part of it, the oldest first.")
    async def merged(self, info: Info) -> list["Memory"]:
        """Return the memories that were merged into it."""
        return as_graphql(await replaced_memories(info.context, self.id, MemoryState.MERGED))

    @strawberry.field(description="The memory it tells more about, as a model saw it.")
    async def extends(self, info: Info) -> "Memory | None":
        """Return the memory it extends."""
        if self.extends_id is None:
            return None
        return await info.context.loaders.row_or_none(MEMORIES, self.extends_id)

    @strawberry.field(
        description="The messages it was drawn from, the oldest first; of more the last 100."
    )
    async def sources(self, info: Info) -> list[SourceMessage]:
        """Return its sources."""
        return as_graphql(await sources_of_memory(info.context, self.id))

    @strawberry.field(description="The people, places and things it mentions, by name.")
    async def concepts(self, info: Info) -> list[Concept]:
        """Return its concepts."""
        return as_graphql(await concepts_of_memory(info.context, self.id))

    @strawberry.field(
        description="What was last told by `setMemoryFeedback`, also where the memory is shown as "
        "it was before."
    )
    async def feedback(self, info: Info) -> Feedback | None:
        """Return its feedback."""
        return as_graphql(await feedback_of_memory(info.context, self.id))

    @connection(HistoryEvent, "What happened to it, oldest first.")
    def history(self, info: Info) -> Lister:
        """Return the lister of its history."""
        return partial(history_of_memory, info.context, as_graphql(self))


@strawberry.type
class MemoryQuery:
    """What `Query` has of memories."""

    @strawberry.field(description="A memory by its id, expired or not.")
    async def memory(self, info: Info, id: MemoryId) -> Memory | None:
        """Return a memory."""
        return await info.context.loaders.row(MEMORIES, id)

    @connection(Memory, "The memories of a project, the newest first unless ordered otherwise.")
    def memories(
        self,
        info: Info,
        project_id: ProjectId = None,
        filter: OnlyMemories = None,
        order_by: MemoryOrder = None,
        show_expired: ShowExpired = False,
        latest_only: LatestOnly = False,
        include_merged: IncludeMerged = False,
        as_of: AsOf = None,
    ) -> Lister:
        """Return the lister of memories."""
        wanted = scope_from_input(filter, show_expired, latest_only, include_merged)
        asked = list_query(wanted, order_by, as_of)
        return partial(memories_of_project, info.context, project_id, asked)
