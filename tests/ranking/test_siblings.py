"""Siblings: which memories of one message lose, and how much, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from ranking.corpus import Corpus, Document
from ranking.lineage import Order
from ranking.score import DEFAULT_WEIGHTS, RankingQuery, Signals, compute_signals
from ranking.siblings import sibling_losses

X = np.array([1, 0], np.float32)
LEAST = 0.25


def signals(totals: list[float], origins: list[str | None], ids: str = "abcdef") -> Signals:
    """Return signals of rows 1, 2 and so on with these sums, drawn from these messages."""
    plain = Document("", None, None, 0.0, "", 0, False, False, X.tobytes())
    corpus = Corpus(2)
    for id, origin in zip(ids, origins, strict=False):
        corpus.put(replace(plain, id=id, origin=origin))
    found = compute_signals(corpus, RankingQuery(X, X), DEFAULT_WEIGHTS)
    found.total = np.array([0, *totals], np.float32)
    return found


def losses(
    totals: list[float],
    origins: list[str | None],
    *,
    ids: str = "abcdef",
    hidden: tuple[int, ...] = (),
    kept: tuple[int, ...] = (),
    order: list[int] | None = None,
) -> list[float]:
    """Return what the rows lose if all but the hidden ones are shown."""
    found = signals(totals, origins, ids)
    if order is not None:
        rows = np.array(order, np.int32)
        found.order = Order(rows, np.arange(len(order), dtype=np.int32))
    shown = np.array([at for at in range(1, len(totals) + 1) if at not in hidden], np.int32)
    lost: list[float] = sibling_losses(found, ["", *ids], shown, kept, LEAST).tolist()
    assert lost[0] == 0
    return lost[1:]


def test_all_but_the_best_of_a_message_lose() -> None:
    found = losses([0.9, 1.0, 0.8, 1.1, 0.9], ["m", "m", "m", "n", None])
    assert found == pytest.approx([-0.4, 0, -0.4, 0, 0])


def test_memories_without_a_message_are_no_siblings() -> None:
    assert losses([0.9, 1.0, 0.8], [None, None, None]) == [0, 0, 0]


def test_no_sum_falls_below_the_least_and_what_is_below_loses_nothing() -> None:
    found = losses([1.0, 0.65, 0.45, 0.25, 0.1], ["m"] * 5)
    assert found == pytest.approx([0, -0.4, -0.2, 0, 0], abs=1e-6)


def test_of_equal_sums_the_first_id_leads_wherever_its_row_is() -> None:
    assert losses([1, 1, 1], ["m"] * 3, ids="cab") == pytest.approx([-0.4, 0, -0.4])


def test_what_is_hidden_takes_no_place() -> None:
    assert losses([1.0, 0.9, 0.8], ["m"] * 3, hidden=(1,)) == pytest.approx([0, 0, -0.4])


def test_what_another_rule_has_put_first_is_kept() -> None:
    assert losses([1.0, 0.9, 0.8], ["m"] * 3, kept=(2,)) == pytest.approx([0, 0, -0.4])
    # A member of a lineage may lead a message, but loses nothing.
    assert losses([1.0, 0.9, 0.8], ["m"] * 3, order=[2, 1]) == pytest.approx([0, 0, -0.4])
