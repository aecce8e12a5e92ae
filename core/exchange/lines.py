"""The exchange format: the JSON Lines of exports and imports.

A checked record is plain JSON in a normalised form, so that it can be stored in a table until it is
imported: times are in UTC, every field is present, unknown fields are dropped.
"""

from collections import Counter
from typing import Any

import orjson

from core.enums import EntityType, FeedbackValue, MemoryState
from core.errors import InvalidInput
from core.events import HistoryEventType
from core.exchange.checks import (
    MOST_OFFSET,
    Field,
    check_boolean,
    check_date,
    check_datetime,
    check_entity_name,
    check_id,
    check_name,
    check_object,
    check_storable_object,
    checked_fields,
    enum_check,
    error_at,
    list_check,
    number_check,
    object_check,
    optional,
    text_check,
)
from core.json_bodies import parse_json
from core.validation import LONGEST_TEXT, check_metadata

FORMAT = 1
# A memory is one line with its whole history: room for some fifty versions of the longest text.
LARGEST_LINE = 16_000_000
NAMES = ("userId", "agentId", "appId", "runId")
MOST_CATEGORIES = 1_000
_PRECISIONS = ("YEAR", "MONTH", "DAY", "TIME")
_LONGEST_REASON = LONGEST_TEXT
_KINDS = {"entity": "entities", "memory": "memories", "deletedMemory": "deletedMemories"}

_a_text = text_check(LONGEST_TEXT)
_MEMORY = {
    "id": Field(check_id),
    "text": Field(_a_text),
    **{name: optional(check_entity_name) for name in NAMES},
    "actor": optional(check_name),
    "role": optional(check_name),
    "metadata": optional(check_metadata, dict),
    "categories": optional(list_check(check_name, MOST_CATEGORIES), list),
    "state": optional(enum_check(MemoryState), MemoryState.ACTIVE.name),
    "immutable": optional(check_boolean, False),
    "version": optional(number_check(1), 1),
    "timestamp": optional(check_datetime),
    "timestampUntil": optional(check_datetime),
    "timestampPrecision": optional(enum_check(_PRECISIONS)),
    "expirationDate": optional(check_date),
    "previousId": optional(check_id),
    "successorId": optional(check_id),
    "extendsId": optional(check_id),
    "createdAt": Field(check_datetime),
    "updatedAt": Field(check_datetime),
}
_SOURCE = {
    "id": Field(check_id),
    "role": Field(check_name),
    "name": optional(check_name),
    "content": Field(_a_text),
    "timestamp": optional(check_datetime),
    "utcOffsetMinutes": optional(number_check(-MOST_OFFSET, MOST_OFFSET)),
    "createdAt": Field(check_datetime),
}
_FEEDBACK = {
    "value": Field(enum_check(FeedbackValue)),
    "reason": optional(text_check(_LONGEST_REASON, blank=True)),
    "updatedAt": Field(check_datetime),
}
_EVENT = {
    "id": Field(check_id),
    "version": Field(number_check(1)),
    "type": Field(enum_check(HistoryEventType)),
    "oldText": optional(_a_text),
    "newText": optional(_a_text),
    "before": optional(check_storable_object),
    "after": optional(check_storable_object),
    "actor": Field(check_name),
    "operationId": optional(check_id),
    "createdAt": Field(check_datetime),
}
_PAST = {
    "history": optional(list_check(object_check(_EVENT))),
    "versions": optional(
        list_check(object_check({**_MEMORY, "endedAt": Field(check_datetime)})), list
    ),
}
_LINES = {
    "export": {"format": Field(lambda value, *path: _known_format(value, *path))},
    "entity": {
        "entityType": Field(enum_check(EntityType)),
        "name": Field(check_entity_name),
        "metadata": optional(check_metadata, dict),
        "createdAt": Field(check_datetime),
        "updatedAt": Field(check_datetime),
    },
    "memory": {
        "memory": Field(object_check(_MEMORY)),
        "concepts": optional(list_check(check_name), list),
        "sources": optional(list_check(object_check(_SOURCE)), list),
        "feedback": optional(object_check(_FEEDBACK)),
        **_PAST,
    },
    "deletedMemory": {"id": Field(check_id), **_PAST},
    "end": {name: Field(number_check(0)) for name in _KINDS.values()},
}


def _known_format(value: Any, *path: str | int) -> Any:
    if value != FORMAT or isinstance(value, bool):
        raise InvalidInput(f"This must be {FORMAT}, the format that this server reads.", *path)
    return value


