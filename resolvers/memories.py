"""Memories: adding, listing, changing and deleting them.

Embedding happens before the transaction that stores its result, so no lock is ever held while a
model thinks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.access import Permission
from core.errors import InvalidInput, NotFound, must_exist
from core.graph import EntityType
from core.ids import uuid7
from core.text import LONGEST_NAME, LONGEST_TEXT, check_metadata, check_text
from resolvers.connections import Connected, PageArguments, connect
from resolvers.context import Context
from resolvers.loaders import Filters
from storage.entities import EntityRow
from storage.history import HISTORY_OF_MEMORY, HISTORY_ORDER
from storage.memories import (
    MEMORIES_OF_ENTITY,
    MEMORIES_OF_PROJECT,
    MEMORY_ORDER,
    MemoryRow,
    text_hash,
)
from storage.projects import PROJECTS
from storage.transaction import Transaction

MOST_AT_ONCE = 1_000
ENTITY_FIELDS = {
    EntityType.USER: "userId",
    EntityType.AGENT: "agentId",
    EntityType.APP: "appId",
    EntityType.RUN: "runId",
}
# What these roles say is context for a model, never something to remember.
_CONTEXT_ROLES = {"system", "developer"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as the caller gave it."""

    role: str
    content: str
    name: str | None = None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewMemories:
    """What all memories of one call share."""

    entities: Mapping[EntityType, str]
    metadata: Any = None
    timestamp: datetime | None = None
    expiration_date: date | None = None
    immutable: bool = False


async def memories_of_project(
    ctx: Context, project_id: str | None, show_expired: bool, page: PageArguments
) -> Connected:
    """Return the memories of a project, newest first."""
    project = await ctx.loaders.row(PROJECTS, ctx.project_id(project_id))
    filters = unexpired(ctx, show_expired)
    return await connect(ctx, MEMORIES_OF_PROJECT, MEMORY_ORDER, project.id, page, filters)


async def memories_of_entity(
    ctx: Context, entity: EntityRow, show_expired: bool, page: PageArguments
) -> Connected:
    """Return the memories of an entity, newest first."""
    listing = MEMORIES_OF_ENTITY[entity.type]
    filters = unexpired(ctx, show_expired)
    return await connect(ctx, listing, MEMORY_ORDER, entity.id, page, filters)


async def history_of_memory(ctx: Context, memory: MemoryRow, page: PageArguments) -> Connected:
    """Return what happened to a memory, oldest first, with cursors of the project's log."""
    return await connect(
        ctx, HISTORY_OF_MEMORY, HISTORY_ORDER, memory.id, page, scope=memory.project_id
    )


def unexpired(ctx: Context, show_expired: bool) -> Filters:
    """Return the filter of memories that have not expired, or none when all are to be shown."""
    return () if show_expired else (("today", ctx.today()),)


async def add_memories(
    ctx: Context, project_id: str | None, messages: Sequence[Message], new: NewMemories
) -> list[MemoryRow]:
    """Store each message that is not context as one memory, verbatim, in order."""
    target = ctx.project_id(project_id)
    said = _check_new(messages, new)
    await ctx.read(lambda tx: _writable_project(tx, ctx, target))
    vectors = await ctx.embed([message.content for message in said])
    model = ctx.services.embedder.model

    def work(tx: Transaction) -> list[MemoryRow]:
        _writable_project(tx, ctx, target)
        # Read inside the transaction, so that creation times rise with the log on SQLite.
        moment = ctx.now()
        keys = tx.entities.obtain(target, new.entities, moment)
        rows = [_row(target, message, new, keys, moment) for message in said]
        tx.memories.add(rows, model, vectors, ctx.actor)
        return rows

    return await ctx.write(work)


def _writable_project(tx: Transaction, ctx: Context, project_id: str) -> None:
    project = tx.projects.get(project_id, ctx.actor, "projectId")
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)


def _check_new(messages: Sequence[Message], new: NewMemories) -> list[Message]:
    if not 1 <= len(messages) <= MOST_AT_ONCE:
        raise InvalidInput(f"Give 1 to {MOST_AT_ONCE:,} messages.", "input", "messages")
    for position, message in enumerate(messages):
        at = ("input", "messages", position)
        check_text(message.role, *at, "role")
        check_text(message.content, *at, "content", longest=LONGEST_TEXT)
        if message.name is not None:
            check_text(message.name, *at, "name")
    said = [message for message in messages if message.role not in _CONTEXT_ROLES]
    if not said:
        raise InvalidInput("Give a message that is not a system message.", "input", "messages")
    if not new.entities:
        raise InvalidInput(
            "Give at least one of userId, agentId, appId and runId.", "input", "userId"
        )
    for type, name in new.entities.items():
        check_text(name, "input", ENTITY_FIELDS[type], longest=LONGEST_NAME)
    if new.metadata is not None:
        check_metadata(new.metadata, "input", "metadata")
    return said


def _row(
    project_id: str,
    message: Message,
    new: NewMemories,
    keys: Mapping[EntityType, str],
    moment: datetime,
) -> MemoryRow:
    return MemoryRow(
        id=uuid7(),
        project_id=project_id,
        text=message.content,
        hash=text_hash(message.content),
        user_key=keys.get(EntityType.USER),
        agent_key=keys.get(EntityType.AGENT),
        app_key=keys.get(EntityType.APP),
        run_key=keys.get(EntityType.RUN),
        user_id=new.entities.get(EntityType.USER),
        agent_id=new.entities.get(EntityType.AGENT),
        app_id=new.entities.get(EntityType.APP),
        run_id=new.entities.get(EntityType.RUN),
        actor=message.name,
        role=message.role,
        metadata=new.metadata if new.metadata is not None else {},
        categories=[],
        immutable=new.immutable,
        version=1,
        timestamp=message.timestamp or new.timestamp,
        expiration_date=new.expiration_date,
        created_at=moment,
        updated_at=moment,
    )


async def delete_memory(ctx: Context, id: str) -> str:
    """Delete one memory; its history stays."""

    def work(tx: Transaction) -> str:
        memory: MemoryRow = must_exist(
            tx.memories.find_to_change([id], ctx.actor).get(id), "memory", id, "id"
        )
        _writable_project(tx, ctx, memory.project_id)
        tx.memories.delete([memory], ctx.actor, ctx.now())
        return id

    return await ctx.write(work)


async def delete_memories(
    ctx: Context, project_id: str | None, ids: Sequence[str] | None
) -> list[str]:
    """Delete memories by id, all or none; with a project, only memories of it."""
    if ids is None:
        raise InvalidInput("Give the ids of the memories to delete.", "ids")
    if len(ids) > MOST_AT_ONCE:
        raise InvalidInput(f"Give at most {MOST_AT_ONCE:,} ids.", "ids")
    wanted = list(dict.fromkeys(ids))

    def work(tx: Transaction) -> list[str]:
        if project_id is not None:
            _writable_project(tx, ctx, project_id)
        found = tx.memories.find_to_change(wanted, ctx.actor)
        for position, id in enumerate(ids):
            if id not in found or project_id not in (None, found[id].project_id):
                raise NotFound("memory", id, "ids", position)
        for project in {memory.project_id for memory in found.values()}:
            _writable_project(tx, ctx, project)
        tx.memories.delete([found[id] for id in wanted], ctx.actor, ctx.now())
        return wanted

    return await ctx.write(work)
