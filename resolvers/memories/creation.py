"""The creation of memories: checks of the input, and the row to store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType, MemoryState
from core.errors import InvalidInput, must_exist
from core.ids import uuid7
from core.text_forms import canonical_name
from core.turn import CONTEXT_ROLES, Turn
from core.validation import LONGEST_NAME, LONGEST_TEXT, check_metadata, check_text
from language.dates.moments import Moment
from resolvers.context import Context
from resolvers.pagination import Connected, PageArguments, connect
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


async def history_of_memory(ctx: Context, memory: MemoryRow, page: PageArguments) -> Connected:
    """Return the events of a memory, oldest first, with cursors of the project's log."""
    return await connect(
        ctx, HISTORY_OF_MEMORY, HISTORY_ORDER, memory.id, page, scope=memory.project_id
    )


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
    """Return the turns that are not context.

    Raises `InvalidInput`, naming the field, if a turn or a shared property cannot be stored.
    """
    if not 1 <= len(turns) <= MOST_AT_ONCE:
        raise InvalidInput(f"Give 1 to {MOST_AT_ONCE:,} messages.", "input", "messages")
    for position, turn in enumerate(turns):
        at = ("input", "messages", position)
        check_text(turn.role, *at, "role")
        check_text(turn.content, *at, "content", longest=LONGEST_TEXT)
        if turn.name is not None:
            check_text(turn.name, *at, "name")
    utterances = [turn for turn in turns if turn.role not in CONTEXT_ROLES]
    if not utterances:
        raise InvalidInput("Give a message that is not a system message.", "input", "messages")
    if not new.entities:
        raise InvalidInput(
            "Give at least one of userId, agentId, appId and runId.", "input", "userId"
        )
    for type, name in new.entities.items():
        check_text(name, "input", ENTITY_FIELDS[type], longest=LONGEST_NAME)
    if new.metadata is not None:
        check_metadata(new.metadata, "input", "metadata")
    return utterances


def memory_row(
    place: Place,
    turn: Turn,
    text: str,
    new: NewMemories,
    happened: Moment | None,
    moment: datetime,
) -> MemoryRow:
    """Return an active memory with a text from a turn, stored at a moment.

    Its timestamp is the date that the text states, unless the caller set a timestamp for all
    memories. Otherwise it is the timestamp of the turn, or else the caller's.
    """
    stated = happened if new.timestamp is None else None
    timestamp = (stated.at if stated else None) or turn.timestamp or new.timestamp
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
        timestamp_until=stated.until if stated else None,
        timestamp_precision=stated.precision if stated else None,
        happened_at=timestamp or moment,
        expiration_date=new.expiration_date,
        previous_id=None,
        successor_id=None,
        extends_id=None,
        created_at=moment,
        updated_at=moment,
    )
