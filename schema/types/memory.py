"""Memories, with their sources and ratings."""

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.scalars import JSON

from core.enums import FeedbackValue, MemoryState
from language.dates.moments import Precision
from resolvers.memories.concepts import concepts_of_memory
from resolvers.memories.creation import history_of_memories
from resolvers.memories.feedback import feedback_of_memory
from resolvers.memories.listing import memories_of_project
from resolvers.memories.provenance import replaced_memories, sources_of_memory, successor
from resolvers.search.related import related_memories
from schema.arguments import FirstRelated, ProjectId
from schema.base import Info, Node, as_graphql, is_row
from schema.connection import BatchLister, Lister, batch_connection, connection
from schema.prices import FREE, LARGE, LIST, ONE, RELATED
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


@strawberry.type(description="A message from which memories were extracted.")
class SourceMessage:
    """A message."""

    role: str = strawberry.field(description="The speaker's role: `user`, `assistant` and so on.")
    name: str | None = strawberry.field(description="The speaker's name.")
    content: str = strawberry.field(description="The text of the message.", metadata=LARGE)
    timestamp: datetime | None = strawberry.field(
        description="When the message was written; null if unknown."
    )
    utc_offset_minutes: int | None = strawberry.field(
        description="The difference between the speaker's local time and UTC at the timestamp, in "
        "minutes; null if unknown. -480 is 8 hours behind UTC."
    )
    created_at: datetime = strawberry.field(description="When the message was stored.")


@strawberry.type(description="A rating of a memory.")
class Feedback:
    """A rating."""

    value: FeedbackValue = strawberry.field(description="The rating.")
    reason: str | None = strawberry.field(
        description="The reason for the rating; null if none was given."
    )
    updated_at: datetime = strawberry.field(description="When the rating was set.")


