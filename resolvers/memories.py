"""Memories: adding them, and what happened to them.

Embedding happens before the transaction that stores its result, so no lock is ever held while a
model thinks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.access import Permission
from core.errors import InvalidInput
from core.graph import EntityType, MemoryState
from core.ids import uuid7
from core.text import LONGEST_NAME, LONGEST_TEXT, check_metadata, check_text
from resolvers.connections import Connected, PageArguments, connect
from resolvers.context import Context
from resolvers.derived import derive
from storage.documents import Said, speaker_of
from storage.history import HISTORY_OF_MEMORY, HISTORY_ORDER
from storage.memories import MemoryRow, text_hash
from storage.projects import ProjectRow
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


async def history_of_memory(ctx: Context, memory: MemoryRow, page: PageArguments) -> Connected:
    """Return what happened to a memory, oldest first, with cursors of the project's log."""
    return await connect(
        ctx, HISTORY_OF_MEMORY, HISTORY_ORDER, memory.id, page, scope=memory.project_id
    )


async def add_memories(
    ctx: Context, project_id: str | None, messages: Sequence[Message], new: NewMemories
) -> list[MemoryRow]:
    """Store each message that is not context as one memory, verbatim, in order."""
    target = ctx.project_id(project_id)
    said = _check_new(messages, new)

    def before(tx: Transaction) -> Said | None:
        writable_project(tx, ctx, target)
        last = tx.documents.last_said(target, new.entities)
        return last and last[1]

    words = [Said(message.content, _speaker(message, new)) for message in said]
    formers = [await ctx.read(before), *words[:-1]]
    derived = await derive(ctx.services, list(zip(words, formers, strict=True)))
    model = ctx.services.embedder.model

    def work(tx: Transaction) -> list[MemoryRow]:
        writable_project(tx, ctx, target)
        # Read inside the transaction, so that creation times rise with the log on SQLite.
        moment = ctx.now()
        keys = tx.entities.obtain(target, new.entities, moment)
        # Somebody may have added to the run since it was read for the embedding. The order of what
        # was said follows the truth; an embedding with a neighbour once removed does no harm.
        last = tx.documents.last_said(target, new.entities)
        rows: list[MemoryRow] = []
        for message in said:
            previous_id = rows[-1].id if rows else last and last[0]
            rows.append(_row(target, message, new, keys, previous_id, moment))
        tx.memories.add(rows, model, derived, ctx.actor)
        return rows

    return await ctx.write(work)


def _speaker(message: Message, new: NewMemories) -> str | None:
    user, agent = (new.entities.get(type) for type in (EntityType.USER, EntityType.AGENT))
    return speaker_of(message.name, message.role, user, agent)


def writable_project(tx: Transaction, ctx: Context, project_id: str) -> ProjectRow:
    """Return a project whose memories the actor may write, or raise what keeps them from it."""
    project = tx.projects.get(project_id, ctx.actor, "projectId")
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)
    return project


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
    previous_id: str | None,
    moment: datetime,
) -> MemoryRow:
    timestamp = message.timestamp or new.timestamp
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
        state=MemoryState.ACTIVE,
        immutable=new.immutable,
        version=1,
        timestamp=timestamp,
        happened_at=timestamp or moment,
        expiration_date=new.expiration_date,
        previous_id=previous_id,
        created_at=moment,
        updated_at=moment,
    )
