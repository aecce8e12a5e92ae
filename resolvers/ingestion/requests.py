"""What a call to add memories asks for, also as JSON: so it waits in the database for its job."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType
from core.turn import Turn
from core.validation import LONGEST_TEXT, check_storable
from resolvers.memories.creation import NewMemories
from resolvers.tenancy.projects import check_categories


@dataclass(frozen=True, slots=True)
class ExtractionOptions:
    """What the extraction is asked for in one call; None leaves it to the project."""

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
    """A conversation to remember.

    With `infer` facts are drawn from it by a job, for whose end the call may `wait`; without, each
    message is one memory. `idempotency_key` makes the call safe to repeat.
    """

    turns: Sequence[Turn]
    new: NewMemories
    infer: bool = True
    options: ExtractionOptions = ExtractionOptions()
    wait: bool = True
    idempotency_key: str | None = None

    def check(self) -> None:
        """Raise `InvalidInput` for wishes that cannot be kept."""
        for name, attribute in _TEXTS.items():
            text = getattr(self.options, attribute)
            if text is not None:
                check_storable(text, "input", name, longest=LONGEST_TEXT)
        if self.options.categories is not None:
            check_categories(self.options.categories, "input", "customCategories")

    def as_json(self) -> dict[str, Any]:
        """Return all that decides what is remembered, by the names it has in the API."""
        messages = [
            _without_nulls(
                role=turn.role,
                name=turn.name,
                content=turn.content,
                timestamp=_text(turn.timestamp),
            )
            for turn in self.turns
        ]
        return {"messages": messages, **self._options()}

    def as_record(self) -> dict[str, Any]:
        """Return the same without the messages, which the memories of a direct import repeat."""
        return {"messageCount": len(self.turns), **self._options()}

    def _options(self) -> dict[str, Any]:
        new, wishes = self.new, self.options
        return _without_nulls(
            infer=self.infer,
            **{ENTITY_FIELDS[type]: name for type, name in new.entities.items()},
            metadata=new.metadata,
            timestamp=_text(new.timestamp),
            expirationDate=_text(new.expiration_date),
            immutable=new.immutable,
            customCategories=wishes.categories,
            **{name: getattr(wishes, attribute) for name, attribute in _TEXTS.items()},
        )


def request_from_json(kept: Mapping[str, Any]) -> AddRequest:
    """Return the request that `as_json` wrote."""
    turns = [
        Turn(
            message["role"],
            message["content"],
            message.get("name"),
            _moment(message.get("timestamp")),
        )
        for message in kept["messages"]
    ]
    until = kept.get("expirationDate")
    new = NewMemories(
        entities={type: kept[name] for type, name in ENTITY_FIELDS.items() if name in kept},
        metadata=kept.get("metadata"),
        timestamp=_moment(kept.get("timestamp")),
        expiration_date=date.fromisoformat(until) if until else None,
        immutable=kept["immutable"],
    )
    wishes = ExtractionOptions(
        categories=kept.get("customCategories"),
        **{attribute: kept.get(name) for name, attribute in _TEXTS.items()},
    )
    return AddRequest(turns, new, kept["infer"], wishes)


def turns_from_json(kept: Mapping[str, Any]) -> list[Turn]:
    """Return the messages of an operation's input, none if they are not kept."""
    return list(request_from_json(kept).turns) if "messages" in kept else []


def conversation_scope(project_id: str, entities: Mapping[EntityType, str]) -> str:
    """Return a digest of a project and entities by name: the conversation they make together."""
    parts = (entities.get(type, "") for type in ENTITY_FIELDS)
    return hashlib.sha256("\0".join((project_id, *parts)).encode()).hexdigest()


def _without_nulls(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _text(moment: date | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
