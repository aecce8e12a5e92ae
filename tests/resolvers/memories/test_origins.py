"""What a text has of its message: all words of a short one, those of one part of a long one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.memories.embedding import keywords_of
from resolvers.memories.origins import LONGEST_PART, joined_keywords, origin_of, parts_of
from storage.search.documents import Utterance

TEXT = st.lists(st.sampled_from(["a", " ", "\n", "word ", "x" * 3_000, "y" * 9_000]))


def joined(text: str, message: str, most: int = 10_000) -> tuple[list[str], int]:
    """Return the terms of a text with those of its message, and the number of words."""
    origin = origin_of(Utterance(message, "Ann"), keywords_of)
    found = joined_keywords(keywords_of(Utterance(text, "Ann")), origin, most)
    return found.terms.split(), found.words


@given(TEXT)
def test_parts_are_the_whole_text_and_end_between_words(pieces: list[str]) -> None:
    text = "".join(pieces)
    parts = list(parts_of(text))
    assert "".join(parts) == text
    assert all(len(part) <= LONGEST_PART for part in parts)
    for part in parts[:-1]:
        assert part[-1].isspace() or not any(letter.isspace() for letter in part)


def test_the_terms_of_a_short_message_follow_those_of_the_text() -> None:
    message = "My cat is Miso. Miso loves supper, and my cat sleeps."
    assert joined("My cat is Miso.", message) == (
        ["cat", "miso", "miso", "love", "supper", "cat", "sleep"],
        7,
    )
    assert joined("My cat is Miso.", message, most=4)[0] == ["cat", "miso", "miso", "love"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_of_a_long_message_the_words_of_one_part_count(at: int) -> None:
    facts = ["My cat is Miso.", "I play the oboe.", "Tea grows in Assam."]
    beside = ["zucchini", "mandolin", "porcelain"]
    # With the text in between, each fact is in a part of its own.
    filling = "filler " * (LONGEST_PART // 7)
    message = "".join(
        f"{fact} {word} {filling}" for fact, word in zip(facts, beside, strict=True)
    ).strip()
    found, words = joined(facts[at], message)
    stems = ["zucchini", "mandolin", "porcelain"]
    assert [stem in found for stem in stems] == [n == at for n in range(3)]
    assert words <= LONGEST_PART / 7 + 10


def test_a_text_in_other_words_has_the_first_part() -> None:
    message = f"zucchini {'filler ' * LONGEST_PART} mandolin"
    found, _ = joined("Something else entirely.", message)
    assert "zucchini" in found
    assert "mandolin" not in found
