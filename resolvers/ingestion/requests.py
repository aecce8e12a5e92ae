"""Requests to add memories, and their JSON form, which is stored until the job runs."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType
from core.errors import InvalidInput
from core.turn import Turn
from core.validation import LONGEST_TEXT, check_storable
from resolvers.memories.creation import NewMemories
from resolvers.tenancy.projects import check_categories


@dataclass(frozen=True, slots=True)
class ExtractionOptions:
    """The options of one extraction; None means the setting of the project."""

    instructions: str | None = None
    agent_instructions: str | None = None
    categories: list[dict[str, Any]] | None = None
    includes: str | None = None
    excludes: str | None = None


_TEXTS = {
    "customInstructions": "instructions",
    "agentCustomInstructions": "agent_instructions",
    "includes": "includes",
    "excludes": "excludes",
}


@dataclass(frozen=True, slots=True)
class AddRequest:
    """A conversation to store as memories.

    With `infer`, a job extracts facts from it, and the call may `wait` until the job has finished.
    Without it, each message becomes one memory. `idempotency_key` makes the call safe to repeat.
    `notes` are sentences for the caller on messages that were read in part or not at all.
    `timezone` is where the speakers are, as an IANA name.
    """

    turns: Sequence[Turn]
    new: NewMemories
    infer: bool = True
    options: ExtractionOptions = ExtractionOptions()
    wait: bool = True
    idempotency_key: str | None = None
    notes: Sequence[str] = ()
    timezone: str | None = None

    def observed_at(self, received_at: datetime) -> datetime:
        """Return when turns without a timestamp were said, in the time zone of the speakers.

        Without a timestamp of the request, that is when it was received.
        """
        if self.new.timestamp is not None or self.timezone is None:
            return self.new.timestamp or received_at
        return received_at.astimezone(ZoneInfo(self.timezone))

    def check(self) -> None:
        """Raise `InvalidInput` for options that cannot be stored."""
        for name, attribute in _TEXTS.items():
            text = getattr(self.options, attribute)
            if text is not None:
                check_storable(text, "input", name, longest=LONGEST_TEXT)
        if self.options.categories is not None:
            check_categories(self.options.categories, "input", "customCategories")

    def check_length(self, limit: int) -> None:
        """Raise `InvalidInput` if the messages have more than `limit` characters together."""
        length = sum(len(turn.content) for turn in self.turns)
        if length > limit:
            raise InvalidInput(
                f"The messages of one call must have at most {limit:,} characters together, they "
                f"have {length:,}: send them in several calls.",
                "input",
                "messages",
            )

    def as_json(self) -> dict[str, Any]:
        """Return every parameter that affects the memories, by its name in the API."""
        messages = [
            _without_nulls(
                role=turn.role,
                name=turn.name,
                content=turn.content,
                timestamp=_isoformat(turn.timestamp),
            )
            for turn in self.turns
        ]
        return {"messages": messages, **self._options()}

    def as_record(self) -> dict[str, Any]:
        """Return the same without the messages, which verbatim memories repeat."""
        return {"messageCount": len(self.turns), **self._options()}

    def _options(self) -> dict[str, Any]:
        new, options = self.new, self.options
        return _without_nulls(
            infer=self.infer,
            **{ENTITY_FIELDS[type]: name for type, name in new.entities.items()},
            metadata=new.metadata,
            timestamp=_isoformat(new.timestamp),
            timezone=self.timezone,
            expirationDate=_isoformat(new.expiration_date),
            immutable=new.immutable,
            customCategories=options.categories,
            **{name: getattr(options, attribute) for name, attribute in _TEXTS.items()},
        )


def request_from_json(stored: Mapping[str, Any]) -> AddRequest:
    """Return the request whose JSON form `as_json` returned."""
    turns = [
        Turn(
            message["role"],
            message["content"],
            message.get("name"),
            _moment(message.get("timestamp")),
        )
        for message in stored["messages"]
    ]
    until = stored.get("expirationDate")
    new = NewMemories(
        entities={type: stored[name] for type, name in ENTITY_FIELDS.items() if name in stored},
        metadata=stored.get("metadata"),
        timestamp=_moment(stored.get("timestamp")),
        expiration_date=date.fromisoformat(until) if until else None,
        immutable=stored["immutable"],
    )
    options = ExtractionOptions(
        categories=stored.get("customCategories"),
        **{attribute: stored.get(name) for name, attribute in _TEXTS.items()},
    )
    return AddRequest(turns, new, stored["infer"], options, timezone=stored.get("timezone"))


def turns_from_json(stored: Mapping[str, Any], received_at: datetime) -> list[Turn]:
    """Return the messages of an operation's input, or an empty list if they are not stored.

    Each has the time when it was said.
    """
    if "messages" not in stored:
        return []
    request = request_from_json(stored)
    said_at = request.observed_at(received_at)
    return [replace(turn, timestamp=turn.timestamp or said_at) for turn in request.turns]


def conversation_scope(project_id: str, entities: Mapping[EntityType, str]) -> str:
    """Return the key of a conversation: a hexadecimal SHA-256 of the project and entity names."""
    parts = (entities.get(type, "") for type in ENTITY_FIELDS)
    return hashlib.sha256("\0".join((project_id, *parts)).encode()).hexdigest()


def _without_nulls(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _isoformat(moment: date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
