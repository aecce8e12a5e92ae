"""The keyword index: FTS5 on SQLite, a GIN index over tsvectors on PostgreSQL.

Both are maintained by the database itself, in the transaction that writes a row of
`memory_keywords`: triggers feed FTS5, and the GIN index is over an expression of the row. The
indexed terms are normalized before and consist of ASCII letters and digits only. So neither index
needs to know any language, and no term can be parsed as query syntax.
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

# Both have the same order: the sum of the weights of a memory's terms, then fewer words, then id.
# FTS5's own BM25 is not used: it would read the whole list of a scope to find its frequency.
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
# The maximum number of candidates, per term on SQLite, for all terms on PostgreSQL. It bounds the
# cost of very frequent words; rarer terms never reach it.
_MOST = 10_000
# Of a longer query, only the terms with the greatest weights are looked up.
_MOST_TERMS = 64
_WITHIN = """JOIN memories m ON m.id = k.memory_id
AND m.happened_at >= :since AND m.happened_at < :until"""


@dataclass(frozen=True, slots=True)
class Keywords:
    """The keywords of a text for ranking; see `storage.tables.memory.MemoryKeywords`."""

    terms: str
    words: int
    is_question: bool
    names_speaker: bool
    attribute: str | None = None


def scope_token(id: str) -> str:
    """Return the token of a project or an entity in the index: a word that no text contains."""
    # Terms have no capitals, so no text can contain the token of a scope.
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

        `scope_id` is the id of a project or an entity; `terms` maps each term to its weight.
        `within` is the period in which a memory happened, without its second moment.
        """
        if not terms:
            return []
        heaviest = sorted(terms.items(), key=lambda item: -item[1])[:_MOST_TERMS]
        # The newest memories may all be outside of the period, so all candidates are examined.
        values: dict[str, Any] = {"limit": limit, "most": 2**31 - 1 if within else _MOST}
        scope = scope_token(scope_id)
        if self._connection.dialect.name == "sqlite":
            for n, (term, weight) in enumerate(heaviest):
                values[f"query_{n}"] = f'scope:"{scope}" AND terms:"{term}"'
                values[f"weight_{n}"] = weight
            parts = " UNION ALL ".join(_SQLITE_TERM.format(n=n) for n in range(len(heaviest)))
            statement = _SQLITE.format(terms=parts, join=_WITHIN if within else "")
        else:
            values["query"] = f"{scope} & ({' | '.join(term for term, _ in heaviest)})"
            values |= {
                "terms": [term for term, _ in heaviest],
                "weights": [weight for _, weight in heaviest],
            }
            statement = _POSTGRESQL.format(join=_WITHIN if within else "")
        prepared = text(statement)
        if within:
            values |= {"since": within[0], "until": within[1]}
            moments = (bindparam(name, type_=UtcDateTime) for name in ("since", "until"))
            prepared = prepared.bindparams(*moments)
        return list(self._connection.execute(prepared, values).scalars())
