"""The depth of JSON that comes in pieces."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TooComplex
from core.exchange.nesting import NestingCounter

TEXTS = st.text(alphabet='a"\\[]{}', max_size=6)
VALUES = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(value=VALUES, sizes=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_the_depth_is_that_of_the_values(value: object, sizes: list[int]) -> None:
    text, depth = json.dumps(value).encode(), depth_of(value)

    def feed(most: int) -> None:
        counter, start, turn = NestingCounter(most), 0, 0
        while start < len(text):
            size = sizes[turn % len(sizes)]
            counter.feed(text[start : start + size])
            start, turn = start + size, turn + 1

    feed(depth)
    if depth:
        with pytest.raises(TooComplex):
            feed(depth - 1)


def test_each_value_begins_at_the_top() -> None:
    counter = NestingCounter(2)
    for _ in range(100):
        counter.feed(b'{"a": [1, 2]}\n')
    with pytest.raises(TooComplex):
        counter.feed(b'{"a": [{}]}')
