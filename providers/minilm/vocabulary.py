"""The English words that the tokenizer of the bundled model knows, about 20,000.

They are a dictionary of frequent words that is shipped anyway. The trap: it also has short words
and names of other languages, so one known word does not make a text English.
"""

import json
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ed", ""), ("ly", ""), ("'s", ""))


@cache
def english_words() -> frozenset[str]:
    """Return the words of the vocabulary that consist of ASCII letters, in lower case."""
    model = json.loads((HERE / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    return frozenset(word for word in model["vocab"] if word.isascii() and word.isalpha())


def is_english_word(word: str) -> bool:
    """Return whether a word in lower case, or its form without an ending, is in the vocabulary."""
    known = english_words()
    return word in known or any(
        word.endswith(ending) and word[: -len(ending)] + other in known
        for ending, other in _ENDINGS
        if len(word) > len(ending) + 2
    )
