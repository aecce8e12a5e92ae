"""The messages that memories are searched with, and what the memories have without them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from storage.search.keywords import Keywords
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.memory import (
    Memory,
    MemoryKeywords,
    MemoryOrigin,
    MemorySource,
    MemoryVector,
    SourceMessage,
)

_ORIGINS = table_of(MemoryOrigin)
_KEYWORDS = table_of(MemoryKeywords)
_MESSAGES = table_of(SourceMessage)
_MEMORIES = table_of(Memory)
_VECTORS = table_of(MemoryVector)
_LINKS = table_of(MemorySource)
_BY_MEMORY = bindparam("memories", expanding=True, type_=Id)
_BY_MESSAGE = bindparam("messages", expanding=True, type_=Id)
_ALONE = (
    select(
        _ORIGINS.c.memory_id,
        _VECTORS.c.model,
        _ORIGINS.c.vector,
        _ORIGINS.c.terms,
        _ORIGINS.c.words,
        _KEYWORDS.c.terms,
        _KEYWORDS.c.is_question,
        _KEYWORDS.c.names_speaker,
        _KEYWORDS.c.attribute,
    )
    .join(_KEYWORDS, _KEYWORDS.c.memory_id == _ORIGINS.c.memory_id)
    .join(_VECTORS, _VECTORS.c.memory_id == _ORIGINS.c.memory_id)
    .where(_ORIGINS.c.message_id.in_(_BY_MESSAGE))
    .order_by(_ORIGINS.c.memory_id)
)
_TEXTS = (
    select(_ORIGINS.c.memory_id, _MESSAGES.c.content)
    .join(_MESSAGES, _MESSAGES.c.id == _ORIGINS.c.message_id)
    .where(_ORIGINS.c.memory_id.in_(_BY_MEMORY))
)
_MISSING = (
    select(_MEMORIES.c.id, _MESSAGES.c.id, _MESSAGES.c.content)
    .join(_LINKS, _LINKS.c.memory_id == _MEMORIES.c.id)
    .join(_MESSAGES, _MESSAGES.c.id == _LINKS.c.message_id)
    .outerjoin(_ORIGINS, _ORIGINS.c.memory_id == _MEMORIES.c.id)
    .where(
        _MEMORIES.c.id.in_(_BY_MEMORY),
        _MEMORIES.c.version == 1,
        _ORIGINS.c.memory_id.is_(None),
        _MESSAGES.c.role == _MEMORIES.c.role,
        func.coalesce(_MESSAGES.c.name, "") == func.coalesce(_MEMORIES.c.actor, ""),
        _MESSAGES.c.content != _MEMORIES.c.text,
    )
    .order_by(_MEMORIES.c.id, _MESSAGES.c.id)
)


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """The embedding and the keywords of a text, computed before the memory is stored.

    Where they include those of the message that the text was drawn from, `alone` is what the text
    has without it.
    """

    vector: bytes
    keywords: Keywords
    alone: "EmbeddedText | None" = None


class OriginStore:
    """Reads and writes the messages that memories are searched with."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, origins: Iterable[tuple[str, str, EmbeddedText]]) -> None:
        """Store that memories are searched with messages: (memory id, message id, text alone)."""
        rows = [
            {
                "memory_id": memory_id,
                "message_id": message_id,
                "terms": len(alone.keywords.terms.split()),
                "words": alone.keywords.words,
                "vector": alone.vector,
            }
            for memory_id, message_id, alone in origins
        ]
        if rows:
            self._connection.execute(insert(_ORIGINS), rows)

    def texts(self, memory_ids: Sequence[str]) -> dict[str, str]:
        """Return the messages that memories are searched with, by memory id."""
        return dict(self._connection.execute(_TEXTS, {"memories": memory_ids}).all())

    def alone(self, message_ids: Collection[str]) -> dict[str, tuple[str, EmbeddedText]]:
        """Return what memories have without the given messages, by memory id.

        These are the memories that are searched with one of the messages, each with the name of the
        embedder.
        """
        if not message_ids:
            return {}
        rows = self._connection.execute(_ALONE, {"messages": sorted(message_ids)})
        return {
            id: (model, EmbeddedText(vector, Keywords(_first(all_terms, own), words, *others)))
            for id, model, vector, own, words, all_terms, *others in rows
        }

    def missing(self, memory_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return the messages (id, content) that memories could be searched with, by memory id.

        These are memories that have no such message, whose text has never changed, and that were
        drawn from a part of a stored message of their speaker: the first of these messages.
        """
        found: dict[str, tuple[str, str]] = {}
        for id, *message in self._connection.execute(_MISSING, {"memories": memory_ids}):
            found.setdefault(id, (message[0], message[1]))
        return found

    def replace_terms(self, own: Mapping[str, Keywords]) -> None:
        """Store anew which keywords memories have without their messages, by memory id."""
        for memory_id, keywords in own.items():
            counts = {"terms": len(keywords.terms.split()), "words": keywords.words}
            self._connection.execute(
                update(_ORIGINS).where(_ORIGINS.c.memory_id == memory_id).values(**counts)
            )

    def replace_vectors(self, own: Mapping[str, bytes]) -> None:
        """Store anew the embeddings that memories have without their messages, by memory id."""
        for memory_id, vector in own.items():
            self._connection.execute(
                update(_ORIGINS).where(_ORIGINS.c.memory_id == memory_id).values(vector=vector)
            )

    def delete(self, memory_ids: Sequence[str]) -> None:
        """Store that memories are searched by their own text."""
        self._connection.execute(delete(_ORIGINS).where(_ORIGINS.c.memory_id.in_(memory_ids)))


def _first(terms: str, number: int) -> str:
    return " ".join(terms.split()[:number])
