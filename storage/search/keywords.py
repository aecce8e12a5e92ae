"""The keyword index: FTS5 on SQLite, a GIN index over tsvectors on PostgreSQL.

Both are kept by the database itself, in the transaction that writes a row of `memory_keywords`:
triggers feed FTS5, and the GIN index is over an expression of the row. What goes in are terms that
were made before, ASCII letters and digits only, so neither index needs to know any language, and no
query can be taken for the syntax of one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, text

from storage.tables.columns import UtcDateTime
from storage.tables.fields import table_of
from storage.tables.memory import MemoryKeywords

_KEYWORDS = table_of(MemoryKeywords)

# The order is the same on both: what the terms tell that a memory has, then fewer words, then id.
# FTS5's own BM25 is not used: it would read the whole list of a scope to tell how common that is.
_SQLITE = """
SELECT k.memory_id FROM (
  SELECT position, sum(weight) AS weight FROM ({terms}) GROUP BY position
) f JOIN memory_keywords k ON k.position = f.position {join}
ORDER BY f.weight DESC, k.words, k.memory_id LIMIT :limit
"""
_SQLITE_TERM = """SELECT * FROM (SELECT rowid AS position, :weight_{n} AS weight
FROM ft_memory_keywords WHERE ft_memory_keywords MATCH :query_{n}
ORDER BY rowid DESC LIMIT :most)"""
_DOCUMENT = "array_to_tsvector(string_to_array(rtrim(k.scope || ' ' || k.terms), ' '))"
_POSTGRESQL = f"""
SELECT k.memory_id FROM (
  SELECT * FROM memory_keywords k WHERE {_DOCUMENT} @@ CAST(:query AS tsquery) LIMIT :most
) k {{join}}
CROSS JOIN LATERAL (SELECT string_to_array(k.terms, ' ') AS terms) t
ORDER BY (
  SELECT sum(w.weight) FROM unnest(CAST(:terms AS text[]), CAST(:weights AS float8[]))
  AS w(term, weight) WHERE w.term = ANY(t.terms)
) DESC, k.words, k.memory_id LIMIT :limit
"""
# So many memories are looked at, for each term on SQLite, for all of them on PostgreSQL. Rarer
# terms never meet it; it keeps a word that is everywhere from costing more.
_MOST = 10_000
# Of a longer query the terms are looked up that tell the most.
_MOST_TERMS = 64
_WITHIN = """JOIN memories m ON m.id = k.memory_id
AND m.happened_at >= :since AND m.happened_at < :until"""


@dataclass(frozen=True, slots=True)
class Keywords:
    """What ranking by words needs to know of a text; see `storage.tables.graph.MemoryKeywords`."""

    terms: str
    words: int
    is_question: bool
    names_speaker: bool
    attribute: str | None = None


def scope_token(id: str) -> str:
    """Return how the index names a project or an entity: a word that no text contains."""
    # Terms have no capitals, so no text can pass for a member of a scope.
    return "Scope" + id.replace("-", "")


class KeywordStore:
    """Reads and writes the keywords of memories."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, project_id: str, keywords: Sequence[tuple[str, Sequence[str], Keywords]]) -> None:
        """Store the keywords of memories that have none: (memory id, entity ids, keywords)."""
        self._connection.execute(
            insert(_KEYWORDS),
            [
                {
                    "memory_id": id,
                    "project_id": project_id,
                    "scope": " ".join(map(scope_token, (project_id, *entity_ids))),
                    "terms": found.terms,
                    "words": found.words,
                    "is_question": found.is_question,
                    "names_speaker": found.names_speaker,
                    "attribute": found.attribute,
                }
                for id, entity_ids, found in keywords
            ],
        )

    def delete(self, memory_ids: Sequence[str]) -> None:
        """Delete the keywords of memories."""
        self._connection.execute(delete(_KEYWORDS).where(_KEYWORDS.c.memory_id.in_(memory_ids)))

    def best(
        self,
        scope_id: str,
        terms: dict[str, float],
        limit: int,
        within: tuple[datetime, datetime] | None = None,
    ) -> list[str]:
        """Return the ids of up to `limit` memories that have some of the terms, best first.

        `scope_id` is a project's or an entity's id, `terms` maps each to how much it tells.
        `within` bounds when a memory happened: from the first moment until before the second.
        """
        if not terms:
            return []
        telling = sorted(terms.items(), key=lambda item: -item[1])[:_MOST_TERMS]
        # Within some days the newest may be none, so all are looked at.
        values: dict[str, Any] = {"limit": limit, "most": 2**31 - 1 if within else _MOST}
        scope = scope_token(scope_id)
        if self._connection.dialect.name == "sqlite":
            for n, (term, weight) in enumerate(telling):
                values[f"query_{n}"] = f'scope:"{scope}" AND terms:"{term}"'
                values[f"weight_{n}"] = weight
            parts = " UNION ALL ".join(_SQLITE_TERM.format(n=n) for n in range(len(telling)))
            statement = _SQLITE.format(terms=parts, join=_WITHIN if within else "")
        else:
            values["query"] = f"{scope} & ({' | '.join(term for term, _ in telling)})"
            values |= {
                "terms": [term for term, _ in telling],
                "weights": [weight for _, weight in telling],
            }
            statement = _POSTGRESQL.format(join=_WITHIN if within else "")
        prepared = text(statement)
        if within:
            values |= {"since": within[0], "until": within[1]}
            moments = (bindparam(name, type_=UtcDateTime) for name in ("since", "until"))
            prepared = prepared.bindparams(*moments)
        return list(self._connection.execute(prepared, values).scalars())
