"""Decay, by numbers worked out by hand from f = 0.3 + 1.2 / (1 + (d / 2.2) ^ 1.09)."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.decay import DAY_SECONDS, decay_factor, decayed_relevance

NOW = 1.7e9
# Ages in days and what a score is multiplied by, worked out with awk; 22 days make 10 ^ 1.09.
FACTORS = {0.01: 1.496652, 0.22: 1.409793, 1: 1.143047, 2.2: 0.9, 10: 0.493266, 22: 0.390207}


def ago(*days: float) -> list[float]:
    """Return the moments so many days ago."""
    return [NOW - day * DAY_SECONDS for day in days]


@pytest.mark.parametrize(("age", "expected"), FACTORS.items())
def test_a_memory_fades_with_its_age(age: float, expected: float) -> None:
    assert decay_factor([], *ago(age), NOW) == pytest.approx(expected, abs=1e-6)
    assert decay_factor(ago(age), NOW, NOW) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("touches", "age"),
    [
        pytest.param([4.4, 4.4], 2.2, id="two of an age count for half of it"),
        pytest.param([2, 2], 1, id="two of two days for one of one"),
        pytest.param([20] * 20, 1, id="twenty of twenty days for one of one"),
        pytest.param([3.3, 6.6], 2.2, id="1 / (1/3.3 + 1/6.6)"),
        pytest.param([2, 3, 6], 1, id="1 / (1/2 + 1/3 + 1/6)"),
        pytest.param([6, 2, 3], 1, id="in any order"),
    ],
)
def test_touches_add_up_by_the_reciprocals_of_their_ages(touches: list[float], age: float) -> None:
    expected = decay_factor([], *ago(age), NOW)
    assert decay_factor(ago(*touches), NOW - 900 * DAY_SECONDS, NOW) == pytest.approx(expected)
    assert expected == pytest.approx(FACTORS[age], abs=1e-6)


@pytest.mark.parametrize("age", [0, 0.001, 0.01, -0.5, -400])
def test_no_touch_is_younger_than_the_floor(age: float) -> None:
    assert decay_factor(ago(age), NOW, NOW) == pytest.approx(FACTORS[0.01], abs=1e-6)


def test_the_floor_is_of_each_touch() -> None:
    assert decay_factor(ago(0, 0), NOW, NOW) == decay_factor(ago(0.01, 0.01), NOW, NOW)
    assert decay_factor(ago(0, 0), NOW, NOW) > decay_factor(ago(0), NOW, NOW)


def test_without_touches_the_floor_holds_too() -> None:
    assert decay_factor([], NOW, NOW) == decay_factor([], *ago(0.01), NOW)
    assert decay_factor([], *ago(0.005), NOW) == decay_factor([], *ago(0.01), NOW)


@pytest.mark.parametrize("days", [1e-9, 1, 10_000])
def test_future_memories_do_not_decay(days: float) -> None:
    assert decay_factor([], NOW + days * DAY_SECONDS, NOW) == 1.0


def test_a_touch_counts_more_than_what_is_still_to_come() -> None:
    assert decay_factor(ago(2.2), NOW + DAY_SECONDS, NOW) == pytest.approx(0.9)


def test_it_falls_with_the_age() -> None:
    ages = [0.01 * 1.5**n for n in range(40)]
    for factors in (
        [decay_factor([], *ago(age), NOW) for age in ages],
        [decay_factor(ago(age, 7), NOW, NOW) for age in ages],
    ):
        assert all(younger > older for younger, older in pairwise(factors))


MOMENTS = st.floats(-1e11, 1e11)


@given(st.lists(MOMENTS, max_size=20), MOMENTS, MOMENTS)
def test_it_stays_within_its_bounds(touches: list[float], otherwise: float, moment: float) -> None:
    assert 0.3 < decay_factor(touches, otherwise, moment) < 1.5


@given(st.lists(st.floats(0, 1e4), max_size=19), st.floats(0, 1e4))
def test_another_touch_never_lowers_it(ages: list[float], another: float) -> None:
    former = decay_factor(ago(*ages), *ago(1e4), NOW)
    assert decay_factor(ago(*ages, another), *ago(1e4), NOW) >= former


@pytest.mark.parametrize(
    ("total", "factor", "expected"),
    [(0.8, 1, 0.5), (0.8, 1.5, 0.75), (0.8 + math.log(3) / 2, 0.4, 0.3)],
)
def test_decay_multiplies_a_logistic_function_of_the_sum(
    total: float, factor: float, expected: float
) -> None:
    assert decayed_relevance(total, factor) == pytest.approx(expected)
