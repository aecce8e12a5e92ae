"""Names in queries: who is named, what it becomes in the first person, and who is not meant."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from language.names import (
    name_terms,
    names_speaker,
    speakers_named_in,
    to_first_person,
    without_speaker,
)

EMOJI = "🦊" * 256
REGEX = "A.*(b)[c]+$^|\\d"
# A query, who speaks, and whom the query names with the form that stands in it.
NAMED = {
    "a name": ("What does Caroline like?", ["Caroline", "Mel"], {"Caroline": "Caroline"}),
    "two names": ("Did Mel meet Ana?", ["Ana", "Mel", "Bo"], {"Ana": "Ana", "Mel": "Mel"}),
    "at the start": ("Caroline likes?", ["Caroline"], {"Caroline": "Caroline"}),
    "at the end": ("about Caroline", ["Caroline"], {"Caroline": "Caroline"}),
    "alone": ("Caroline", ["Caroline"], {"Caroline": "Caroline"}),
    "in quotes": ("'Caroline', (Caroline)", ["Caroline"], {"Caroline": "Caroline"}),
    "nobody": ("What does she like?", ["Caroline"], {}),
    "no speakers": ("What does Caroline like?", [], {}),
    "an empty query": ("", ["Caroline"], {}),
    "possessive": ("Caroline's dog", ["Caroline"], {"Caroline": "Caroline"}),
    "curly possessive": ("Caroline\u2019s dog", ["Caroline"], {"Caroline": "Caroline"}),
    "within a word": ("Annapolis, Savanna, Joanna", ["Anna"], {}),
    "beside an underscore": ("Anna_2 and my_Anna", ["Anna"], {}),
    "beside digits": ("Anna2", ["Anna"], {}),
    "beside a letter of another script": ("Annaж", ["Anna"], {}),
    "beside punctuation": ("Anna-Lena", ["Anna"], {"Anna": "Anna"}),
    "a later whole word": ("Annapolis with Anna", ["Anna"], {"Anna": "Anna"}),
    "a lower-case id": ("What does alice like?", ["alice"], {"alice": "alice"}),
    "a lower-case id with a capital": ("What does Alice like?", ["alice"], {"alice": "Alice"}),
    "a lower-case id in capitals": ("WHAT DOES ALICE LIKE?", ["alice"], {"alice": "ALICE"}),
    "an ordinary word": ("a rose and a mark", ["Rose", "Mark"], {}),
    "an ordinary word first": ("the mark of Mark", ["Mark"], {"Mark": "Mark"}),
    "a capital within": ("aLICE", ["alice"], {}),
    "an id of digits": ("What did 42 say to 421?", ["42"], {"42": "42"}),
    "an email": ("What did a.b@c.com say?", ["a.b@c.com"], {"a.b@c.com": "a.b@c.com"}),
    "a dot is a dot": ("axb@c.com", ["a.b@c.com"], {}),
    "an id that begins another": ("user-12 and user-1", ["user-1", "user-2"], {"user-1": "user-1"}),
    "Will": ("What will Will do?", ["Will"], {"Will": "Will"}),
    "will": ("What will she do?", ["Will"], {}),
    "will with a capital at the start": ("Will she come?", ["Will"], {}),
    "will as a lower-case id": ("What will will do?", ["will"], {}),
    "Will's id with a capital": ("What does Will do?", ["will"], {"will": "Will"}),
    "Don": ("Did Don call?", ["Don"], {"Don": "Don"}),
    "don't": ("Why don't they call?", ["Don"], {}),
    "a full name": ("Is Ana Li here?", ["Ana Li"], {"Ana Li": "Ana Li"}),
    "a first name": ("Is Ana here?", ["Ana Li"], {"Ana Li": "Ana"}),
    "a first name in lower case": ("is ana here?", ["Ana Li"], {}),
    "a first name's possessive": ("Ana's dog", ["Ana Li", "Bo Li"], {"Ana Li": "Ana"}),
    "a last name": ("Is Li here?", ["Ana Li"], {}),
    "a shared first name": ("Is Ana here?", ["Ana Li", "Ana Lund"], {}),
    "a full name with a shared first": (
        "Is Ana Li in?",
        ["Ana Li", "Ana Lund"],
        {"Ana Li": "Ana Li"},
    ),
    "a first name that is another's name": ("Is Ana here?", ["Ana Li", "Ana"], {"Ana": "Ana"}),
    "a first name of two letters": ("Is Bo here?", ["Bo Li"], {}),
    "a first name that is a stop word": ("Was Will here?", ["Will Smith"], {"Will Smith": "Will"}),
    "that first name at the start": ("Will he come?", ["Will Smith"], {}),
    "accents": ("Où est Zoé?", ["Zoé", "Zo"], {"Zoé": "Zoé"}),
    "Chinese, with spaces": ("小明 喜欢什么", ["小明"], {"小明": "小明"}),
    "Cyrillic": ("Где Иван?", ["иван"], {"иван": "Иван"}),
    "emoji": (f"What does {EMOJI} like?", [EMOJI], {EMOJI: EMOJI}),
    "an empty name": ("What  does  she like? ", [""], {}),
    "regex": (f"Is {REGEX} here?", [REGEX], {REGEX: REGEX}),
    "regex means nothing": ("Is Axxb here?", ["A.*b", "\\w+", "(", "[", "A|Is", "*"], {}),
}
# Who else is known decides about a first name and about a part of a name.
AMBIGUOUS = {
    "a first name shared in other letters": ("Is Ana here?", ["ana li", "Ana Lund"], {}),
    "another's name in other letters": ("Is Ana here?", ["Ana Li", "ana"], {"ana": "Ana"}),
    "a name within a longer one": ("Is Ana Li here?", ["Ana Li", "Ana"], {"Ana Li": "Ana Li"}),
    "both": ("Did Ana Li call Ana?", ["Ana Li", "Ana"], {"Ana Li": "Ana Li", "Ana": "Ana"}),
    "a longer one twice": ("Is Ana Li Ana Li?", ["Ana Li", "Ana"], {"Ana Li": "Ana Li"}),
    "an id within a longer one": ("Is ana-li here?", ["ana-li", "ana"], {"ana-li": "ana-li"}),
}
FIRST_PERSON = {
    "a name": ("What does Ana like?", ["Ana"], "What does I like?"),
    "possessive": ("Ana's dog and Ana's cat", ["Ana"], "my dog and my cat"),
    "curly possessive": ("Ana\u2019s dog", ["Ana"], "my dog"),
    "possessive at the end": ("Is it Ana's?", ["Ana"], "Is it my?"),
    "both": ("Did Ana walk Ana's dog?", ["Ana"], "Did I walk my dog?"),
    "no clitic": ("Ana'sun", ["Ana"], "I'sun"),
    "within a word": ("Anastasia, Savana, my_Ana", ["Ana"], "Anastasia, Savana, my_Ana"),
    "two people": ("Ana's dog bit Bo", ["Ana", "Bo"], "my dog bit I"),
    "the longest first": ("Ana Li's dog bit Ana", ["Ana", "Ana Li"], "my dog bit I"),
    "only the form that is given": ("ana and Ana", ["Ana"], "ana and I"),
    "nobody": ("What does Ana like?", [], "What does Ana like?"),
    "an empty query": ("", ["Ana"], ""),
    "regex": ("Is (A+)'s here, (A+)?", ["(A+)"], "Is my here, I?"),
    "backslashes": ("Is \\1 here, \\g<0>?", ["\\1", "\\g<0>"], "Is I here, I?"),
    "emoji": (f"{EMOJI}'s dog, {EMOJI}", [EMOJI], "my dog, I"),
}
SAID = {
    "a transcript": ("Ana: Hello", "Ana", "Hello"),
    "without a space": ("Ana:Hello", "Ana", "Hello"),
    "with many": ("Ana: \t\n Hello ", "Ana", "Hello "),
    "once": ("Ana: Ana: Hello", "Ana", "Ana: Hello"),
    "nothing": ("Ana:", "Ana", ""),
    "another": ("Bo: Hello", "Ana", "Bo: Hello"),
    "a longer name": ("Anabel: Hello", "Ana", "Anabel: Hello"),
    "other letters": ("ANA: Hello", "Ana", "ANA: Hello"),
    "later": ("So Ana: Hello", "Ana", "So Ana: Hello"),
    "no colon": ("Ana Hello", "Ana", "Ana Hello"),
    "nobody": (": Hello", None, ": Hello"),
    "an empty name": (": Hello", "", ": Hello"),
    "regex": ("A.*: Hello", "A.*", "Hello"),
    "regex means nothing": ("Abc: Hello", "A.*", "Abc: Hello"),
}
THIRD_PERSON = {
    "by name": ("Ana likes dogs", "Ana", True),
    "by a lower-case id": ("Alice likes dogs", "alice", True),
    "by the first name": ("Ana likes dogs", "Ana Li", True),
    "first person": ("I like dogs", "Ana", False),
    "in a transcript": ("Ana: I like dogs", "Ana", False),
    "in a transcript and within": ("Ana: Ana likes dogs", "Ana", True),
    "of somebody else": ("Bo likes dogs", "Ana", False),
    "within a word": ("Anabel likes dogs", "Ana", False),
    "a word like the name": ("I will come", "Will", False),
    "nobody": ("Ana likes dogs", None, False),
    "an empty name": ("Ana likes dogs", "", False),
    "an empty text": ("", "Ana", False),
}


@pytest.mark.parametrize(
    ("query", "speakers", "named"), (NAMED | AMBIGUOUS).values(), ids=NAMED | AMBIGUOUS
)
def test_a_query_names_these(query: str, speakers: list[str], named: dict[str, str]) -> None:
    assert speakers_named_in(query, speakers) == named
    assert speakers_named_in(query, reversed([*speakers, *speakers])) == named


@pytest.mark.parametrize("name", [" ", "\t", "\u2003", " \n "], ids=ascii)
def test_a_blank_name_is_never_named(name: str) -> None:
    assert speakers_named_in(f"What?  No!{name}{name}{name}? ", [name]) == {}


@pytest.mark.parametrize(("query", "forms", "expected"), FIRST_PERSON.values(), ids=FIRST_PERSON)
def test_names_become_the_first_person(query: str, forms: list[str], expected: str) -> None:
    assert to_first_person(query, forms) == expected
    assert to_first_person(query, forms[::-1]) == expected


@pytest.mark.parametrize(("text", "speaker", "expected"), SAID.values(), ids=SAID)
def test_the_speaker_before_a_text_is_left_out(
    text: str, speaker: str | None, expected: str
) -> None:
    assert without_speaker(text, speaker) == expected


@pytest.mark.parametrize(("text", "speaker", "expected"), THIRD_PERSON.values(), ids=THIRD_PERSON)
def test_a_text_may_name_its_speaker(text: str, speaker: str | None, expected: bool) -> None:
    assert names_speaker(text, speaker) is expected


@pytest.mark.parametrize(
    ("mentions", "expected"),
    [
        pytest.param([], set(), id="nobody"),
        pytest.param(["Ana Li", "Bo"], {"ana", "li", "bo"}, id="words"),
        pytest.param(["Will"], set(), id="a stop word"),
        pytest.param(["O'Brien"], {"brien"}, id="an apostrophe"),
        pytest.param(["🦊"], set(), id="emoji"),
    ],
)
def test_the_terms_of_names(mentions: list[str], expected: set[str]) -> None:
    assert name_terms(mentions) == expected


PIECES = st.sampled_from(["Ana", "ana", "Li", " ", "'s", "\u2019s", "Will", "🦊", "\\", "(", "."])
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join))


@given(TEXTS, st.lists(TEXTS, max_size=5))
@example("İ \u0131 ß SS", ["i", "ss", "S", "\u0130", "\u017f"])
def test_any_query_and_any_names(query: str, speakers: list[str]) -> None:
    named = speakers_named_in(query, speakers)
    assert set(named) <= set(speakers)
    for form in named.values():
        assert re.search(rf"(?<!\w){re.escape(form)}(?!\w)", query)
    if not named:
        assert to_first_person(query, named.values()) == query


@given(TEXTS, st.one_of(st.none(), TEXTS))
def test_any_text_of_any_speaker(text: str, speaker: str | None) -> None:
    assert text.endswith(without_speaker(text, speaker))
    expected = bool(speaker) and bool(
        speakers_named_in(without_speaker(text, speaker), [speaker or ""])
    )
    assert names_speaker(text, speaker) is expected


@given(TEXTS, st.lists(TEXTS, max_size=4))
def test_any_forms_can_be_replaced(query: str, forms: list[str]) -> None:
    absent = [form for form in forms if form and form not in query]
    assert to_first_person(query, absent) == query
    assert isinstance(to_first_person(query, forms), str)
