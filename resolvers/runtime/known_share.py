"""How much of a memory the embedder knows, read from the stored terms.

It is not stored, because it depends on the embedder of this process.
"""

from collections.abc import Callable
from functools import lru_cache

from language.loose_terms import is_loose
from language.terms import is_unspaced, word_of

# Returns the share of a text that the embedder knows, 0 to 1; see `Embedder.known_share`.
KnownShare = Callable[[str], float]
_CACHED_WORDS = 65_536


def all_known(text: str) -> float:
    """Return 1: the share of an embedder that knows everything."""
    return 1.0


def cached(known_share: KnownShare) -> KnownShare:
    """Return a function that remembers the shares of the words it was last called with."""
    return lru_cache(_CACHED_WORDS)(known_share)


def known_share_of(terms: str, known_share: KnownShare) -> float:
    """Return the share of a memory that the embedder knows, given its terms separated by spaces.

    Words count by their letters. A pair of characters is one letter, because each is in two pairs.
    """
    if "0x" not in terms:
        return 1.0
    known = total = 0.0
    for term in terms.split():
        if is_loose(term):
            continue
        word = word_of(term)
        letters = 1 if word and is_unspaced(word) else len(word or term)
        total += letters
        known += letters * (1.0 if word is None else known_share(word))
    return known / total if total else 1.0
