"""What loose terms and the known share of a text make of the signals."""

import numpy as np
import pytest

from ranking.corpus import Corpus, Document
from ranking.score import DEFAULT_WEIGHTS, RankingQuery, compute_signals

X = np.array([1, 0], np.float32)


def corpus_of(*terms: str, known: float = 1.0) -> Corpus:
    """Return a corpus of documents of two words, whose vector is X."""
    corpus = Corpus(2)
    for number, each in enumerate(terms):
        id = str(number)
        corpus.put(Document(id, None, None, 0.0, each, 2, False, False, X.tobytes(), known=known))
    return corpus


def test_a_loose_match_counts_below_an_exact_one_and_only_if_enough_is_shared() -> None:
    corpus = corpus_of("0xaa tea", "0fcafe tea", "0na 0nb tea", "0na tea", "milk tea")
    loose = {"0xaa": {"0fcafe": 0.8, "0na": 0.15, "0nb": 0.15, "0nc": 0.15, "0nd": 0.15}}
    query = RankingQuery(X, X, frozenset(["0xaa"]), loose=loose)
    found = compute_signals(corpus, query, DEFAULT_WEIGHTS)
    _, exact, spelling, half, quarter, nothing = found.keyword.tolist()
    assert exact > spelling > half > quarter == nothing == 0


@pytest.mark.parametrize("of_query", [1, 0.5, 0])
@pytest.mark.parametrize("of_memory", [1, 0.5, 0])
def test_meaning_counts_by_what_is_known_of_both(of_query: float, of_memory: float) -> None:
    corpus = corpus_of("tea", known=of_memory)
    found = compute_signals(corpus, RankingQuery(X, X, known=of_query), DEFAULT_WEIGHTS)
    assert found.semantic[1] == pytest.approx(of_query * of_memory)
