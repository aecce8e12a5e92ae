"""The keywords and the vector of a text together with the message that it was drawn from.

The trap is the long message of many short facts: with all its words, each fact would be stored as a
long text, and the facts of one message would cost the square of their number. So a long message
consists of parts, and only the words of the part that is nearest to the fact count.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from storage.search.documents import Utterance
from storage.search.keywords import Keywords

# The length of a part in characters. The answers of assistants, some 5,000 characters, are whole.
LONGEST_PART = 8_192


@dataclass(frozen=True, slots=True)
class Origin:
    """The keywords of a message, and of its parts with their terms."""

    keywords: Keywords
    parts: tuple[tuple[Keywords, frozenset[str]], ...]

    def part_for(self, own: Keywords) -> Keywords:
        """Return the keywords of the part with most of a text's terms, of equal ones the first."""
        if len(self.parts) == 1:
            return self.parts[0][0]
        terms = set(own.terms.split())
        return max(self.parts, key=lambda part: len(terms & part[1]))[0]


def origin_of(message: Utterance, keywords_of: Callable[[Utterance], Keywords]) -> Origin:
    """Return a message as the origin of texts; `keywords_of` returns those of an utterance."""
    whole = keywords_of(message)
    texts = list(parts_of(message.text))
    found = [whole]
    if len(texts) > 1:
        found = [keywords_of(Utterance(text, message.speaker)) for text in texts]
    return Origin(whole, tuple((each, frozenset(each.terms.split())) for each in found))


def parts_of(text: str) -> Iterator[str]:
    """Yield the parts of a text, which end at white space; the text itself if it is short."""
    start = 0
    while len(text) - start > LONGEST_PART:
        limit = start + LONGEST_PART
        end = max(text.rfind(mark, start, limit) for mark in (" ", "\n", "\t")) + 1 or limit
        yield text[start:end]
        start = end
    yield text[start:]


def joined_keywords(own: Keywords, origin: Origin, most: int) -> Keywords:
    """Return the keywords of a text with further terms of its message behind its own.

    These are the terms that its part of the message has more often, `most` terms in all.
    """
    part, mine = origin.part_for(own), own.terms.split()
    rest = Counter(mine)
    further = []
    for term in part.terms.split():
        if rest.get(term):
            rest[term] -= 1
        else:
            further.append(term)
    terms = [*mine, *further][:most]
    return replace(own, terms=" ".join(terms), words=max(own.words, part.words))


def mean_vector(one: bytes, other: bytes) -> bytes:
    """Return the unit vector in the middle of two unit vectors."""
    if one == other:
        return one
    total = np.frombuffer(one, "<f4") + np.frombuffer(other, "<f4")
    unit = total / max(float(np.linalg.norm(total)), 1e-6)
    return bytes(unit.astype("<f4").tobytes())
