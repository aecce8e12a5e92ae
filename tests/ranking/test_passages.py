"""Passages cover a text and fit into the window of the model; the one about the query is chosen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.terms import terms
from ranking.passages import PASSAGE, WHOLE, best_passages, passages_of

FILLER = "The meeting {} went on for hours, and no one could say afterwards what it was about."
LONG = " ".join(map(FILLER.format, range(20)))
FIRST, END = FILLER.format(0), "Her dentist is called Novak."


def best(query: str, *texts: str) -> list[str]:
    return best_passages([passages_of(text) for text in texts], terms(query))


def size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def squeezed(text: str) -> str:
    return "".join(text.split())


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=90),
            st.sampled_from(["word. ", "\n\n", "```\ncode\n```\n", "- item\n", "字。", "x" * 400]),
        ),
        max_size=60,
    ).map("".join)
)
def test_passages_cover_a_text_in_parts_that_fit(text: str) -> None:
    parts = [passage.text for passage in passages_of(text)]
    assert squeezed("".join(parts)) == squeezed(text)
    assert all(size(part) <= (WHOLE if len(parts) == 1 else PASSAGE) for part in parts)


@pytest.mark.parametrize("end", ["Her dentist is Dr. Novak.", "她的牙医是诺瓦克医生。"])
def test_a_sentence_is_kept_whole(end: str) -> None:
    (*_, last) = passages_of(f"{LONG} {end}")
    assert end in last.text


@pytest.mark.parametrize("text", ["", " ", "Tea.", "x" * WHOLE, " " * (WHOLE + 1)])
def test_what_is_short_is_one_passage(text: str) -> None:
    assert [each.text.strip() for each in passages_of(text)] == [text.strip()]


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        pytest.param("Which dentist?", END, id="at the end"),
        pytest.param("dentists", END, id="another form of the word"),
        pytest.param("meeting hours", FIRST, id="equal ones: the first"),
        pytest.param("giraffe", FIRST, id="none"),
        pytest.param("of the", FIRST, id="no terms"),
        pytest.param("hours, meeting, dentist", END, id="a rare word counts more"),
    ],
)
def test_the_passage_with_the_words_of_the_query_is_chosen(query: str, chosen: str) -> None:
    found = best(query, f"{LONG} {END}", "A dentist.")
    assert chosen in found[0]
    assert found[1] == "A dentist."


def test_a_word_that_is_common_among_the_texts_counts_less() -> None:
    others = [LONG.replace("meeting", "dentist")] * 5
    text = f"The dentist called. {LONG} The parrot called. {LONG}"
    assert "parrot" in best("dentist parrot", text, *others)[0]
