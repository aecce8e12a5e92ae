"""How much of a text the bundled embedder knows, and how much of a memory."""

from collections.abc import Iterator

import pytest

from language.loose_terms import stored_terms
from language.terms import terms
from providers.minilm.embedder import MiniLM
from resolvers.runtime.known_share import all_known, known_share_of

ENGLISH = [
    "",
    "42 \U0001f355 \u2014 ...",
    "I have lived in Munich since 2019.",
    "Xqzt and Bjrk met a B C.",
    "It\u2019s Jos\u00e9\u2019s caf\u00e9 na\u00efvet\u00e9.",
    "word " * 1_000,
]
UNKNOWN = [
    "\u6211\u7231\u5317\u4eac",
    "\u042f \u0436\u0438\u0432\u0443 \u0432 \u041c\u043e\u0441\u043a\u0432\u0435",
    "\ud55c\uad6d\uc5b4\ub97c \ubc30\uc6cc\uc694",
    "\u0e09\u0e31\u0e19\u0e41\u0e1e\u0e49\u0e01\u0e38\u0e49\u0e07",
]


@pytest.fixture(scope="module")
def model() -> Iterator[MiniLM]:
    made = MiniLM()
    yield made
    made.close()


def of_memory(text: str, model: MiniLM) -> float:
    """Return the share of a memory of the text, from the terms that are stored for it."""
    return known_share_of(" ".join([*terms(text), *stored_terms(text)]), model.known_share)


@pytest.mark.parametrize("text", ENGLISH, ids=ascii)
def test_english_is_known(model: MiniLM, text: str) -> None:
    assert model.known_share(text) == of_memory(text, model) == 1


@pytest.mark.parametrize("text", UNKNOWN, ids=ascii)
def test_letters_that_are_spelled_one_by_one_are_unknown(model: MiniLM, text: str) -> None:
    assert model.known_share(text) <= 0.15
    assert of_memory(text, model) <= 0.15


def test_a_mixed_text_is_known_in_part(model: MiniLM) -> None:
    # Two of twelve letters are unknown. In the terms, two characters are one pair beside "book".
    assert model.known_share("I like \u732b\u732b books") == pytest.approx(10 / 12)
    assert of_memory("books \u732b\u732b", model) == pytest.approx(4 / 5)


@pytest.mark.parametrize("terms", ["0x", "0xzz", "0x1", "0xff"])
def test_words_that_look_like_encoded_ones_are_read(terms: str) -> None:
    assert known_share_of(terms, all_known) == 1
