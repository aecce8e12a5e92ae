"""The tables of memories: the memory, its past versions and its parts."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from core.enums import MemoryState
from language.dates.moments import Precision
from storage.tables.columns import Id, Json, LongText, Name
from storage.tables.fields import enum_field, id_field, link_field, moment_field, partial_index


def _listed(table: str, *also: str) -> tuple[Index, ...]:
    """Return the indexes of memories: by project, by each kind of entity, by previous memory.

    All but the last also contain the columns `also`, for conditions checked on the index alone.
    """
    return (
        Index(f"ix_{table}_page", "project_id", "created_at", "id", *also),
        *(
            partial_index(f"ix_{table}_{kind}", f"{kind}_key", "created_at", "id", *also)
            for kind in ("user", "agent", "app", "run")
        ),
        partial_index(f"ix_{table}_previous", "previous_id"),
    )


class _MemoryColumns(SQLModel):
    """The columns of a memory and of its versions.

    The names of its entities are stored beside their keys to avoid a join. `happened_at` is the
    timestamp, or the time of creation if there is none; `timestamp_until` is the last day of a
    range that begins at the timestamp. `previous_id` is the memory before it in the same
    conversation, `successor_id` the memory that replaced it, `extends_id` the memory to which it
    adds detail; each of these may have been deleted.
    """

    project_id: str = id_field("projects.id")
    text: str = Field(sa_type=LongText)
    hash: str = Field(sa_type=Name)
    user_key: str | None = id_field("entities.id", nullable=True)
    agent_key: str | None = id_field("entities.id", nullable=True)
    app_key: str | None = id_field("entities.id", nullable=True)
    run_key: str | None = id_field("entities.id", nullable=True)
    user_id: str | None = Field(sa_type=Name)
    agent_id: str | None = Field(sa_type=Name)
    app_id: str | None = Field(sa_type=Name)
    run_id: str | None = Field(sa_type=Name)
    actor: str | None = Field(sa_type=Name)
    role: str | None = Field(sa_type=Name)
    metadata_: dict[str, Any] = Field(sa_type=Json, sa_column_kwargs={"name": "metadata"})
    categories: list[str] = Field(sa_type=Json)
    state: MemoryState = enum_field(MemoryState)
    immutable: bool
    timestamp: datetime | None = moment_field(nullable=True)
    timestamp_until: datetime | None = moment_field(nullable=True)
    timestamp_precision: Precision | None = enum_field(Precision, nullable=True)
    happened_at: datetime = moment_field()
    expiration_date: date | None
    previous_id: str | None = Field(sa_type=Id)
    successor_id: str | None = Field(sa_type=Id)
    extends_id: str | None = Field(sa_type=Id)
    created_at: datetime = moment_field()
    updated_at: datetime = moment_field()


class Memory(_MemoryColumns, table=True):
    """The present version of a memory.

    `slot` is the uniqueness key, a digest of the entities, the speaker, the text and the days that
    it means: no two active memories share one. It is null for a memory that is not active. An
    expired memory loses it when another one needs it.
    """

    __tablename__ = "memories"
    __table_args__ = (
        *_listed("memories"),
        Index("ix_memories_updated", "project_id", "updated_at", "id"),
        Index("ix_memories_happened", "project_id", "happened_at", "id"),
        Index("ix_memories_slot", "slot", unique=True),
        Index("ix_memories_hash", "hash", "project_id"),
        partial_index("ix_memories_successor", "successor_id"),
        partial_index("ix_memories_extends", "extends_id"),
    )

    id: str = id_field()
    version: int
    slot: str | None = Field(sa_type=Name)


class MemoryVersion(_MemoryColumns, table=True):
    """A past version of a memory: valid from `updated_at` until its change or deletion, `ended_at`.

    A list of a past moment may skip many versions of other times, so the indexes contain the times.
    """

    __tablename__ = "memory_versions"
    __table_args__ = (
        *_listed("memory_versions", "updated_at", "ended_at"),
        Index("ix_memory_versions_ended", "project_id", "ended_at"),
    )

    id: str = id_field()
    version: int = Field(primary_key=True)
    ended_at: datetime = moment_field()


class MemoryKeywords(SQLModel, table=True):
    """The keywords of a memory's text, for ranking and for the keyword index.

    `terms` are its words as normalized by `language.terms`, separated by spaces; `scope` lists its
    project and entities in the same form. `attribute` is the attribute of the speaker that the text
    states, named as in `language.claims.claim`. `position` exists because SQLite's index identifies
    rows by integers.
    """

    __tablename__ = "memory_keywords"
    __table_args__ = (
        Index("ix_memory_keywords_project", "project_id"),
        partial_index("ix_memory_keywords_attribute", "attribute", "project_id"),
    )

    position: int | None = Field(
        default=None,
        primary_key=True,
        sa_type=BigInteger().with_variant(Integer, "sqlite"),
    )
    memory_id: str = Field(
        sa_type=Id,
        unique=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    project_id: str = id_field("projects.id")
    scope: str = Field(sa_type=LongText)
    terms: str = Field(sa_type=LongText)
    words: int
    is_question: bool
    names_speaker: bool
    attribute: str | None = Field(sa_type=Name)


class SourceMessage(SQLModel, table=True):
    """A message that memories were extracted from; it is deleted with the last of them.

    `utc_offset_minutes` is the offset of the timestamp where the speaker was, null if unknown.
    """

    __tablename__ = "source_messages"
    __table_args__ = (Index("ix_source_messages_project", "project_id"),)

    id: str = id_field()
    project_id: str = id_field("projects.id")
    role: str = Field(sa_type=Name)
    name: str | None = Field(sa_type=Name)
    content: str = Field(sa_type=LongText)
    timestamp: datetime | None = moment_field(nullable=True)
    utc_offset_minutes: int | None
    created_at: datetime = moment_field()


class MemorySource(SQLModel, table=True):
    """A link between a memory and a message that it was extracted from."""

    __tablename__ = "memory_sources"
    __table_args__ = (Index("ix_memory_sources_message", "message_id"),)

    memory_id: str = link_field("memories.id")
    message_id: str = link_field("source_messages.id")


class MemoryOrigin(SQLModel, table=True):
    """The message that a memory is searched with, because its text was drawn from it.

    The keywords and the embedding of the memory then include those of the message. `terms` and
    `words` are the numbers of terms and content words that are its own, which come first, and
    `vector` is the embedding of its text alone: what remains without the message.
    """

    __tablename__ = "memory_origins"
    __table_args__ = (Index("ix_memory_origins_message", "message_id"),)

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    message_id: str = id_field("source_messages.id")
    terms: int
    words: int
    vector: bytes = Field(sa_type=LargeBinary)


class Concept(SQLModel, table=True):
    """A person, a place or a thing that memories mention; `key` is its normalized name."""

    __tablename__ = "concepts"
    __table_args__ = (
        UniqueConstraint("project_id", "key"),
        Index("ix_concepts_page", "project_id", "name", "id"),
    )

    id: str = id_field()
    project_id: str = id_field("projects.id")
    name: str = Field(sa_type=Name)
    key: str = Field(sa_type=Name)
    created_at: datetime = moment_field()


class MemoryConcept(SQLModel, table=True):
    """A link between a memory and a concept that it mentions."""

    __tablename__ = "memory_concepts"
    __table_args__ = (Index("ix_memory_concepts_concept", "concept_id", "memory_id"),)

    memory_id: str = link_field("memories.id")
    concept_id: str = link_field("concepts.id")


class MemoryTouches(SQLModel, table=True):
    """When searches last returned a memory, in seconds since 1970, oldest first."""

    __tablename__ = "memory_touches"

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    moments: list[float] = Field(sa_type=Json)


class MemoryVector(SQLModel, table=True):
    """The embedding of a memory's text, little-endian float32.

    It has its own table so that lists of memories do not read it.
    """

    __tablename__ = "memory_vectors"
    __table_args__ = (Index("ix_memory_vectors_project", "project_id"),)

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    project_id: str = id_field("projects.id")
    model: str = Field(sa_type=Name)
    vector: bytes = Field(sa_type=LargeBinary)
