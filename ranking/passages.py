"""Passages: the part of a long text that late interaction reads.

Reading takes as long as the text, and a model reads the first of its tokens only. A short passage
that has the words of the query takes less time and says more about them.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from language.sentences import sentences
from language.terms import terms
from ranking.score import idf

# The maximum size of a passage in bytes of UTF-8, which tell the number of tokens better than
# characters do: some 35 tokens of English, and fewer than a model's window in any script.
PASSAGE = 160
# Texts up to this size are read whole, because their passages would be too short.
WHOLE = PASSAGE * 3 // 2
# The maximum size of one character.
_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a text, and its terms with a space before and after each of them.

    The only passage of a text has no terms, because nothing has to be chosen.
    """

    text: str
    terms: str = ""


def passages_of(text: str) -> tuple[Passage, ...]:
    """Return the passages of a text, in order: at least one, of whole sentences where these fit.

    They depend on the text alone and not on a query, so that their token states can be cached.
    """
    if _size(text) <= WHOLE:
        return (Passage(text),)
    found: list[str] = []
    room = 0
    for sentence in sentences(text):
        for part, size in _parts(sentence):
            if size < room:
                found[-1] += f" {part}"
                room -= size + 1
            else:
                found.append(part)
                room = PASSAGE - size
    if len(found) < 2:
        return (Passage(found[0] if found else ""),)
    return tuple(Passage(part, f" {' '.join(terms(part))} ") for part in found)


def best_passages(texts: Sequence[Sequence[Passage]], asked: Collection[str]) -> list[str]:
    """Return the passage of each text that has most of the terms of a query.

    A term counts by its inverse document frequency among the passages of all long texts. Of equal
    passages the first is chosen, so a text without any of the terms is read from its beginning.
    """
    within = {term: f" {term} " for term in sorted(asked)}
    matched = [
        [
            [term for term, padded in within.items() if padded in passage.terms]
            for passage in passages
        ]
        if len(passages) > 1
        else []
        for passages in texts
    ]
    counts = Counter(term for passages in matched for found in passages for term in found)
    weights = {term: idf(sum(map(len, matched)), counts[term]) for term in within}
    chosen: list[str] = []
    for passages, found in zip(texts, matched, strict=True):
        values = [sum(weights[term] for term in each) for each in found]
        chosen.append(passages[values.index(max(values)) if values else 0].text)
    return chosen


def _parts(sentence: str) -> Iterator[tuple[str, int]]:
    """Yield the parts of a sentence that fit into a passage, each with its size."""
    size = _size(sentence)
    if size <= PASSAGE:
        yield sentence, size
        return
    part: list[str] = []
    taken = 0
    for word in _words(sentence):
        size = _size(word)
        if part and taken + 1 + size > PASSAGE:
            yield " ".join(part), taken
            part, taken = [], 0
        taken += size + bool(part)
        part.append(word)
    yield " ".join(part), taken


def _words(sentence: str) -> Iterator[str]:
    """Yield what spaces separate; a word that does not fit into a passage is cut."""
    longest = PASSAGE // _CHARACTER
    for word in sentence.split():
        if _size(word) <= PASSAGE:
            yield word
        else:
            yield from (word[at : at + longest] for at in range(0, len(word), longest))


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
