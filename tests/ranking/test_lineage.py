"""Lineages: who leads, what is inherited, and what stays behind, worked out by hand."""

import math

import numpy as np
import pytest

from ranking.lineage import NO_LINEAGES, Lineages, lineages_of, order_of, settle

# Row 1 was replaced by 2 and that by 3; 4 and 5 both by 6; 7 by nothing.
SUCCESSOR = np.array([0, 2, 3, 0, 6, 6, 0, 0], np.int32)
HAPPENED = np.array([0, 10, 20, 30, 5, 15, 25, 1], np.float64)


@pytest.fixture
def lineages() -> Lineages:
    return lineages_of(SUCCESSOR, HAPPENED)


def test_members_their_roots_and_when_they_held(lineages: Lineages) -> None:
    assert lineages.rows.tolist() == [1, 2, 3, 4, 5, 6]
    assert lineages.root.tolist() == [3, 3, 3, 6, 6, 6]
    assert lineages.depth.tolist() == [2, 1, 0, 1, 1, 0]
    assert lineages.since.tolist() == [-math.inf, 20, 30, -math.inf, -math.inf, 25]
    assert lineages.until.tolist() == [20, 30, math.inf, 25, 25, math.inf]


@pytest.mark.parametrize(
    ("about_past", "periods", "first", "second"),
    [
        pytest.param(False, (), [3, 2, 1], 6, id="what holds"),
        pytest.param(True, (), [2, 1, 3], 4, id="the past"),
        pytest.param(False, ((0, 9),), [1, 3, 2], 4, id="the first of all"),
        pytest.param(False, ((21, 24),), [2, 3, 1], 4, id="one in between"),
        pytest.param(True, ((40, 50),), [3, 2, 1], 6, id="a date decides"),
        pytest.param(False, ((20, 30),), [2, 3, 1], 6, id="up to its successor's moment"),
        pytest.param(False, ((0, 9), (21, 24)), [2, 1, 3], 4, id="two periods"),
    ],
)
def test_the_order(
    lineages: Lineages,
    about_past: bool,
    periods: tuple[tuple[float, float], ...],
    first: list[int],
    second: int,
) -> None:
    order = order_of(lineages, about_past, periods)
    assert order.rows.tolist()[:3] == first
    assert order.rows.tolist()[3] == second
    assert order.place.tolist() == [0, 1, 2, 0, 1, 2]


def test_each_inherits_from_those_behind_it_and_they_stay_behind(lineages: Lineages) -> None:
    """3 gets 2's .9, 2 and 1 come a step behind each; 6 has most itself, 5 nothing to inherit."""
    total = np.array([0, 0.7, 0.9, 0.2, 0.79, 0.1, 0.8, 0.5], np.float32)
    settled = settle(total, order_of(lineages, False, ()))
    assert settled.tolist() == pytest.approx([0, 0.7, 0.85, 0.9, 0.75, 0.1, 0.8, 0.5])
    past = settle(total, order_of(lineages, True, ()))
    assert past.tolist() == pytest.approx([0, 0.7, 0.9, 0.2, 0.8, 0.75, 0.7, 0.5])


def test_one_in_between_inherits_too() -> None:
    """Of 1, 2 and 3 only the first that was replaced fits: all stand before it, a step apart."""
    order = order_of(lineages_of(SUCCESSOR[:4], HAPPENED[:4]), False, ())
    settled = settle(np.array([0, 0.9, 0.1, 0.2], np.float32), order)
    assert settled.tolist() == pytest.approx([0, 0.8, 0.85, 0.9])


def test_without_lineages_nothing_changes() -> None:
    total = np.array([0, 0.5, 0.25], np.float32)
    order = order_of(NO_LINEAGES, True, ((0, 1),))
    assert settle(total, order).tolist() == total.tolist()
    assert order.relatives(np.array([1], np.int32)).tolist() == []


def test_relatives_are_all_of_a_lineage(lineages: Lineages) -> None:
    order = order_of(lineages, False, ())
    assert sorted(order.relatives(np.array([2, 7], np.int32)).tolist()) == [1, 2, 3]


def test_rows_that_replaced_each_other_in_a_circle_come_to_an_end() -> None:
    circle = lineages_of(np.array([0, 2, 1], np.int32), np.zeros(3))
    order = order_of(circle, False, ())
    assert sorted(order.rows.tolist()) == [1, 2]
    assert len(settle(np.ones(3, np.float32), order)) == 3