def checked_line(line: bytes) -> dict[str, Any]:
    """Return the record of a line in normalised form, with its `type`.

    Raises `InvalidInput` whose path names the field but not the line.
    """
    try:
        record = check_object(parse_json(line))
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"it is not JSON: {error.msg}.") from None
    except InvalidInput:
        raise InvalidInput("it must be a JSON object.") from None
    kind = enum_check(tuple(_LINES))(record.get("type"), "type")
    checked = {"type": kind, **checked_fields(record, _LINES[kind])}
    if kind == "memory":
        _check_past(checked, checked["memory"]["id"], checked["memory"]["version"])
        _check_entities(checked["memory"], "memory")
    elif kind == "deletedMemory":
        _check_past(checked, checked["id"], None)
    return checked


def _check_entities(memory: dict[str, Any], *path: str | int) -> None:
    if not any(memory[name] for name in NAMES):
        raise InvalidInput(
            "This must have at least one of userId, agentId, appId and runId.", *path
        )


def _check_past(record: dict[str, Any], id: str, current: int | None) -> None:
    """Raise `InvalidInput` for past versions that contradict each other or the memory."""
    seen: set[int] = set()
    for position, version in enumerate(record["versions"]):
        at = ("versions", position)
        if version["id"] != id:
            raise InvalidInput("This must be the id of the memory.", *at, "id")
        number = version["version"]
        if number in seen or (current is not None and number >= current):
            raise InvalidInput(
                "This must be a unique number below the version of the memory.", *at, "version"
            )
        seen.add(number)
        _check_entities(version, *at)


class LineReader:
    """Parses a file of the format incrementally; see `feed` and `close`.

    `number` is the number of the last line that was read; records are identified by it.
    """

    def __init__(self) -> None:
        self.number = 0
        self._rest = bytearray()
        self._seen: Counter[str] = Counter()
        self._is_begun = False
        self._is_over = False

    def feed(self, piece: bytes) -> list[tuple[int, dict[str, Any]]]:
        """Return the records that the next piece of the file completes, with their line numbers.

        Raises `InvalidInput` with the line and the field.
        """
        self._rest += piece
        lines: list[bytearray] = []
        if b"\n" in piece:
            *lines, self._rest = self._rest.split(b"\n")
        records = [record for line in lines for record in self._line(bytes(line))]
        if len(self._rest) > LARGEST_LINE:
            self._line(bytes(self._rest))
        return records

    def close(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the records that the end of the file completes.

        Raises `InvalidInput` if the file is incomplete, or as `feed` does.
        """
        last, self._rest = bytes(self._rest), bytearray()
        if not last.strip():
            if not self._is_over:
                raise self._cut_off()
            return []
        try:
            records = list(self._line(last))
        except InvalidInput:
            if self._is_begun and not self._is_over:
                raise self._cut_off() from None
            raise
        if not self._is_over:
            raise self._cut_off()
        return records

    def _cut_off(self) -> InvalidInput:
        return InvalidInput(
            f"The file is cut off: its last line, after line {self.number}, must be of type end.",
            "body",
        )

    def _line(self, line: bytes) -> list[tuple[int, dict[str, Any]]]:
        self.number += 1
        try:
            if len(line) > LARGEST_LINE:
                raise InvalidInput(f"it must have at most {LARGEST_LINE:,} bytes.")
            return self._record(line) if line.strip() else []
        except InvalidInput as error:
            raise error_at(error, f"Line {self.number}", "body", self.number) from None

    def _record(self, line: bytes) -> list[tuple[int, dict[str, Any]]]:
        if self._is_over:
            raise InvalidInput("no line may follow the line of type end.")
        record = checked_line(line)
        kind = record["type"]
        if (kind == "export") is self._is_begun:
            raise InvalidInput("only the first line must be of type export.")
        self._is_begun = True
        if kind == "end":
            self._check_end(record)
        if kind not in _KINDS:
            return []
        self._seen[_KINDS[kind]] += 1
        return [(self.number, record)]

    def _check_end(self, record: dict[str, Any]) -> None:
        for name in _KINDS.values():
            if record[name] != self._seen[name]:
                raise InvalidInput(
                    f"This must be {self._seen[name]:,}, the number of lines before it: the file "
                    "is damaged.",
                    name,
                )
        self._is_over = True
