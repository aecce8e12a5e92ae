"""The responses of mem0's `get_all`, parsed incrementally into records of the exchange format."""

from collections.abc import Iterator
from typing import Any

import ijson

from core.enums import MemoryState
from core.errors import InvalidInput
from core.exchange.checks import (
    Field,
    check_boolean,
    check_date,
    check_datetime,
    check_entity_name,
    check_name,
    checked_fields,
    error_at,
    list_check,
    optional,
    text_check,
)
from core.exchange.lines import MOST_CATEGORIES, NAMES
from core.timestamps import parse_datetime
from core.validation import LONGEST_TEXT, check_metadata

LARGEST_MEMORY = 2_000_000
_EXPECTED = 'expected the response of mem0\'s get_all: {"results": […]} or a list of memories'


def _moment(value: Any, *path: str | int) -> str:
    """Return a time in UTC.

    mem0 writes some times without an offset, which are in UTC, and some in seconds.
    """
    try:
        return parse_datetime(value).isoformat()
    except ValueError:
        return check_datetime(value, *path)


def _day(value: Any, *path: str | int) -> str:
    return check_date(value[:10] if isinstance(value, str) and "T" in value else value, *path)


_FIELDS = {
    "id": Field(check_name),
    "memory": optional(text_check(LONGEST_TEXT)),
    "text": optional(text_check(LONGEST_TEXT)),
    "user_id": optional(check_entity_name),
    "agent_id": optional(check_entity_name),
    "app_id": optional(check_entity_name),
    "run_id": optional(check_entity_name),
    "actor_id": optional(check_name),
    "role": optional(check_name),
    "metadata": optional(check_metadata, dict),
    "categories": optional(list_check(check_name, MOST_CATEGORIES), list),
    "immutable": optional(check_boolean, False),
    "timestamp": optional(_moment),
    "expiration_date": optional(_day),
    "created_at": Field(_moment),
    "updated_at": optional(_moment),
}


def checked_memory(value: Any) -> dict[str, Any]:
    """Return one of mem0's memories as a record of the exchange format, with its original id.

    Raises `InvalidInput` whose path names the field but not the number of the record.
    """
    fields = checked_fields(value, _FIELDS)
    text = fields["memory"] or fields["text"]
    if text is None:
        raise InvalidInput("This is missing.", "memory")
    names = (fields["user_id"], fields["agent_id"], fields["app_id"], fields["run_id"])
    if not any(names):
        raise InvalidInput("it must have at least one of user_id, agent_id, app_id and run_id.")
    memory = {
        "id": fields["id"],
        "text": text,
        **dict(zip(NAMES, names, strict=True)),
        "actor": fields["actor_id"],
        "role": fields["role"],
        "metadata": fields["metadata"],
        "categories": fields["categories"],
        "state": MemoryState.ACTIVE.name,
        "immutable": fields["immutable"],
        "version": 1,
        "timestamp": fields["timestamp"],
        "timestampUntil": None,
        "timestampPrecision": None,
        "expirationDate": fields["expiration_date"],
        "previousId": None,
        "successorId": None,
        "extendsId": None,
        "createdAt": fields["created_at"],
        "updatedAt": fields["updated_at"] or fields["created_at"],
    }
    empty: dict[str, Any] = {
        "concepts": [],
        "sources": [],
        "feedback": None,
        "history": None,
        "versions": [],
    }
    return {"type": "memory", "memory": memory, **empty}


class Mem0Reader:
    """Parses such a response incrementally; `number` is the number of memories so far."""

    def __init__(self) -> None:
        self.number = 0
        self._values: Any = ijson.sendable_list()
        self._parser: Any = None
        self._since_last = 0

    def feed(self, piece: bytes) -> list[tuple[int, dict[str, Any]]]:
        """Return the memories that the next piece completes, with their numbers.

        Raises `InvalidInput` with the number of the record and the field.
        """
        if self._parser is None:
            piece = piece.lstrip()
            if not piece:
                return []
            self._begin(piece[:1])
        self._since_last += len(piece)
        return list(self._send(piece))

    def close(self) -> list[tuple[int, dict[str, Any]]]:
        """Return an empty list. Raises `InvalidInput` if the file is incomplete or empty."""
        if self._parser is None:
            raise InvalidInput(f"The file is empty: {_EXPECTED}.", "body")
        try:
            self._parser.close()
        except ijson.JSONError:
            raise self._broken("it is cut off or not JSON") from None
        if not self.number:
            raise InvalidInput(f"There is no memory in the file: {_EXPECTED}.", "body")
        return []

    def _begin(self, first: bytes) -> None:
        prefixes = {b"[": "item", b"{": "results.item"}
        if first not in prefixes:
            raise InvalidInput(f"The file begins with neither {{ nor [: {_EXPECTED}.", "body")
        self._parser = ijson.items_coro(self._values, prefixes[first], use_float=True)

    def _send(self, piece: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
        try:
            self._parser.send(piece)
        except (ijson.JSONError, StopIteration) as error:
            is_long = "integer overflow" in str(error)
            reason = "it has an integer that does not fit into 64 bits"
            raise self._broken(reason if is_long else "it is not JSON") from None
        values, self._values[:] = list(self._values), []
        for value in values:
            self.number += 1
            try:
                yield self.number, checked_memory(value)
            except InvalidInput as error:
                raise error_at(error, f"Record {self.number}", "body", self.number) from None
        if values:
            self._since_last = 0
        elif self._since_last > LARGEST_MEMORY:
            raise self._broken(f"it has more than {LARGEST_MEMORY:,} bytes")

    def _broken(self, reason: str) -> InvalidInput:
        number = self.number + 1
        return InvalidInput(f"Record {number}: {reason}.", "body", number)
