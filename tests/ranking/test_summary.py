"""What is central, what says the same, and how lines are shared out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.corpus import Floats
from ranking.summary import DUPLICATE_SIMILARITY, allot_lines, centrality, select_mmr


def unit(*rows: list[float]) -> Floats:
    vectors = np.array(rows, np.float32)
    normalised: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return normalised


# Three that are alike, the middle one most, and one that has nothing to do with them.
STAR = unit([1, 0.8, 0], [1, 0, 0], [1, -0.8, 0], [0, 0, 1])


def test_a_memory_like_many_others_is_central() -> None:
    central = centrality(STAR)
    assert central.argmax() == 1
    assert central[1] == 1
    assert central[0] == pytest.approx(central[2])
    assert 0 < central[0] < 1


def test_the_walk_is_that_of_the_paper() -> None:
    """The ranks are the eigenvector of the damped walk, found here by solving the equation."""
    vectors = unit([1, 0], [1, 0.5], [0, 1])
    cosines = (vectors @ vectors.T).astype(np.float64)
    cosines[cosines < 0.2] = 0
    walk = cosines / cosines.sum(axis=1, keepdims=True)
    ranks = np.linalg.solve(np.eye(3) - 0.85 * walk.T, np.full(3, 0.15 / 3))
    assert centrality(vectors) == pytest.approx(ranks / ranks.max(), abs=1e-5)


def test_strangers_are_all_as_central() -> None:
    assert centrality(unit([1, 0, 0], [0, 1, 0], [0, 0, 1])).tolist() == [1, 1, 1]
    assert centrality(np.zeros((0, 3), np.float32)).tolist() == []
    assert centrality(unit([1, 0])).tolist() == [1]


def test_the_next_one_is_unlike_the_first() -> None:
    central = np.array([0.9, 1, 0.8, 0.7], np.float32)
    # The second is the best, and the others of its kind lose to what is unlike it.
    assert select_mmr(STAR, central, [0, 1, 2, 3], [], 2) == [1, 3]
    assert select_mmr(STAR, central, [0, 1, 2, 3], [3], 1) == [1]
    assert select_mmr(STAR, central, [0, 2], [1], 5) == [0, 2]
    assert select_mmr(STAR, central, [], [1], 5) == []
    assert select_mmr(STAR, central, [0, 1], [], 0) == []


def test_a_summary_does_not_repeat_itself() -> None:
    vectors = unit([1, 0], [1, 0.01], [0, 1], [1, 0])
    central = np.array([0.5, 1, 0.1, 0.9], np.float32)
    assert select_mmr(vectors, central, [0, 1, 2, 3], [], 4) == [1, 2]
    assert select_mmr(vectors, central, [0, 3], [1], 4) == []


@given(
    rows=st.lists(st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), max_size=12),
    limit=st.integers(0, 6),
)
def test_no_two_that_are_chosen_say_the_same(rows: list[list[float]], limit: int) -> None:
    vectors = unit(*rows) if rows else np.zeros((0, 4), np.float32)
    central = centrality(vectors)
    chosen = select_mmr(vectors, central, range(len(rows)), [], limit)
    assert len(chosen) == len(set(chosen)) <= limit
    between = vectors[chosen] @ vectors[chosen].T
    assert (between[~np.eye(len(chosen), dtype=bool)] < DUPLICATE_SIMILARITY).all()
    if rows and limit:
        assert central[chosen[0]] == pytest.approx(1)
    assert select_mmr(vectors, central, range(len(rows)), [], limit) == chosen


@pytest.mark.parametrize(
    ("sizes", "given"),
    [
        ([], []),
        ([9], [5]),
        ([9, 2, 1], [5, 2, 1]),
        ([9] * 6, [5] * 6),
        ([9] * 7, [5, 5, 4, 4, 4, 4, 4]),
        ([1] * 40, [1] * 30 + [0] * 10),
    ],
)
def test_lines_go_round(sizes: list[int], given: list[int]) -> None:
    assert allot_lines(sizes, 5, 30) == given
