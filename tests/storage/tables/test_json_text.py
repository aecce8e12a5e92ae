"""JSON as stored in a database: numbers that SQLite and PostgreSQL read alike."""

import json
from typing import Any

import pytest

from storage.tables.columns import json_text


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"n": 1e16, "deep": [{"m": -5e17}]}, {"n": 10**16, "deep": [{"m": -5 * 10**17}]}),
        ([1.8e19, 1e300], [18 * 10**18, 1e300]),
        # Smaller numbers are written without exponent; larger ones exceed 64-bit integers.
        ([1e15, 1.5, 0.0], [1e15, 1.5, 0.0]),
        ([-1e19, 2.0**64], [-1e19, 2.0**64]),
        ("about 1e16 of them", "about 1e16 of them"),
        ({"ok": True}, {"ok": True}),
    ],
)
def test_whole_numbers_have_no_exponent(value: Any, kept: Any) -> None:
    # 1e16 and 10**16 are equal in Python, but are written differently.
    assert repr(json.loads(json_text(value))) == repr(kept)
