"""The forms in which texts are compared: what a reader cannot see is not a difference.

The same letter has several encodings: composed or decomposed (macOS sends the second), in full or
half width, with invisible characters between. Texts are stored as they were sent, because code and
secrets must come back unchanged, and compared in the form of `comparable`. The trap is NFKC: it
also turns "10\u00b2" into "102", so only widths are folded here.
"""

import unicodedata
from typing import Any

import regex

# Characters without a width: joiners, marks of direction, soft hyphens, variation selectors. The
# first two groups are parts of emoji, and stay: the tags that turn a black flag into the flag of
# England, and joiners between emoji.
_EMOJI_PARTS = (
    r"(\U0001F3F4[\U000E0020-\U000E007F]++)"
    r"|((?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\uFE0F?)\u200D(?=\p{Extended_Pictographic}))"
)
_INVISIBLE = regex.compile(rf"{_EMOJI_PARTS}|\p{{Default_Ignorable_Code_Point}}")
_HIDDEN = regex.compile(
    rf"{_EMOJI_PARTS}|(?![\uFE00-\uFE0F\U000E0100-\U000E01EF])\p{{Default_Ignorable_Code_Point}}"
)
# Characters in full or half width are one block; the ideographic space is white space anyway.
_WIDE = regex.compile(r"[\uFF01-\uFFEE]+")
_WIDE_LETTERS = regex.compile(r"[\uFF10-\uFF19\uFF21-\uFF3A\uFF41-\uFF5A\uFF66-\uFFDC]+")
_EAST_ASIAN = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")


def comparable(text: str) -> str:
    """Return a text in Unicode form NFC, in normal width and without invisible characters.

    The result is for comparison. Sequences of emoji stay whole, but lose variation selectors.
    """
    if text.isascii():
        return text
    folded = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return without_invisible(unicodedata.normalize("NFC", folded))


def canonical_name(name: str) -> str:
    """Return the form in which the name of an entity is stored, the name itself if that is blank.

    It is that of `comparable`: a client on macOS and one on Linux mean the same user.
    """
    form = comparable(name)
    return form if form.strip() else name


def canonical_email(address: str) -> str:
    """Return the form in which a valid e-mail address is stored and compared.

    It is in NFC, and its local part has no invisible characters and no difference of case. The
    trap: case folding turns "ß" into "ss", which is another domain, so a domain, which IDNA has
    normalized, is only lower-cased.
    """
    local, at, domain = address.rpartition("@")
    folded = unicodedata.normalize("NFC", without_invisible(local)).casefold()
    return unicodedata.normalize("NFC", folded) + at + domain.lower()


def escape_email(address: str) -> str:
    """Return an address with every character outside of ASCII escaped, as in `\\u0430`.

    Letters of different scripts that look alike differ in it.
    """
    return address.encode("ascii", "backslashreplace").decode("ascii")


def identity_form(text: str) -> str:
    """Return the form of a text of which a digest is stored.

    It is narrower than `comparable`, so that the digests of ordinary texts are those of NFC:
    variation selectors stay, and so do the wide marks of East Asian texts.
    """
    if text.isascii():
        return text
    wide = _WIDE_LETTERS if _EAST_ASIAN.search(text) else _WIDE
    folded = wide.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return _hidden_removed(unicodedata.normalize("NFC", folded), _HIDDEN)


def without_invisible(text: str) -> str:
    """Return a text without characters that have no width, except within sequences of emoji."""
    if text.isascii():
        return text
    return _hidden_removed(text, _INVISIBLE)


def _hidden_removed(text: str, hidden: Any) -> str:
    visible: str = hidden.sub(lambda found: found[1] or found[2] or "", text)
    return visible
