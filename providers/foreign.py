"""Decides whether a short sentence may be a statement in a language other than English.

English rules drop what has fewer than three content words, and many languages need only two words
for a statement: "Soy vegano.", "Et yerim.". The decision is by words rather than by a language
detector: detectors take "In Lisbon." for German, while nearly every English word is in a
dictionary. See docs/decisions/0019-forms.md for the figures.
"""

from collections.abc import Sequence

import regex

from language.foreign_words import has_frequent_words, is_unspaced, words_of
from language.saying_phrases import CHATTER
from language.terms import STOP_WORDS
from providers.minilm.vocabulary import is_english_word

_OTHER_SCRIPT = regex.compile(r"(?=\p{L})[^\p{Latin}\p{Common}]")
# Scripts without spaces: in Japanese, verbs and particles have Hiragana, and nouns alone do not; a
# Chinese sentence of three characters has a pronoun.
_UNSPACED_STATEMENT = regex.compile(
    r"(?=.*\p{Hiragana})(?:\W*+\p{L}){4}|\W*+[我他她]\W*+\p{L}\W*+\p{L}"
    r"|(?:\W*+[\p{Han}\p{Thai}\p{Lao}]\p{M}*+){4}",
    regex.DOTALL,
)


def may_be_foreign_statement(sentence: str) -> bool:
    """Return whether a sentence has the words of another language, and more than one.

    A single word is not enough: most are names, or exclamations that no dictionary knows.
    """
    if is_unspaced(sentence):
        return _UNSPACED_STATEMENT.match(sentence) is not None
    words = [word for word in words_of(sentence) if not word.isdigit()]
    if len(words) < 2:
        return False
    if _OTHER_SCRIPT.search(sentence) or has_frequent_words(words):
        return True
    return _looks_foreign(words)


def is_foreign(sentence: str) -> bool:
    """Return whether a sentence of any length is rather in another language."""
    if is_unspaced(sentence) or _OTHER_SCRIPT.search(sentence):
        return True
    words = [word for word in words_of(sentence) if not word.isdigit()]
    return has_frequent_words(words) or _looks_foreign(words)


def _looks_foreign(words: Sequence[str]) -> bool:
    """Return whether words in Latin letters are rather not English."""
    if any(len(word) > 2 and (word in STOP_WORDS or word in CHATTER) for word in words):
        return False
    unknown = [word for word in words if not (word.isascii() and is_english_word(word))]
    if any(not word.isascii() for word in unknown):
        return True
    english = [word for word in words if len(word) > 3 and word not in unknown]
    return bool(unknown) and len(unknown) * 2 >= len(words) and not english
