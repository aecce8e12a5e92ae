"""Loose terms: what a word has in common with its other spellings and inflected forms.

They are stored behind the terms of a text, and matched below an exact match. Three kinds exist:

- A word with accents has its spelling without them, so "Jose" finds "Jos\u00e9".
- A word of a language other than English has its runs of three characters (two in Korean), the
  first one with its beginning: character n-grams (McNamee and Mayfield, 2004, Character N-Gram
  Tokenization for European Language Text Retrieval). They find inflected words without knowing the
  language, which is unknown for a query of three words.
- A Chinese character has itself, so that a query of one character finds it in longer words.

A text with words in ASCII has none, so English is matched by its terms alone.
"""

import regex

from language.folding import fold, spellings
from language.terms import STOP_WORDS, is_unspaced, pieces, stemmed

# What a loose match is worth; an exact one is worth 1.
SPELLING, GRAMS = 0.8, 0.6
# A word has matched loosely if its loose terms have at least this sum: half of its n-grams.
LEAST = 0.3
# The least share of stop words in an English text. Other languages have few words in common with
# the English ones.
_ENGLISH = 0.25
# A shorter word of a query begins too many others: "\u043a\u043e\u0442" (cat) also
# "\u043a\u043e\u0442\u043e\u0440\u044b\u0439" (which).
# A syllable of Hangul says as much as three letters.
_FEWEST_GRAMS = 3
_HAN = regex.compile(r"\p{Han}")
_HANGUL = regex.compile(r"\p{Hangul}")


def stored_terms(text: str) -> list[str]:
    """Return the loose terms that are stored for a text, each once."""
    if text.isascii():
        return []
    found: dict[str, None] = {}
    words = pieces(text)
    if all(map(str.isascii, words)):
        return []
    grams_for_all = not _is_english(words)
    for word in dict.fromkeys(words):
        if word in STOP_WORDS or (word.isascii() and not grams_for_all):
            continue
        if is_unspaced(word):
            found |= dict.fromkeys(map(_gram, _HAN.findall(word)))
            continue
        found |= dict.fromkeys(f"0f{term}" for term in stemmed(list(spellings(word))))
        found |= dict.fromkeys(_grams(word))
    return list(found)


def loose_terms(text: str) -> dict[str, dict[str, float]]:
    """Return the loose terms of each term of a query, with what each adds if a memory has it.

    A memory has a term loosely if they sum up to `LEAST`; more than `SPELLING` counts as that.
    """
    words = pieces(text)
    others = any(not word.isascii() for word in words) and not _is_english(words)
    found: dict[str, dict[str, float]] = {}
    for word in words:
        if word in STOP_WORDS:
            continue
        (term,) = stemmed([word])
        loose = found.setdefault(term, {})
        if is_unspaced(word):
            if _HAN.fullmatch(word):
                loose[_gram(word)] = SPELLING
            continue
        if word.isascii():
            loose[f"0f{term}"] = SPELLING
        for spelling, plain in zip(spellings(word), stemmed(list(spellings(word))), strict=True):
            if spelling.isascii():
                loose[plain] = SPELLING
            loose[f"0f{plain}"] = SPELLING
        if others or not word.isascii():
            grams = _grams(word)
            if len(grams) >= _FEWEST_GRAMS or _HANGUL.search(word):
                loose |= {gram: GRAMS / len(grams) for gram in grams}
    return found


def is_loose(term: str) -> bool:
    """Return whether a stored term is a loose one."""
    return term.startswith(("0f", "0n"))


def _is_english(words: list[str]) -> bool:
    common = sum(word in STOP_WORDS for word in words)
    return common >= _ENGLISH * len(words)


def _grams(word: str) -> list[str]:
    """Return the n-grams of a word without accents, each once."""
    plain = "^" + fold(word)
    length = 2 if _HANGUL.search(plain) else 3
    starts = range(len(plain) - length + 1)
    return list(dict.fromkeys(_gram(plain[at : at + length]) for at in starts))


def _gram(characters: str) -> str:
    return "0n" + characters.encode("utf-8", "replace").hex()
