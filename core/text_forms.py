"""The forms in which texts are compared: what a reader cannot see is not a difference.

The same letter has several encodings: composed or decomposed (macOS sends the second), in full or
half width, with invisible characters between. Texts are stored as they were sent, because code and
secrets must come back unchanged, and compared in the form of `comparable`. The trap is NFKC: it
also turns "10\u00b2" into "102", so only widths are folded here.
"""

import unicodedata

import regex

# Characters without a width: joiners, marks of direction, soft hyphens, variation selectors. The
# first two groups are parts of emoji, and stay: the tags that turn a black flag into the flag of
# England, and joiners between emoji.
_INVISIBLE = regex.compile(
    r"(\U0001F3F4[\U000E0020-\U000E007F]++)"
    r"|((?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\uFE0F?)\u200D(?=\p{Extended_Pictographic}))"
    r"|\p{Default_Ignorable_Code_Point}"
)
# Characters in full or half width are one block; the ideographic space is white space anyway.
_WIDE = regex.compile(r"[\uFF01-\uFFEE]+")


def comparable(text: str) -> str:
    """Return a text in Unicode form NFC, in normal width and without invisible characters.

    The result is for comparison. Sequences of emoji stay whole, but lose variation selectors.
    """
    if text.isascii():
        return text
    folded = _WIDE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return without_invisible(unicodedata.normalize("NFC", folded))


def without_invisible(text: str) -> str:
    """Return a text without characters that have no width, except within sequences of emoji."""
    if text.isascii():
        return text
    visible: str = _INVISIBLE.sub(lambda found: found[1] or found[2] or "", text)
    return visible
