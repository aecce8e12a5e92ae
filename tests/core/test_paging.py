"""Cursors: they carry any sort key, and only those we issued are taken."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.paging import Cursors, Order

CURSORS = Cursors(b"a secret of the tests")
ORDER = Order("things", ("value", "id"))


@dataclass
class Row:
    """Something with a sort key."""

    value: Any
    id: str = "an id"


VALUES = st.one_of(
    st.integers(-(2**53), 2**53),
    st.text(st.characters(codec="utf-8")),
    st.datetimes(timezones=st.just(UTC)),
)


@given(VALUES)
def test_a_cursor_carries_its_sort_key(value: object) -> None:
    cursor = CURSORS.encode(ORDER, "scope", Row(value))
    assert CURSORS.decode(ORDER, "scope", cursor, "after") == (value, "an id")


@given(st.text())
def test_foreign_cursors_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        CURSORS.decode(ORDER, "scope", text, "after")
    assert refusal.value.path == ("after",)


@given(st.integers(0), st.integers(0, 255))
def test_a_changed_cursor_is_refused(position: int, byte: int) -> None:
    cursor = CURSORS.encode(ORDER, "scope", Row(datetime(2026, 3, 1, tzinfo=UTC)))
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    position %= len(raw)
    if raw[position] == byte:
        byte = (byte + 1) % 256
    raw[position] = byte
    forged = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(InvalidInput):
        CURSORS.decode(ORDER, "scope", forged, "after")


@pytest.mark.parametrize("noise", ["=", "\n", "!", " "])
def test_a_cursor_with_noise_around_it_is_refused(noise: str) -> None:
    cursor = CURSORS.encode(ORDER, "scope", Row(1))
    for text in (cursor + noise, noise + cursor):
        with pytest.raises(InvalidInput):
            CURSORS.decode(ORDER, "scope", text, "after")


@pytest.mark.parametrize(
    ("order", "scope", "secret"),
    [
        pytest.param(Order("others", ("value", "id")), "scope", b"a secret", id="another order"),
        pytest.param(ORDER, "elsewhere", b"a secret", id="another list"),
        pytest.param(ORDER, "scope", b"another secret", id="another server"),
    ],
)
def test_a_cursor_belongs_to_one_list(order: Order, scope: str, secret: bytes) -> None:
    cursor = Cursors(b"a secret").encode(ORDER, "scope", Row(1))
    assert Cursors(b"a secret").decode(ORDER, "scope", cursor, "before") == (1, "an id")
    with pytest.raises(InvalidInput):
        Cursors(secret).decode(order, scope, cursor, "before")
