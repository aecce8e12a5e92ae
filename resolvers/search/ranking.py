"""Rankings: the rows of a corpus in the order of their score."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from core.enums import MemoryState
from language.names import without_speaker
from ranking.corpus import Corpus, Floats, Rows
from ranking.late import maxsim, shrink, unit_rows
from ranking.passages import best_passages
from ranking.scale import PLAIN_SCALE, Scale
from ranking.score import DIGITS, Signals, Statistics, Weights, add_rerank, compute_signals
from ranking.siblings import sibling_losses
from resolvers.context import Context
from resolvers.runtime.search_cache import STATES, ScopeKey
from resolvers.runtime.token_cache import TokenCache
from resolvers.search.query import Question
from resolvers.search.timing import Part
from storage.memories.rows import MemoryRow
from storage.memories.selection import Selection
from storage.search.documents import speaker_of
from storage.transaction import Transaction

# Late interaction scores only the best: a hundred of them find no more than these do.
RERANKED_ROWS = 24
# How a passage matches says next to nothing about a longer text, so that is not read: more than 160
# content words.
LEAST_FADE = 0.2
_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class Ranking:
    """The memories that can be hits: `rows` are their indexes into `ids` and `signals`.

    `scale` maps the sums of the signals to scores; `known` is the share of the query that the
    embedder knows.
    """

    ids: list[str]
    signals: Signals
    rows: Rows
    scale: Scale = PLAIN_SCALE
    known: float = 1.0

    def best(self, limit: int, among: Rows | None = None) -> Rows:
        """Return the rows of the `limit` best, best first, among all rows or the given ones.

        Ties are broken by id. Scores count as equal if they differ only by rounding errors, which
        depend on the order in which floats are added.
        """
        rows = self.rows if among is None else among
        totals = np.round(self.signals.ranked(rows).astype(np.float64), DIGITS)
        if len(rows) > limit:
            least = np.partition(totals, len(rows) - limit)[len(rows) - limit]
            rows, totals = rows[totals >= least], totals[totals >= least]
        ordered = sorted(
            zip((-totals).tolist(), (self.ids[row] for row in rows), rows.tolist(), strict=True)
        )
        return np.array([row for _, _, row in ordered[:limit]], np.int32)

    def score(self, row: int) -> float:
        """Return the score of a row, from 0 to 1."""
        return self.scale.score(self.total(row), self.known)

    def total(self, row: int) -> float:
        """Return the sum of a row that its score is made from."""
        return float(self.signals.ranked(np.array([row], np.int32))[0])

    def demote_siblings(self, kept: Collection[int] = ()) -> None:
        """Rank the memories of one message behind the best of them, except for the rows `kept`.

        The losses depend on the sums: call this after every change of them.
        """
        least = self.scale.sum_at_bend(self.known)
        found = self.signals
        found.sibling = sibling_losses(found, self.ids, self.rows, kept, least)

    def place(self, id: str) -> int | None:
        """Return the row of a memory that can be a hit, or None if it cannot."""
        return next((row for row in self.rows.tolist() if self.ids[row] == id), None)


async def rank_scope(
    ctx: Context,
    key: ScopeKey,
    question: Question,
    weights: Weights,
    selection: Selection,
    also: str | None = None,
) -> Ranking:
    """Return the ranking of all selected memories of a scope.

    `also` is the id of a memory of the scope to rank with them, whether it is selected or not.
    """

    def work(tx: Transaction) -> Ranking:
        with ctx.services.search_cache.corpus(tx, key) as corpus:
            if selection.where is None:
                rows = visible_rows(corpus, selection)
            else:
                ids = tx.matching(key.project_id, key.entity, selection)
                rows = corpus.rows_of(ids)
            if also is not None:
                rows = np.union1d(rows, corpus.rows_of([also])).astype(np.int32)
            return rank_rows(corpus, question, weights, rows)

    return await ctx.read(work)


def rank_rows(
    corpus: Corpus,
    question: Question,
    weights: Weights,
    rows: Rows,
    statistics: Statistics | None = None,
) -> Ranking:
    """Return the ranking of the given rows of a corpus.

    `statistics` replace those of the corpus where it is only a sample of the scope.
    """
    with question.stopwatch.measure(Part.RANKING):
        signals = compute_signals(corpus, question.asked, weights, statistics)
    return Ranking(corpus.ids, signals, rows, weights.scale, question.asked.known)


def visible_rows(corpus: Corpus, selection: Selection) -> Rows:
    """Return the rows that the flags of a selection include; its filter is ignored."""
    shown = corpus.alive[: corpus.end].copy()
    if selection.today is not None:
        shown &= corpus.expires[: corpus.end] >= (selection.today - _EPOCH).days
    if selection.hide_superseded:
        shown &= corpus.state[: corpus.end] != STATES[MemoryState.SUPERSEDED.name]
    if selection.hide_merged:
        shown &= corpus.state[: corpus.end] != STATES[MemoryState.MERGED.name]
    return np.flatnonzero(shown).astype(np.int32)


async def rerank(
    ctx: Context, project_id: str, ranking: Ranking, question: Question, weights: Weights
) -> None:
    """Add late interaction between the tokens of the query and of the best memories."""
    rows = ranking.best(RERANKED_ROWS)
    # What is not shown may still lend its relevance to what replaced it.
    related = ranking.signals.order.relatives(rows)
    rows = np.concatenate([rows, np.setdiff1d(related, rows)[:RERANKED_ROWS]])
    ids = [ranking.ids[row] for row in rows]
    found = await ctx.read(lambda tx: tx.memories.find(ids, ctx.actor))
    texts = [_said(found[id]) if id in found else "" for id in ids]
    values = await late_interaction(
        ctx.services.token_cache,
        project_id,
        question.text,
        question.asked.terms,
        texts,
        ranking.signals.fade[rows],
    )
    add_rerank(ranking.signals, weights, rows, values)
    ranking.demote_siblings()


async def late_interaction(
    cache: TokenCache,
    project_id: str,
    query: str,
    words: Collection[str],
    texts: Sequence[str],
    fade: Floats,
) -> Floats:
    """Return how well the tokens of texts match those of a query: float32, one per text.

    Of a long text, the passage that has most of the query's `words` is read, and its value counts
    less the smaller its `fade` is. Below `LEAST_FADE` a text is not read, and has the mean value.
    """
    read = np.flatnonzero(fade >= LEAST_FADE)
    if not len(read):
        return np.zeros(len(texts), np.float32)

    def choose() -> list[str]:
        return best_passages([cache.passages(project_id, texts[at]) for at in read.tolist()], words)

    passages = await asyncio.to_thread(choose)
    states = await cache.token_states(project_id, [query, *passages])

    def compare() -> Floats:
        rows = unit_rows(np.concatenate([each.states for each in states]))
        ends = np.cumsum([len(each.tokens) for each in states])[:-1]
        tokens = [each.tokens for each in states]
        asked, *others = zip(tokens, np.split(rows, ends), strict=True)
        found = maxsim(asked, others)
        values = np.full(len(texts), found.mean(), np.float32)
        values[read] = found
        return shrink(values, fade)

    return await asyncio.to_thread(compare)


def _said(memory: MemoryRow) -> str:
    speaker = speaker_of(memory.actor, memory.role, memory.user_id, memory.agent_id)
    return without_speaker(memory.text, speaker)
