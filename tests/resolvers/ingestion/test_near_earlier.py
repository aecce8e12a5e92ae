"""The near drafts before each draft are those that a comparison of all pairs finds."""

import numpy as np
import pytest

from resolvers.ingestion.deduplication import NEAR, near_earlier


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
