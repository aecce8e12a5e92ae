"""Recency: which pairs are near, and what the later one gains, worked out by hand."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ranking.lineage import NO_LINEAGES, Order, lineages_of, order_of
from ranking.recency import add_recency, near_pairs
from ranking.score import Signals

IDS = ["", "a", "b", "c", "d"]
ROWS = np.array([1, 2, 3, 4], np.int32)


def signals(
    total: list[float],
    happened: list[float],
    order: Order | None = None,
    *,
    seeks_latest: bool = True,
) -> Signals:
    """Return signals of rows whose vectors are all the same, except for the last one."""
    vectors = np.tile(np.array([1, 0], np.float32), (len(total), 1))
    vectors[-1] = [0, 1]
    found = SimpleNamespace(
        total=np.array(total, np.float32),
        happened=np.array(happened, np.float64),
        vectors=vectors,
        order=order or order_of(NO_LINEAGES, False, ()),
        seeks_latest=seeks_latest,
        recency=None,
    )
    return cast(Signals, found)


@pytest.mark.parametrize(
    ("total", "happened", "pairs"),
    [
        pytest.param([0, 1, 0.9, 0, 1], [0, 10, 20, 30, 40], [(1, 2)], id="the later is behind"),
        pytest.param([0, 0.9, 1, 0, 1], [0, 10, 20, 30, 40], [], id="the later leads already"),
        pytest.param([0, 0.9, 1, 0, 1], [0, 20, 10, 30, 40], [(2, 1)], id="the order of time"),
        pytest.param([0, 1, 1, 0, 1], [0, 10, 10, 30, 40], [(1, 2)], id="equal: by id"),
        pytest.param([0, 1, 0.79, 0, 1], [0, 10, 20, 30, 40], [], id="too far behind"),
        pytest.param(
            [0, 1, 0.95, 0.9, 1], [0, 10, 20, 30, 40], [(1, 2), (1, 3), (2, 3)], id="three"
        ),
    ],
)
def test_near_pairs(total: list[float], happened: list[float], pairs: list[Any]) -> None:
    assert near_pairs(signals(total, happened), IDS, ROWS) == pairs


def test_what_is_superseded_is_left_to_the_lineages() -> None:
    lineages = lineages_of(np.array([0, 2, 0, 0, 0], np.int32), np.arange(5.0))
    found = signals([0, 0.9, 1, 0.95, 1], [0, 1, 2, 3, 4], order_of(lineages, False, ()))
    assert near_pairs(found, IDS, ROWS) == [(2, 3)]


def test_a_query_about_the_past_has_none() -> None:
    found = signals([0, 1, 0.9, 0, 1], [0, 10, 20, 30, 40], seeks_latest=False)
    assert near_pairs(found, IDS, ROWS) == []


def test_the_latest_of_several_comes_first_and_gains_no_more_than_the_most() -> None:
    found = signals([0, 1, 0.95, 0.9, 0.5], [0, 10, 20, 30, 40])
    add_recency(found, [(1, 2), (1, 3), (2, 3), (3, 4)])
    assert found.total.tolist() == pytest.approx([0, 1, 1.01, 1.02, 0.75])
    assert found.recency is not None
    assert found.recency.tolist() == pytest.approx([0, 0, 0.06, 0.12, 0.25])
