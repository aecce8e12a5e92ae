"""Rankings: the rows of a corpus in the order of their score."""

import asyncio
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.enums import MemoryState
from language.names import without_speaker
from ranking.corpus import Corpus, Floats, Rows
from ranking.late import Tokens, maxsim
from ranking.score import Signals, Statistics, Weights, add_rerank, signals
from resolvers.context import Context
from resolvers.runtime.search_cache import STATES, ScopeKey
from resolvers.search.query import Question
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection
from storage.search.documents import speaker_of
from storage.transaction import Transaction

# Late interaction reads the best; a hundred found no more than fifty do.
RERANKED_ROWS = 50
_EPOCH = date(1970, 1, 1)
_DIGITS = 6


@dataclass(slots=True)
class Ranking:
    """Memories that may be found, with their signals: `rows` into `ids` and into the signals."""

    ids: list[str]
    signals: Signals
    rows: Rows

    def best(self, limit: int, among: Rows | None = None) -> Rows:
        """Return the rows of the best, best first; ties are broken by id.

        What differs by no more than the order in which floats were added is a tie.
        """
        rows = self.rows if among is None else among
        totals = np.round(self.signals.total[rows].astype(np.float64), _DIGITS)
        if len(rows) > limit:
            least = np.partition(totals, len(rows) - limit)[len(rows) - limit]
            rows, totals = rows[totals >= least], totals[totals >= least]
        ordered = sorted(
            zip((-totals).tolist(), (self.ids[row] for row in rows), rows.tolist(), strict=True)
        )
        return np.array([row for _, _, row in ordered[:limit]], np.int32)


async def rank_scope(
    ctx: Context, key: ScopeKey, question: Question, weights: Weights, selection: Selection
) -> Ranking:
    """Rank a whole scope."""

    def work(tx: Transaction) -> Ranking:
        with ctx.services.scopes.corpus(tx, key) as corpus:
            if selection.where is None:
                rows = shown_rows(corpus, selection)
            else:
                ids = tx.matching(key.project_id, key.entity, selection)
                rows = corpus.slots(ids)
            return ranked(corpus, question, weights, rows)

    return await ctx.read(work)


def ranked(
    corpus: Corpus,
    question: Question,
    weights: Weights,
    rows: Rows,
    statistics: Statistics | None = None,
) -> Ranking:
    """Return the ranking of some rows of a corpus."""
    return Ranking(corpus.ids, signals(corpus, question.asked, weights, statistics), rows)


def shown_rows(corpus: Corpus, selection: Selection) -> Rows:
    """Return the rows that are shown without a filter."""
    shown = corpus.alive[: corpus.end].copy()
    if selection.today is not None:
        shown &= corpus.expires[: corpus.end] >= (selection.today - _EPOCH).days
    if selection.hide_superseded:
        shown &= corpus.state[: corpus.end] != STATES[MemoryState.SUPERSEDED.name]
    if selection.hide_merged:
        shown &= corpus.state[: corpus.end] != STATES[MemoryState.MERGED.name]
    return np.flatnonzero(shown).astype(np.int32)


async def rerank(ctx: Context, ranking: Ranking, question: Question, weights: Weights) -> None:
    """Let the tokens of the query look at those of the best memories, and rank again."""
    rows = ranking.best(RERANKED_ROWS)
    # What is not shown may still lend its relevance to what replaced it.
    related = ranking.signals.order.relatives(rows)
    rows = np.concatenate([rows, np.setdiff1d(related, rows)[:RERANKED_ROWS]])
    ids = [ranking.ids[row] for row in rows]
    found = await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor))
    texts = [_said(found[id]) if id in found else "" for id in ids]
    states = await ctx.services.reader.token_states([question.text, *texts])

    def think() -> None:
        read: list[tuple[Tokens, Floats]] = [
            (each.tokens, each.states.astype(np.float32)) for each in states
        ]
        add_rerank(ranking.signals, weights, rows, maxsim(read[0], read[1:]))

    await asyncio.to_thread(think)


def _said(memory: MemoryRow) -> str:
    speaker = speaker_of(memory.actor, memory.role, memory.user_id, memory.agent_id)
    return without_speaker(memory.text, speaker)