@strawberry.type(description="A remembered fact or message about one or more entities.")
class Memory(Node):
    """A memory."""

    project_id: strawberry.Private[str]
    user_key: strawberry.Private[str | None]
    agent_key: strawberry.Private[str | None]
    app_key: strawberry.Private[str | None]
    run_key: strawberry.Private[str | None]
    extends_id: strawberry.Private[str | None]
    text: str = strawberry.field(description="The text of the memory.", metadata=LARGE)
    user_id: str | None = strawberry.field(
        description="The name of the user that the memory is about."
    )
    agent_id: str | None = strawberry.field(
        description="The name of the agent that the memory is about."
    )
    app_id: str | None = strawberry.field(
        description="The name of the app that the memory is about."
    )
    run_id: str | None = strawberry.field(
        description="The name of the run that the memory is about."
    )
    actor: str | None = strawberry.field(description="The name of the speaker.")
    role: str | None = strawberry.field(description="The role of the speaker.")
    metadata: JSON = strawberry.field(
        description="The caller's own data about the memory, a JSON object.",
        metadata=LARGE,
    )
    categories: list[str] = strawberry.field(
        description="The memory's categories, from the project's catalog."
    )
    state: MemoryState = strawberry.field(
        description="Whether the memory is current or another memory has replaced it."
    )
    immutable: bool = strawberry.field(
        description="Whether the memory can be deleted but not edited. It still lasts longer "
        "when it is said again with a later expiration date."
    )
    hash: str = strawberry.field(
        description="The hexadecimal SHA-256 of the text, after Unicode normalization to NFC and "
        "collapsing of white space."
    )
    version: int = strawberry.field(
        description="The memory's version. Each change increases it by 1."
    )
    timestamp: datetime | None = strawberry.field(
        description="When the remembered event happened, if the caller or the text states it."
    )
    timestamp_until: datetime | None = strawberry.field(
        description="The last day of an event that spans several days, at the start of that day, "
        "if the text states it."
    )
    timestamp_precision: Precision | None = strawberry.field(
        description="The precision of a date read from the text; null for a date set by the caller."
    )
    expiration_date: date | None = strawberry.field(
        description="The last day, in UTC, on which lists and searches include the memory by "
        "default."
    )
    created_at: datetime = strawberry.field(description="When the memory was stored.")
    updated_at: datetime = strawberry.field(description="When the memory was last changed.")

    is_type_of = is_row(MemoryRow)

    @strawberry.field(description="Whether the expiration date has passed.", metadata=FREE)
    def expired(self, info: Info) -> bool:
        """Return whether it has expired."""
        return self.expiration_date is not None and self.expiration_date < info.context.today()

    @strawberry.field(description="The project that the memory belongs to.", metadata=ONE)
    async def project(self, info: Info) -> LazyProject:
        """Return the project."""
        return await info.context.loaders.row(PROJECTS, self.project_id)

    @strawberry.field(description="The user that the memory is about.", metadata=ONE)
    async def user(self, info: Info) -> LazyEntity | None:
        """Return the user."""
        return await _entity(info, self.user_key)

    @strawberry.field(description="The agent that the memory is about.", metadata=ONE)
    async def agent(self, info: Info) -> LazyEntity | None:
        """Return the agent."""
        return await _entity(info, self.agent_key)

    @strawberry.field(description="The app that the memory is about.", metadata=ONE)
    async def app(self, info: Info) -> LazyEntity | None:
        """Return the app."""
        return await _entity(info, self.app_key)

    @strawberry.field(description="The run that the memory is about.", metadata=ONE)
    async def run(self, info: Info) -> LazyEntity | None:
        """Return the run."""
        return await _entity(info, self.run_key)

    @strawberry.field(
        description="Memories related to this one, best match first, without the memory itself. "
        "Candidates are the memories of the same user (else agent, app or run), ranked by meaning "
        "and shared words. Expired and merged memories are left out.",
        metadata=RELATED,
    )
    async def related(self, info: Info, first: FirstRelated = 10) -> list[LazyHit]:
        """Return the related memories."""
        return as_graphql(await related_memories(info.context, self.id, first))

    @strawberry.field(
        description="The memory that superseded this one by contradicting it.", metadata=ONE
    )
    async def superseded_by(self, info: Info) -> "Memory | None":
        """Return the memory that supersedes it."""
        return as_graphql(await successor(info.context, as_graphql(self), MemoryState.SUPERSEDED))

    @strawberry.field(
        description="The memories that this one superseded, oldest first.", metadata=LIST
    )
    async def supersedes(self, info: Info) -> list["Memory"]:
        """Return the memories it supersedes."""
        return as_graphql(await replaced_memories(info.context, self.id, MemoryState.SUPERSEDED))

    @strawberry.field(description="The memory that this one was merged into.", metadata=ONE)
    async def merged_into(self, info: Info) -> "Memory | None":
        """Return the memory that it was merged into."""
        return as_graphql(await successor(info.context, as_graphql(self), MemoryState.MERGED))

    @strawberry.field(description="The memories merged into this one, oldest first.", metadata=LIST)
    async def merged(self, info: Info) -> list["Memory"]:
        """Return the memories that were merged into it."""
        return as_graphql(await replaced_memories(info.context, self.id, MemoryState.MERGED))

    @strawberry.field(
        description="The memory to which this one adds detail, as judged by a chat model.",
        metadata=ONE,
    )
    async def extends(self, info: Info) -> "Memory | None":
        """Return the memory it extends."""
        if self.extends_id is None:
            return None
        return await info.context.loaders.row_or_none(MEMORIES, self.extends_id)

    @strawberry.field(
        description="The messages that the memory was extracted from, oldest first. If there are "
        "more than 100, the last 100.",
        metadata=LIST,
    )
    async def sources(self, info: Info) -> list[SourceMessage]:
        """Return its sources."""
        return as_graphql(await sources_of_memory(info.context, self.id))

    @strawberry.field(
        description="The people, places and things that the memory mentions, by name.",
        metadata=LIST,
    )
    async def concepts(self, info: Info) -> list[Concept]:
        """Return its concepts."""
        return as_graphql(await concepts_of_memory(info.context, self.id))

    @strawberry.field(
        description="The current rating, set by `setMemoryFeedback`. It is the current one even "
        "where `asOf` shows an earlier version of the memory.",
        metadata=ONE,
    )
    async def feedback(self, info: Info) -> Feedback | None:
        """Return its feedback."""
        return as_graphql(await feedback_of_memory(info.context, self.id))

    @batch_connection(HistoryEvent, "The memory's history events, oldest first.")
    def history(self, info: Info) -> BatchLister:
        """Return the lister of the histories of memories."""
        return partial(history_of_memories, info.context)


@strawberry.type
class MemoryQuery:
    """The queries for memories."""

    @strawberry.field(
        description="Fetches a memory by its id, including an expired one.", metadata=ONE
    )
    async def memory(self, info: Info, id: MemoryId) -> Memory | None:
        """Return a memory."""
        return await info.context.loaders.row(MEMORIES, id)

    @connection(Memory, "The project's memories. The default order is newest first.")
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
