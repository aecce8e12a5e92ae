"""The tables of what hangs on memories: what finds them, where they come from, what they name."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.columns import Id, Json, LongText, Name
from storage.fields import id_field, link_field, moment_field, where_known


class MemoryKeywords(SQLModel, table=True):
    """What ranking by words needs to know of a memory's text, and what the keyword index holds.

    `terms` are its words as `language.terms` writes them, parted by spaces; `scope` names its
    project and entities in the same way. `attribute` is what its text claims of its speaker, as
    `language.claims` names it. `position` is there because SQLite's index knows rows by whole
    numbers.
    """

    __tablename__ = "memory_keywords"
    __table_args__ = (
        Index("ix_memory_keywords_project", "project_id"),
        where_known("ix_memory_keywords_attribute", "attribute", "project_id"),
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
    """A message that memories were drawn from; it goes with the last of them."""

    __tablename__ = "source_messages"
    __table_args__ = (Index("ix_source_messages_project", "project_id"),)

    id: str = id_field()
    project_id: str = id_field("projects.id")
    role: str = Field(sa_type=Name)
    name: str | None = Field(sa_type=Name)
    content: str = Field(sa_type=LongText)
    timestamp: datetime | None = moment_field(nullable=True)
    created_at: datetime = moment_field()


class MemorySource(SQLModel, table=True):
    """Which memory was drawn from which message."""

    __tablename__ = "memory_sources"
    __table_args__ = (Index("ix_memory_sources_message", "message_id"),)

    memory_id: str = link_field("memories.id")
    message_id: str = link_field("source_messages.id")


class Concept(SQLModel, table=True):
    """A person, a place or a thing that memories mention; `key` is its name in one form."""

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
    """Which memory mentions which concept."""

    __tablename__ = "memory_concepts"
    __table_args__ = (Index("ix_memory_concepts_concept", "concept_id", "memory_id"),)

    memory_id: str = link_field("memories.id")
    concept_id: str = link_field("concepts.id")


class MemoryTouches(SQLModel, table=True):
    """When a memory was last returned by searches, in seconds since 1970, oldest first."""

    __tablename__ = "memory_touches"

    memory_id: str = Field(
        sa_type=Id,
        primary_key=True,
        sa_column_args=[ForeignKey("memories.id", ondelete="CASCADE")],
    )
    moments: list[float] = Field(sa_type=Json)


class MemoryVector(SQLModel, table=True):
    """The embedding of a memory's text, little-endian float32, apart so that lists stay light."""

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
