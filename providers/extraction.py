"""What the application asks of whoever draws memories out of a conversation.

There are two: a chat model, and the rules that ship with the application. Both get the same
assignment and answer with facts; what becomes of a fact is not theirs to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from core.turn import Speaker, Turn
from language.dates.moments import Moment


class VerdictKind(Enum):
    """What a fact is to a memory that was shown."""

    DUPLICATE_OF = "duplicate_of"
    SUPERSEDES = "supersedes"
    EXTENDS = "extends"


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the catalog in force."""

    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A conversation to draw memories from, and all that may help.

    `turns` is the conversation; `former` are up to ten turns said before it, oldest first, and
    `known` are texts of memories already there, nearest first: both are context, nothing is drawn
    from them. `observed_at` is when the conversation took place, for turns that do not say.
    `instructions` are for the users' part, `agent_instructions` for the assistants'. `concepts` are
    names already known in the project; with `with_concepts` off, facts carry none.
    """

    turns: Sequence[Turn]
    observed_at: datetime
    former: Sequence[Turn] = ()
    known: Sequence[str] = ()
    categories: Sequence[Category] = ()
    instructions: str | None = None
    agent_instructions: str | None = None
    includes: str | None = None
    excludes: str | None = None
    multilingual: bool = False
    with_concepts: bool = True
    concepts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a fact is to one of the memories shown, by its position in `Assignment.known`."""

    kind: VerdictKind
    known: int


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing worth remembering, which stands alone.

    `turns` are the positions in `Assignment.turns` it was drawn from, at least one. `categories`
    are names of the catalog given. `happened` is when what it tells of happened or will.
    """

    text: str
    speaker: Speaker
    turns: tuple[int, ...]
    categories: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    happened: Moment | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was drawn from a conversation, in its order, and what it cost.

    `notes` are sentences for the caller, on what of the assignment could not be heeded.
    """

    facts: Sequence[Fact]
    input_tokens: int | None = None
    output_tokens: int | None = None
    notes: Sequence[str] = field(default_factory=tuple)


class Extractor(Protocol):
    """Draws facts from conversations."""

    @property
    def model(self) -> str | None:
        """The name of the chat model, None where no model is asked."""

    async def extract(self, assignment: Assignment) -> Extraction:
        """Return the facts of a conversation, none if there is nothing worth remembering.

        Raises `ProviderError`: retryable when the model could not be reached or is busy, not
        retryable when it refuses or when what it answers makes no sense twice in a row.
        """

    async def close(self) -> None:
        """Release what the extractor holds. Closing twice is harmless."""
