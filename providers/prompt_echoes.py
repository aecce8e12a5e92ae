"""Recognizes sentences of our own prompts, which some models repeat instead of answering.

Such a sentence is not a fact, whether a chat model returns it as one, or an agent adds the message
of a model that repeated it.
"""

import re
from functools import cache

from language.sentences import sentences
from providers import prompts

_WORD = re.compile(r"\w+")
# Fewer words in the middle of a sentence may be anyone's.
_LEAST_WORDS, _LEAST_WORDS_OF_SENTENCE = 5, 4
_PROMPTS = (
    prompts.EXTRACT_FACTS_1,
    prompts.CATEGORIES_1,
    prompts.CONCEPTS_1,
    prompts.IN_ENGLISH_1,
    prompts.AS_SAID_1,
    prompts.SHAPE_1,
    prompts.SUMMARIZE_1,
    prompts.SCHEMA_1,
    prompts.AGAIN_1,
)


def is_from_prompt(text: str) -> bool:
    """Return whether a text is a sentence of one of our prompts, or a part of one.

    A sentence has at least four words, a part of one at least five.
    """
    words = _words(text)
    count = words.count(" ") + 1
    if count >= _LEAST_WORDS_OF_SENTENCE and words in _prompt_sentences():
        return True
    # The spaces keep a match from beginning or ending inside a word.
    return count >= _LEAST_WORDS and f" {words} " in _prompt_words()


@cache
def _prompt_sentences() -> frozenset[str]:
    return frozenset(_words(each) for text in _PROMPTS for each in sentences(text)) - {""}


@cache
def _prompt_words() -> str:
    # The sign between two prompts keeps a match from spanning them.
    return "|".join(f" {_words(text)} " for text in _PROMPTS)


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
