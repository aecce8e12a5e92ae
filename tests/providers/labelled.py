"""Reads the labelled sentences into conversations."""

from dataclasses import dataclass

from core.turn import Turn
from tests.providers.sentences_labelled import LABELLED
from tests.providers.sentences_of_friends import AMONG_FRIENDS
from tests.providers.sentences_unseen import UNSEEN


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence of a turn, and whether it is to be kept."""

    turn: int
    text: str
    keep: bool


Conversation = tuple[list[Turn], list[Labelled]]


def conversations() -> list[Conversation]:
    """Return the turns of each conversation, with the marks of their sentences."""
    return [*_read(LABELLED), *_read(AMONG_FRIENDS)]


def unseen_conversations() -> list[Conversation]:
    """Return the same of the sentences that no rule was made for."""
    return _read(UNSEEN)


def _read(text: str) -> list[Conversation]:
    found = []
    for block in text.strip().split("\n\n"):
        speakers: list[tuple[str, str | None]] = []
        said: list[list[str]] = []
        labelled: list[Labelled] = []
        for line in block.splitlines():
            if line[:2] in ("+ ", "- "):
                said[-1].append(line[2:])
                labelled.append(Labelled(len(said) - 1, line[2:], line[0] == "+"))
            else:
                role, _, name = line.removesuffix(":").partition(" ")
                speakers.append((role, name or None))
                said.append([])
        turns = [
            Turn(role, "\n".join(texts), name)
            for (role, name), texts in zip(speakers, said, strict=True)
        ]
        found.append((turns, labelled))
    return found
