"""Draws one memory from an answer of an assistant without a name: what it means to its user.

Long answers explain, advise and show code, for anyone who asks. What stays is what the assistant
did or promised, what it found out about the user, and what it recommended, with the names of what
it lists. A short answer in plain sentences is read by the rules for all speakers instead.
"""

import re
from collections.abc import Collection, Sequence

from core.turn import Speaker, Turn
from language.answers import (
    COMMITS,
    PLANS,
    RECOMMENDS,
    is_particular_advice,
    lists_things,
    tells_of_user,
)
from language.outline import Outline, outline_of
from language.sayings import classify
from language.sentences import sentences, without_bullet
from providers.keeping_rules import COLONS, Utterance

MAX_PLAIN_SENTENCES = 12  # A longer answer explains, even in plain sentences.
MAX_TOLD = 3  # Sentences of a long answer that are kept beside its recommendation.
MIN_SUBJECT_TERMS = 3  # Content words of a lead that needs no question before it.
MAX_NAMES = 12
MAX_NAMES_LENGTH = 300  # Characters.
MAX_DATA_LENGTH = 400  # Characters; a list of data is kept whole up to this length.
# A draft or an example, whose words are those of somebody else.
_SAMPLE = re.compile(r"[\"\u201c\u201d]|\*\*|\b(?:example|e\.g)\b|\bmy\b", re.IGNORECASE)
_ADDRESSES = re.compile(r"\b(?:you|your)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def is_explaining(turn: Turn) -> bool:
    """Return whether a turn is a long or structured answer of an assistant that has no name."""
    if turn.speaker is not Speaker.ASSISTANT or turn.name:
        return False
    outline = outline_of(turn.content)
    return not outline.is_plain or len(outline.prose) > MAX_PLAIN_SENTENCES


def utterances_of_answer(
    position: int | None, turn: Turn, asked: str, names: Collection[str]
) -> list[Utterance]:
    """Return what is worth remembering of an explaining answer, and its last questions.

    The first is at most one utterance. `asked` is the message that the turn answers, `names` are
    those of the speakers.
    """
    outline = outline_of(turn.content)
    # Looked for once, because a message may be long, and each sentence is compared with it.
    asked_numbers = set(_NUMBER.findall(asked))
    parts = [each for each in outline.prose if _tells(each, asked_numbers, names)][:MAX_TOLD]
    recommended = _recommended(outline, asked, names)
    if recommended:
        parts = [*(each for each in parts if each not in recommended), recommended]
    text = " ".join(parts)
    found = [Utterance(text, classify(text, names), position, turn, is_drawn=True)] if text else []
    last = [(each, classify(each, names)) for each in outline.prose[-2:]]
    return found + [
        Utterance(each, saying, position, turn)
        for each, saying in last
        if saying.is_question or saying.asks_about_listener
    ]


def _tells(sentence: str, asked_numbers: set[str], names: Collection[str]) -> bool:
    """Return whether a sentence is a commitment, a recommendation or something about the user.

    `asked_numbers` are the numbers in the message that the sentence answers.
    """
    saying = classify(sentence, names)
    if saying.is_question or saying.is_request or saying.is_pleasantry or sentence.endswith(COLONS):
        return False
    if _SAMPLE.search(sentence):
        return False
    if COMMITS.search(sentence):
        return True
    if RECOMMENDS.search(sentence):
        return is_particular_advice(sentence)
    new = set(_NUMBER.findall(sentence)) - asked_numbers
    return tells_of_user(sentence, bool(new))


def _recommended(outline: Outline, asked: str, names: Collection[str]) -> str:
    """Return the lead of an answer with the names of what it lists, or nothing."""
    lead = [each for each in outline.lead if not classify(each, names).is_pleasantry]
    if outline.has_code or not lead:
        return ""
    said = " ".join(lead[-2:])
    if _is_data(outline, said):
        return "\n".join([said, *(f"- {without_bullet(item)}" for item in outline.items)])
    # Advice on the user's own affairs names them; other advice is for anyone.
    is_own = PLANS.search(lead[-1]) or _ADDRESSES.search(said)
    is_for_user = is_own is not None and is_particular_advice(said)
    listed = outline.names
    if not (listed and (is_for_user or lists_things(asked, lead[-1], listed))):
        return ""
    if len(classify(said, names).content_terms) < MIN_SUBJECT_TERMS:
        # "Here are some options:" says nothing without the question.
        questions = [each for each in sentences(asked) if len(each) <= MAX_NAMES_LENGTH]
        said = " ".join([*questions[-1:], said])
    return f"{said.rstrip(' .:')}: {_joined(listed)}"


def _is_data(outline: Outline, lead: str) -> bool:
    """Return whether an answer lists data of the user, such as a booking, in short."""
    items = outline.items
    return (
        bool(items)
        and not outline.headings
        and sum(map(len, items)) <= MAX_DATA_LENGTH
        and re.search(r"\b(?:your|you have|you've|yours)\b", lead, re.IGNORECASE) is not None
        and sum(_NUMBER.search(without_bullet(item)) is not None for item in items) * 2
        >= len(items)
    )


def _joined(names: Sequence[str]) -> str:
    shown, length = [], 0
    for name in names[:MAX_NAMES]:
        length += len(name) + 2
        if length > MAX_NAMES_LENGTH:
            break
        shown.append(name)
    return ", ".join(shown)
