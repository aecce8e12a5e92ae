"""The terms of a text, the units of keyword search.

A term is a word in Unicode form NFKC, case-folded, without English clitics, reduced to its stem by
the English Snowball stemmer (https://snowballstem.org). Texts and queries pass through the same
function, so a word of another language still matches itself, even if the stemmer distorts it.
Scripts without spaces between words (Chinese, Japanese, Thai and others) are split into pairs of
characters.

Terms are stored in the keyword indexes of two databases, so a term consists of ASCII letters and
digits only: other words are encoded as the hexadecimal digits of their UTF-8. Where people spell or
inflect a word in several ways, `language.loose_terms` adds what these have in common.
"""

import re
import threading
import unicodedata

import regex
import Stemmer

from core.text_forms import without_invisible

# Increase this with every change to the terms of any text: stored terms are then recomputed.
VERSION = "2"

MAX_TERM_LENGTH = 64
# In many scripts marks stand for vowels, so they are part of the word.
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:'[\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*")
# Modifiers of the rendering of the previous character, such as the frame of a key.
_STYLE = regex.compile(r"[\p{Variation_Selector}\p{Me}]")
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")  # Twice as fast as the one for all scripts.
_ENGLISH = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her
hers herself it its itself they them their theirs themselves what which who whom this that these
those am is are was were be been being have has had having do does did doing a an the and but if or
because as until while of at by for with about against between into through during before after
above below to from up down in out on off over under again further then once here there when where
why how all any both each few more most other some such no nor not only own same so than too very s
t can will just don should now d ll m o re ve y would could might also
"""
STOP_WORDS = frozenset(_ENGLISH.split())
# Scripts without spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)


class _Stemmers(threading.local):
    """One stemmer per thread, because PyStemmer's stemmers are not thread-safe."""

    def __init__(self) -> None:
        self.stem = Stemmer.Stemmer("english").stemWords


_stemmers = _Stemmers()


def terms(text: str) -> list[str]:
    """Return the terms of a text, in order and with repetitions, without stop words."""
    return stemmed([piece for piece in pieces(text) if piece not in STOP_WORDS])


def pieces(text: str) -> list[str]:
    """Return the case-folded words of a text, in order, and pairs where a script has no spaces.

    They include the stop words.
    """
    pattern, folded = (_ASCII_WORD, text.lower()) if text.isascii() else (_WORD, _folded(text))
    found = []
    for word in pattern.findall(folded):
        parts = word.split("'")
        if not word.isascii():
            parts = [piece for part in parts for piece in _pieces(part)]
        found += parts
    return found


def stemmed(words: list[str]) -> list[str]:
    """Return the term of each word or pair of characters."""
    stems: list[str] = _stemmers.stem(words)
    return [_token(stem) for stem in stems]


def is_unspaced(piece: str) -> bool:
    """Return whether a piece is in a script without spaces between words."""
    return _UNSPACED.fullmatch(piece) is not None


def word_of(term: str) -> str | None:
    """Return the word or pair of characters that a term encodes; None if it is plain ASCII."""
    if not term.startswith("0x"):
        return None
    try:
        return bytes.fromhex(term[2:]).decode("utf-8", "ignore")
    except ValueError:  # A word of the text that begins so.
        return None


def _folded(text: str) -> str:
    """Return a text normalised in its Unicode form and letter case."""
    visible = without_invisible(text)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    plain: str = _STYLE.sub("", folded)
    return plain.replace("\u2019", "'")


def _pieces(word: str) -> list[str]:
    """Return a word, with its parts in unspaced scripts split into pairs of characters."""
    if word.isascii():
        return [word]
    pieces: list[str] = []
    end = 0
    for match in _UNSPACED.finditer(word):
        pieces.append(word[end : match.start()])
        run = match[0]
        pieces += [run[at : at + 2] for at in range(max(1, len(run) - 1))]
        end = match.end()
    pieces.append(word[end:])
    return [piece for piece in pieces if piece]


def _token(stem: str) -> str:
    if stem.isascii() and len(stem) <= MAX_TERM_LENGTH:
        return stem
    return "0x" + stem.encode("utf-8", "replace").hex()[: 2 * MAX_TERM_LENGTH]
