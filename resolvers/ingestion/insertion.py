"""Storing new memories, both verbatim and inferred.

The trap is the exact duplicate: a memory with the words, entities and speaker of an active memory
is not stored, and the existing memory represents it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from core.enums import AddOutcome, EntityType
from core.ids import uuid7
from core.turn import Turn
from language.dates.moments import Moment
from resolvers.memories.creation import NewMemories, Place, memory_row
from storage.log.history import Author
from storage.memories.rows import MemoryRow
from storage.memories.sources import SourceRow
from storage.memories.uniqueness import uniqueness_key
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of a memory to store, and the names of its entities by type.

    `turn` states the text, `embedded` is computed from it.
    """

    names: Mapping[EntityType, str]
    turn: Turn
    text: str
    embedded: EmbeddedText
    happened: Moment | None = None
    categories: Sequence[str] = ()
    extends_id: str | None = None


@dataclass(frozen=True, slots=True)
class Inserted:
    """For each entry the memory with its words; `stored` has the created ones by position.

    `rows` has for each entry the memory that would have been created.
    """

    memories: Sequence[MemoryRow]
    stored: Mapping[int, MemoryRow]
    rows: Sequence[MemoryRow]


def is_conversation(names: Mapping[EntityType, str], turns: Sequence[Turn]) -> bool:
    """Return whether turns about entities answer each other, rather than stand side by side.

    They do in a run, and where several speak. What one alone says outside of a run is a list of
    facts, such as an import, which have nothing to lend to each other.
    """
    return EntityType.RUN in names or len({(turn.role, turn.name) for turn in turns}) > 1


def insert_memories(
    tx: Transaction,
    project_id: str,
    entries: Sequence[Entry],
    new: NewMemories,
    model: str,
    author: Author,
    moment: datetime,
) -> Inserted:
    """Store the entries that are not exact duplicates.

    Each follows the one before it where they are a conversation, and the first of a run what was
    said last in that run. `model` is the embedder's.
    """
    rows = _rows(tx, project_id, entries, new, moment)
    keys = [uniqueness_key(row) for row in rows]
    by_key = tx.memories.find_by_uniqueness_key(rows, moment.date())
    stored: dict[int, MemoryRow] = {}
    for position, (key, row) in enumerate(zip(keys, rows, strict=True)):
        if key not in by_key:
            by_key[key] = stored[position] = row
    if stored:
        # Read in this transaction, because others may have added to the run since the texts were
        # embedded: the order follows the truth, and an embedding with an older neighbour is fine.
        names = entries[min(stored)].names
        if is_conversation(names, [entry.turn for entry in entries]):
            last = tx.documents.last_utterance(project_id, names)
            previous_id = last and last[0]
            for position, row in stored.items():
                by_key[keys[position]] = stored[position] = replace(row, previous_id=previous_id)
                previous_id = row.id
        derived = [entries[position].embedded for position in stored]
        tx.memories.add(list(stored.values()), model, derived, author)
    return Inserted([by_key[key] for key in keys], stored, rows)


def insert_again(
    tx: Transaction,
    row: MemoryRow,
    entry: Entry,
    turns: Sequence[Turn],
    model: str,
    author: Author,
) -> MemoryRow:
    """Store a memory whose exact duplicate has been replaced in this transaction; return the row.

    `turns` are those of all entries.
    """
    if is_conversation(entry.names, turns):
        last = tx.documents.last_utterance(row.project_id, entry.names)
        row = replace(row, previous_id=last and last[0])
    tx.memories.add([row], model, [entry.embedded], author)
    return row


def _rows(
    tx: Transaction,
    project_id: str,
    entries: Sequence[Entry],
    new: NewMemories,
    moment: datetime,
) -> list[MemoryRow]:
    """Return the entries as rows, after creating their missing entities."""
    places: dict[tuple[tuple[EntityType, str], ...], Place] = {}
    rows = []
    for entry in entries:
        about = tuple(entry.names.items())
        if about not in places:
            keys = tx.entities.get_or_create(project_id, entry.names, moment)
            places[about] = Place(project_id, keys, entry.names)
        row = memory_row(places[about], entry.turn, entry.text, new, entry.happened, moment)
        rows.append(replace(row, categories=list(entry.categories), extends_id=entry.extends_id))
    return rows


def add_sources(
    tx: Transaction,
    project_id: str,
    turns: Sequence[Turn],
    new: NewMemories,
    received_at: datetime,
    links: Iterable[tuple[str, int]],
) -> dict[int, str]:
    """Store the source messages of memories; `links` are pairs (memory id, position of the turn).

    A turn is stored once, even if it is the source of several memories. Returns the ids of the
    messages by position.
    """
    pairs = sorted(dict.fromkeys(links), key=lambda link: link[1])
    messages = {
        position: _source(project_id, turns[position], new, received_at)
        for position in dict.fromkeys(position for _, position in pairs)
    }
    tx.sources.add(
        list(messages.values()),
        [(memory_id, messages[position].id) for memory_id, position in pairs],
    )
    return {position: message.id for position, message in messages.items()}


def _source(project_id: str, turn: Turn, new: NewMemories, received_at: datetime) -> SourceRow:
    said_at = turn.timestamp or new.timestamp
    offset = said_at.utcoffset() if said_at else None
    return SourceRow(
        id=uuid7(),
        project_id=project_id,
        role=turn.role,
        name=turn.name,
        content=turn.content,
        timestamp=said_at,
        created_at=received_at,
        utc_offset_minutes=None if offset is None else round(offset.total_seconds() / 60),
    )


def is_outlasted(memory: MemoryRow, until: date | None) -> bool:
    """Return whether a memory expires before a day (None for never).

    An immutable memory may too: what it states stays as it is when it lasts longer.
    """
    ends = memory.expiration_date
    return ends is not None and (until is None or until > ends)


def extend_expiry(
    tx: Transaction, memory: MemoryRow, until: date | None, author: Author, moment: datetime
) -> MemoryRow:
    """Make a memory expire after the day `until`, or never if it is None; return the changed row.

    Raises `RowMoved` when the row has changed since it was read.
    """
    return tx.memories.rewrite(memory, {"expiration_date": until}, "", None, author, moment)


def outcome_row(memory_id: str, outcome: AddOutcome) -> dict[str, str]:
    """Return the outcome of one entry in the form that operations store."""
    return {"memoryId": memory_id, "outcome": outcome.value}
