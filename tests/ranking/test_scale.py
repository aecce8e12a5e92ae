"""The scale of the score: a fixed map of sums that keeps the order, as docs/search.md prints it."""

import math
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ranking.scale import PLAIN_SCALE, RERANK_SCALE, Scale

DOCS = Path(__file__).parents[2] / "docs" / "search.md"
SCALES = {"PLAIN": PLAIN_SCALE, "RERANK": RERANK_SCALE}


@pytest.mark.parametrize(
    ("total", "expected"),
    [
        pytest.param(0.25, 0.75, id="at the bend, where the odds are 3 to 1"),
        pytest.param(0.25 - math.log(3) / 10, 0.5, id="under it, at 10 per unit"),
        pytest.param(0.25 - math.log(9) / 10, 0.25, id="further under it"),
        pytest.param(0.25 + math.log(3) / 2, 0.9, id="over it, at 2 per unit"),
    ],
)
def test_a_score_by_hand(total: float, expected: float) -> None:
    scale = Scale(bend=0.25, log_odds=math.log(3), below=10, above=2)
    assert scale.score(total) == pytest.approx(expected)


def test_a_query_that_the_embedder_does_not_know_needs_a_smaller_sum() -> None:
    scale = Scale(bend=0.25, log_odds=math.log(3), below=10, above=2)
    assert scale.score(0.15, known=0) == pytest.approx(0.75)
    assert scale.score(0.2, known=0.5) == pytest.approx(0.75)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@given(one=st.floats(-1, 5), other=st.floats(-1, 5))
def test_the_order_is_kept(scale: Scale, one: float, other: float) -> None:
    assume(abs(one - other) > 1e-6)
    low, high = sorted((one, other))
    assert 0 < scale.score(low) < scale.score(high) < 1


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_no_sum_is_out_of_range(scale: Scale) -> None:
    assert (scale.score(-1e6), scale.score(1e6)) == (0, 1)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_the_documented_constants_are_these(scale: Scale) -> None:
    """The formula can only be followed with the constants that the server has."""
    row = f"{scale.bend:g} | {scale.log_odds:g} | {scale.below:g} | {scale.above:g} |"
    assert row in DOCS.read_text(encoding="utf-8")
