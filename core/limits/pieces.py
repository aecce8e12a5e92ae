"""How responses are sent: in pieces, so that a client that does not read holds up one of them."""

from collections.abc import Iterator

PIECE_BYTES = 65_536
# The key, in a message of ASGI, of a text in UTF-8 to be sent over a WebSocket in fragments.
FRAGMENTED = "fragmented"


def pieces_of(data: bytes) -> Iterator[tuple[memoryview, bool]]:
    """Yield the pieces, each with whether it is the last one. There is at least one."""
    view = memoryview(data)
    for start in range(0, max(1, len(data)), PIECE_BYTES):
        yield view[start : start + PIECE_BYTES], start + PIECE_BYTES >= len(data)
