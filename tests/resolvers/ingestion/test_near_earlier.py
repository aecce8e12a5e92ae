"""The near drafts before each draft are those that a comparison of all pairs finds."""

import numpy as np
import pytest

from language.likeness import number_forms, same_details
from resolvers.ingestion.deduplication import NEAR, comparable_earlier, near_earlier
from tests.language.likeness_labelled import OTHER, SAME
from tests.language.unseen_pairs import MERGING


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 700])
def test_near_earlier_finds_what_a_comparison_of_all_pairs_finds(count: int) -> None:
    chance = np.random.default_rng(count)
    # Eight directions with noise: pairs of one direction are near, if the noise is small.
    directions = np.eye(8, dtype=np.float32)[chance.integers(0, 8, count)]
    vectors = directions + chance.normal(0, 0.08, (count, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = [
        [other for other in range(row) if float(vectors[other] @ vectors[row]) >= NEAR]
        for row in range(count)
    ]
    assert count < 255 or 0 < sum(map(len, expected)) < count * (count - 1) / 2
    assert near_earlier(vectors) == expected


def test_texts_with_other_numbers_are_not_compared() -> None:
    texts = [
        "I have two cats.",
        "I have 3 cats.",
        "I have 2 cats.",
        "I have a cat.",
        "I own 2 cats.",
    ]
    vectors = np.ones((len(texts), 1), np.float32)
    assert comparable_earlier(texts, vectors) == [[], [], [0], [], [0, 2]]


def test_texts_that_are_the_same_have_the_same_numbers() -> None:
    pairs = [(pair[0], pair[1]) for pair in (*SAME, *OTHER, *MERGING)]
    same = [pair for pair in pairs if same_details(*pair)]
    assert len(same) > 50
    for one, other in same:
        assert sorted(number_forms(one)) == sorted(number_forms(other))
