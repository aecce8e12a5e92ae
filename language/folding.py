"""Folding: the spellings of a word without accents and special letters, for looser matches.

Only marks that people leave out are dropped: accents of Latin, Greek and Cyrillic letters, vowel
points of Arabic and Hebrew, the dot of Devanagari. In other scripts, marks are vowels or letters of
their own, as in \u304b and \u304c, and stay.
"""

import re
import unicodedata

_MARKS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e8\u06ea-\u06ed\u093c]"
)
_LETTERS = str.maketrans(
    {
        "\u00df": "ss",
        "\u00e6": "ae",
        "\u0153": "oe",
        "\u00f8": "o",
        "\u0142": "l",
        "\u0111": "d",
        "\u00f0": "d",
        "\u00fe": "th",
        "\u0131": "i",
        "\u0127": "h",
        "\u0167": "t",
        # Arabic: the feminine ending, the final yeh, and how Persian writes yeh and kaf.
        "\u0629": "\u0647",
        "\u0649": "\u064a",
        "\u06cc": "\u064a",
        "\u06a9": "\u0643",
        # Devanagari: the nasal vowel is often written with the dot.
        "\u0901": "\u0902",
    }
)
# How German and the Nordic languages write these letters where they cannot be typed.
_SPELLED_OUT = str.maketrans(
    {"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00f8": "oe", "\u00e5": "aa"}
)
_DIGIT = re.compile(r"[^\D0-9]")


def fold(text: str) -> str:
    """Return a case-folded text without accents, with special letters and digits as plain ones."""
    if text.isascii():
        return text
    plain = _MARKS.sub("", unicodedata.normalize("NFD", text)).translate(_LETTERS)
    return unicodedata.normalize("NFC", _DIGIT.sub(lambda each: str(int(each[0])), plain))


def fold_letters(text: str) -> str:
    """Return a text without accents, letter by letter: the length and the letter case stay.

    A letter that has two in its plain spelling stays as it is.
    """
    return text if text.isascii() else "".join(map(_plain_letter, text))


def _plain_letter(letter: str) -> str:
    plain = fold(letter.lower())
    if len(plain) != 1:
        return letter
    return plain.upper() if letter.isupper() else plain


def spellings(word: str) -> tuple[str, ...]:
    """Return the other spellings of a case-folded word in NFC: none where it has only one."""
    found = (fold(word), fold(word.translate(_SPELLED_OUT)))
    return tuple(each for each in dict.fromkeys(found) if each != word)
