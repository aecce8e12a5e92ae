"""Late interaction, by numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking.late import Tokens, maxsim, shrink, unit_rows

X, Y, BETWEEN, BACK = (1.0, 0.0), (0.0, 1.0), (0.6, 0.8), (-1.0, 0.0)
Vector = tuple[float, float]


def text(*tokens: tuple[int, Vector]) -> tuple[Tokens, np.ndarray]:
    """Return a text of tokens, each with its unit vector."""
    states = np.array([state for _, state in tokens], np.float32).reshape(len(tokens), 2)
    return tuple(token for token, _ in tokens), states


# What a token tells among two memories: when both have it, one, or none.
BOTH, ONE, NONE = math.log(1 + 0.5 / 2.5), math.log(1 + 1.5 / 1.5), math.log(1 + 2.5 / 0.5)
QUERY = text((1, X), (2, Y))


@pytest.mark.parametrize(
    ("memories", "expected"),
    [
        pytest.param([text((1, X), (2, Y))], [1], id="the same"),
        pytest.param([text((2, Y), (1, X))], [1], id="in another order"),
        pytest.param([text((1, X), (2, Y), (3, BACK))], [1], id="and more"),
        pytest.param([text((7, X)), text((8, X))], [0.5, 0.5], id="half, of equal weights"),
        pytest.param([text((7, BETWEEN)), text((8, X))], [0.7, 0.5], id="near both"),
        pytest.param(
            [text((1, X), (2, Y)), text((1, X))],
            [1, BOTH / (BOTH + ONE)],
            id="what both have tells less",
        ),
        pytest.param(
            [text((1, X)), text((3, Y))],
            [ONE / (ONE + NONE), NONE / (ONE + NONE)],
            id="what none has tells most",
        ),
        pytest.param(
            [text((1, BACK)), text((1, BACK), (1, BETWEEN), (1, BETWEEN))],
            [
                (-1 * BOTH + 0 * NONE) / (BOTH + NONE),
                (0.6 * BOTH + 0.8 * NONE) / (BOTH + NONE),
            ],
            id="a token twice in a memory counts once",
        ),
        pytest.param([text(), text((1, X), (2, Y))], [0, 1], id="a memory without tokens"),
        pytest.param([], [], id="no memories"),
    ],
)
def test_a_memory_meets_the_query(
    memories: list[tuple[Tokens, np.ndarray]], expected: list[float]
) -> None:
    found = maxsim(QUERY, memories)
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_a_token_twice_in_the_query_counts_twice() -> None:
    found = maxsim(text((1, X), (1, X), (2, Y)), [text((7, X)), text((8, Y))])
    assert found.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_a_query_without_tokens_meets_nothing() -> None:
    assert maxsim(text(), [text((1, X)), text()]).tolist() == [0, 0]


def test_the_least_is_the_opposite() -> None:
    assert maxsim(text((1, X)), [text((2, BACK))]).tolist() == pytest.approx([-1])


ANGLES = st.floats(0, 2 * math.pi).map(lambda angle: (math.cos(angle), math.sin(angle)))
TEXTS = st.lists(st.tuples(st.integers(0, 5), ANGLES), max_size=6).map(lambda all: text(*all))


def by_loops(
    query: tuple[Tokens, np.ndarray], memory: tuple[Tokens, np.ndarray], all: list
) -> float:
    """Return the same, token by token."""
    found = total = 0.0
    for token, state in zip(*query, strict=True):
        n = sum(token in others for others, _ in all)
        weight = math.log(1 + (len(all) - n + 0.5) / (n + 0.5))
        found += weight * max((float(state @ other) for other in memory[1]), default=0.0)
        total += weight
    return found / total if total else 0.0


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=5))
def test_any_texts(query: tuple[Tokens, np.ndarray], memories: list) -> None:
    found = maxsim(query, memories)
    expected = [by_loops(query, memory, memories) for memory in memories]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)
    assert all(-1 - 1e-6 <= each <= 1 + 1e-6 for each in found)


@pytest.mark.parametrize(
    ("values", "fade", "expected"),
    [
        pytest.param([0.2, 0.4, 0.9], [1, 1, 1], [0.2, 0.4, 0.9], id="short"),
        pytest.param([0.2, 0.4, 0.9], [0.5, 1, 0.2], [0.35, 0.4, 0.58], id="long"),
        pytest.param([0.7], [0.01], [0.7], id="alone"),
        pytest.param([], [], [], id="none"),
    ],
)
def test_long_texts_are_drawn_towards_the_mean(
    values: list[float], fade: list[float], expected: list[float]
) -> None:
    found = shrink(np.array(values, np.float32), np.array(fade, np.float32))
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx(expected)


def test_rows_are_scaled_to_one() -> None:
    found = unit_rows(np.array([[127, 0], [-3, 4], [0, 0]], np.int8))
    assert found.tolist() == [pytest.approx(row) for row in ([1, 0], [-0.6, 0.8], [0, 0])]
    assert unit_rows(np.zeros((0, 2), np.int8)).shape == (0, 2)
