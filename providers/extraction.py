"""The protocol of extractors, which extract facts from conversations.

There are two implementations: a chat model, and the bundled rules. Both get the same assignment and
return facts; how a fact is stored is not their decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol

from core.turn import Speaker, Turn
from language.dates.moments import Moment


class VerdictKind(Enum):
    """The relation of a fact to a known memory."""

    DUPLICATE_OF = "duplicate_of"
    SUPERSEDES = "supersedes"
    EXTENDS = "extends"


@dataclass(frozen=True, slots=True)
class Category:
    """A category of the catalog that applies."""

    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A conversation to extract facts from, with context and options.

    `turns` is the conversation. `former` are up to ten earlier turns, oldest first, and `known` are
    texts of existing memories, most similar first; both are context, and no facts come from them.
    `observed_at` is the time of the conversation, for turns without a timestamp. `instructions`
    apply to what users say, `agent_instructions` to what assistants say. `includes` and `excludes`
    name topics to look for and to leave out. With `multilingual`, facts keep the language of their
    turns. `concepts` are names already known in the project; without `with_concepts`, facts have
    no concepts.
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
    """The relation of a fact to one known memory, given by its position in `Assignment.known`."""

    kind: VerdictKind
    known: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A self-contained fact worth remembering.

    `turns` are the positions in `Assignment.turns` it comes from, at least one. `categories` are
    names from the given catalog. `happened` is the past or future time of the event it describes.
    `corrects` is an earlier statement of the same speaker that it replaces.
    `reason` is a sentence on why it was kept, empty if the extractor has none.
    """

    text: str
    speaker: Speaker
    turns: tuple[int, ...]
    categories: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()
    happened: Moment | None = None
    verdict: Verdict | None = None
    corrects: str | None = None
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sentence from which no fact was drawn: the position of its turn, its text, and why."""

    turn: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """The facts of a conversation, in its order, and the tokens used.

    `notes` are sentences for the caller on parts of the assignment that could not be followed.
    `skipped` are the sentences without a fact, as far as the extractor knows them.
    """

    facts: Sequence[Fact]
    input_tokens: int | None = None
    output_tokens: int | None = None
    notes: Sequence[str] = field(default_factory=tuple)
    skipped: Sequence[Skipped] = field(default=(), compare=False)


class Extractor(Protocol):
    """Extracts facts from conversations."""

    @property
    def model(self) -> str | None:
        """The name of the chat model, None for an extractor without one."""

    async def extract(self, assignment: Assignment) -> Extraction:
        """Return the facts of a conversation, none if there is nothing worth remembering.

        Raises `ProviderError`: retryable when the model could not be reached or is busy, not
        retryable when it rejects the request or gives an unusable answer twice in a row.
        """

    async def close(self) -> None:
        """Release the resources of the extractor. Closing twice is harmless."""
