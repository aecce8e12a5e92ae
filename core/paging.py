"""Keyset paging: pages, their order, and cursors.

A cursor is the signed sort key of a row. Because of the signature, a cursor that the server did not
issue, or issued for another list, is rejected instead of silently paging from a wrong position.
Pages are delimited by sort keys, never by row counts, so rows that are added or removed between two
pages cause neither gaps nor repeats.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson

from core.errors import InvalidInput

DEFAULT_PAGE = 20
LARGEST_PAGE = 100

_MAC_BYTES = 9
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of a list: names of attributes of its rows, the last of which is unique."""

    name: str
    keys: tuple[str, ...]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A requested page: at most `limit` rows from one end, between two sort keys.

    `offset` rows are skipped, for clients that number pages instead of using cursors.
    """

    order: Order
    limit: int
    forward: bool
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None
    offset: int = 0


@dataclass(slots=True)
class Slice(Generic[T]):
    """The rows of a page in order, and whether more rows precede or follow them."""

    rows: list[T]
    has_next: bool
    has_previous: bool


def _signable(value: Any) -> Any:
    return ["t", value.isoformat()] if isinstance(value, datetime) else value


def _restored(value: Any) -> Any:
    return datetime.fromisoformat(value[1]) if isinstance(value, list) else value


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Cursors:
    """Encodes and decodes cursors, signed with a secret that all processes share."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(secret, person=b"cursors", digest_size=32).digest()

    def encode(self, order: Order, scope: str, row: Any) -> str:
        """Return the cursor of a row in the list that `order` and `scope` identify."""
        values = [_signable(getattr(row, key)) for key in order.keys]
        body = orjson.dumps([order.name, scope, *values])
        return _text(self._mac(body) + body)

    def decode(self, order: Order, scope: str, cursor: str, argument: str) -> tuple[Any, ...]:
        """Return the sort key in a cursor.

        Raises `InvalidInput` with the argument's name unless the cursor was issued for this list.
        """
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        # Base64 decoding ignores characters outside its alphabet, so the text is compared too.
        if not hmac.compare_digest(mac, self._mac(body)) or _text(raw) != cursor:
            raise InvalidInput("This is not a cursor that this server has issued.", argument)
        name, issued_for, *values = orjson.loads(body)
        if (name, issued_for) != (order.name, scope):
            raise InvalidInput(
                "This cursor belongs to another list, or to another order of it.", argument
            )
        return tuple(_restored(value) for value in values)

    def _mac(self, body: bytes) -> bytes:
        return hashlib.blake2b(body, key=self._key, digest_size=_MAC_BYTES).digest()


def page_from_arguments(
    cursors: Cursors,
    order: Order,
    scope: str,
    *,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    offset: int = 0,
) -> Page:
    """Return the page that the four Relay arguments request, without its first `offset` rows.

    Raises `InvalidInput` with the argument's name for sizes outside of 0 to 100, for `first`
    together with `last`, and for cursors that were not issued for this list.
    """
    if first is not None and last is not None:
        raise InvalidInput("Give either first or last, not both.", "last")
    for argument, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= LARGEST_PAGE:
            raise InvalidInput(f"{argument} must be between 0 and {LARGEST_PAGE}.", argument)
    limit = first if first is not None else last if last is not None else DEFAULT_PAGE
    return Page(
        order=order,
        limit=limit,
        forward=last is None,
        after=cursors.decode(order, scope, after, "after") if after is not None else None,
        before=cursors.decode(order, scope, before, "before") if before is not None else None,
        offset=offset,
    )


def slice_rows(rows: Sequence[T], page: Page) -> Slice[T]:
    """Return the slice of `page.limit` rows; `rows` has one row more if the list continues."""
    more = len(rows) > page.limit
    kept = list(rows[: page.limit])
    if page.forward:
        return Slice(kept, has_next=more, has_previous=page.after is not None or page.offset > 0)
    kept.reverse()
    return Slice(kept, has_next=page.before is not None, has_previous=more)
