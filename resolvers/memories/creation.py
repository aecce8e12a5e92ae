"""The creation of memories: checks of the input, and the row to store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType, MemoryState
from core.errors import AppError, InvalidInput, must_exist
from core.ids import uuid7
from core.text_forms import canonical_name
from core.turn import Turn
from core.validation import LONGEST_NAME, check_metadata, check_text
from language.dates.moments import Moment
from resolvers.context import Context
from resolvers.pagination import Connected, PageArguments, connect, connect_each
from storage.log.history import HISTORY_OF_MEMORY, HISTORY_ORDER
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import text_hash
from storage.search.documents import speaker_of

MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class NewMemories:
    """The properties that all memories of one call share.

    The names of `entities` are in the form in which they are stored.
    """

    entities: Mapping[EntityType, str]
    metadata: Any = None
    timestamp: datetime | None = None
    expiration_date: date | None = None
    immutable: bool = False

    def __post_init__(self) -> None:
        names = {type: canonical_name(name) for type, name in self.entities.items()}
        object.__setattr__(self, "entities", names)


@dataclass(frozen=True, slots=True)
class Place:
    """The project of a memory, and the ids and names of the entities that it is about."""

    project_id: str
    keys: Mapping[EntityType, str]
    names: Mapping[EntityType, str]


async def history_of_memories(
    ctx: Context, memories: Sequence[MemoryRow], page: PageArguments
) -> list[Connected | AppError]:
    """Return the events of each memory, oldest first, with cursors of the project's log."""
    parents = [(memory.id, memory.project_id) for memory in memories]
    return await connect_each(ctx, HISTORY_OF_MEMORY, HISTORY_ORDER, parents, page)


async def log_of_memory(ctx: Context, id: str, page: PageArguments) -> Connected:
    """Return the events of an existing or deleted memory, oldest first.

    Raises `NotFound` if the actor cannot see the memory.
    """
    project_id = await ctx.read(lambda tx: tx.history.project_of(id, ctx.actor))
    scope = must_exist(project_id, "memory", id, "id")
    return await connect(ctx, HISTORY_OF_MEMORY, HISTORY_ORDER, id, page, scope=scope)


def speaker_of_turn(turn: Turn, names: Mapping[EntityType, str]) -> str | None:
    """Return the name of the speaker of a turn, or None if it is unknown."""
    user, agent = (names.get(type) for type in (EntityType.USER, EntityType.AGENT))
    return speaker_of(turn.name, turn.role, user, agent)


def check_new(turns: Sequence[Turn], new: NewMemories) -> list[Turn]:
    """Return the turns that are stored verbatim: all but instructions, and those with a text.

    Raises `InvalidInput`, naming the field, if a shared property cannot be stored.
    """
    if not new.entities:
        raise InvalidInput(
            "Give at least one of userId, agentId, appId and runId.", "input", "userId"
        )
    for type, name in new.entities.items():
        check_text(name, "input", ENTITY_FIELDS[type], longest=LONGEST_NAME)
    if new.metadata is not None:
        check_metadata(new.metadata, "input", "metadata")
    return [turn for turn in turns if turn.content.strip() and not turn.is_instruction]


def memory_row(
    place: Place,
    turn: Turn,
    text: str,
    new: NewMemories,
    happened: Moment | None,
    moment: datetime,
) -> MemoryRow:
    """Return an active memory with a text from a turn, stored at a moment.

    Its timestamp is when the event happened, if the text says so, and else when it was said: the
    timestamp of the turn, or else that of the call.
    """
    said_at = turn.timestamp or new.timestamp
    timestamp = happened.at if happened else said_at and said_at.astimezone(UTC)
    return MemoryRow(
        id=uuid7(),
        project_id=place.project_id,
        text=text,
        hash=text_hash(text),
        user_key=place.keys.get(EntityType.USER),
        agent_key=place.keys.get(EntityType.AGENT),
        app_key=place.keys.get(EntityType.APP),
        run_key=place.keys.get(EntityType.RUN),
        user_id=place.names.get(EntityType.USER),
        agent_id=place.names.get(EntityType.AGENT),
        app_id=place.names.get(EntityType.APP),
        run_id=place.names.get(EntityType.RUN),
        actor=turn.name,
        role=turn.role,
        metadata=new.metadata if new.metadata is not None else {},
        categories=[],
        state=MemoryState.ACTIVE,
        immutable=new.immutable,
        version=1,
        timestamp=timestamp,
        timestamp_until=happened.until if happened else None,
        timestamp_precision=happened.precision if happened else None,
        happened_at=timestamp or moment,
        expiration_date=new.expiration_date,
        previous_id=None,
        successor_id=None,
        extends_id=None,
        created_at=moment,
        updated_at=moment,
    )
