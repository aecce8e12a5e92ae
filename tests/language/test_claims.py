"""What texts claim of their speakers and which claims make others outdated, on labelled sentences.

The trap: a wrong supersession hides what is still true, so precision has to be whole, and recall
may be what it is.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.claims.claim import MAX_PART_LENGTH, MAX_TEXT_LENGTH, Claim, claim_of, supersedes
from tests.language.claims_labelled import CLAIMS, PAIRS
from tests.language.claims_of_life import LIFE
from tests.language.unseen_pairs import SUPERSEDING


def claimed(text: str) -> tuple[str, str, bool] | None:
    claim = claim_of(text)
    return (claim.attribute, claim.value, claim.ends) if claim else None


def outdated(earlier: str, later: str) -> bool:
    former, latter = claim_of(earlier), claim_of(later)
    return former is not None and latter is not None and supersedes(latter, former)


def test_there_are_enough_labels_each_once() -> None:
    assert len({text for text, _ in CLAIMS}) == len(CLAIMS) >= 120
    assert len({(earlier, later) for earlier, later, _ in PAIRS}) == len(PAIRS) >= 60


def test_claims_are_read_with_hardly_an_error() -> None:
    found = [(text, claimed(text), wanted) for text, wanted in CLAIMS]
    given = [row for row in found if row[1] is not None]
    right = [row for row in given if row[1] == row[2]]
    wanted = sum(wanted is not None for _, wanted in CLAIMS)
    precision, recall = len(right) / len(given), len(right) / wanted
    print(f"\nclaims: precision {precision:.3f}, recall {recall:.3f} of {len(CLAIMS)} sentences")
    assert [row for row in given if row not in right] == []
    assert recall >= 0.9


def test_only_what_is_contradicted_is_superseded() -> None:
    found = [(earlier, later, outdated(earlier, later), wanted) for earlier, later, wanted in PAIRS]
    given = [row for row in found if row[2]]
    right = [row for row in given if row[3]]
    precision, recall = len(right) / len(given), len(right) / sum(row[3] for row in found)
    print(f"\npairs: precision {precision:.3f}, recall {recall:.3f} of {len(PAIRS)} pairs")
    assert [row for row in given if not row[3]] == []
    assert recall >= 0.95


@pytest.mark.parametrize(("earlier", "later", "expected"), LIFE)
def test_what_changes_in_a_life(earlier: str, later: str, expected: bool) -> None:
    assert outdated(earlier, later) is expected


def test_unseen_pairs_are_told_apart_without_a_false_supersession() -> None:
    found = [(outdated(earlier, later), wanted) for earlier, later, wanted in SUPERSEDING]
    right = sum(given and wanted for given, wanted in found)
    wrong = sum(given and not wanted for given, wanted in found)
    recall = right / sum(wanted for _, wanted in found)
    print(f"\nunseen pairs: {wrong} wrong, recall {recall:.3f} of {len(SUPERSEDING)} pairs")
    assert wrong == 0


CITY, COUNTRY = "home city", "home country"


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        (Claim(CITY, "rome"), Claim(CITY, "paris"), True),
        (Claim(CITY, "rome"), Claim(CITY, "rome"), False),
        (Claim(CITY, "rome"), Claim(COUNTRY, "france"), False),
        (Claim(CITY, "rome, italy"), Claim(CITY, "rome"), False),
        (Claim(CITY, "rome"), Claim(CITY, "paris", ends=True), False),
        (Claim(CITY, "rome", ends=True), Claim(CITY, "rome"), True),
        (Claim(CITY, "rome", ends=True), Claim(CITY, "rome, italy"), True),
        (Claim(CITY, "rome", ends=True), Claim(CITY, "romeville"), False),
        (Claim(CITY, "rome", ends=True), Claim(CITY, "paris"), False),
        (Claim(CITY, "", ends=True), Claim(CITY, "paris"), True),
        (Claim(CITY, "", ends=True), Claim(CITY, "paris", ends=True), False),
        (Claim("age", "31"), Claim("age", "30"), True),
        (Claim("age", "30"), Claim("age", "31"), False),
        (Claim("phone", "49301234567"), Claim("phone", "301234567"), False),
        (Claim("phone", "49301234568"), Claim("phone", "301234567"), True),
    ],
)
def test_when_a_claim_supersedes_another(later: Claim, earlier: Claim, expected: bool) -> None:
    assert supersedes(later, earlier) is expected


@pytest.mark.parametrize(
    "text",
    [
        "I live in PARIS",
        "  I  live\tin\nParis .",
        "\uff29 \uff4c\uff49\uff56\uff45 \uff49\uff4e \uff30\uff41\uff52\uff49\uff53",
        "I live in Paris!!!",
        "Hi! I live in Paris.",
        "Actually, I live in Paris now.",
        "Please note that I live in Paris",
        "I live in Paris with my brother Tom and my two cats.",
    ],
)
def test_dress_does_not_matter(text: str) -> None:
    assert claim_of(text) == Claim(CITY, "paris")


def test_typographic_apostrophes_are_apostrophes() -> None:
    assert claim_of("I don\u2019t live in Paris anymore") == Claim(CITY, "paris", ends=True)


def test_names_of_any_script_with_capitals_are_names() -> None:
    assert claim_of("My name is \u041e\u043b\u044c\u0433\u0430.") == Claim(
        "name", "\u043e\u043b\u044c\u0433\u0430"
    )


def test_two_sentences_that_both_say_something_claim_nothing() -> None:
    assert claim_of("I live in Paris. I work at Dior.") is None
    assert claim_of("Really? Yes. I live in Paris.") is None


def test_long_texts_claim_nothing() -> None:
    assert claim_of("Well, " + "oh, " * 26 + "I live in Paris.") is None
    assert claim_of(f"{'why ' * 26}? I live in Paris.") is None
    assert claim_of(f"{'why ' * 20}? I live in Paris.") == Claim(CITY, "paris")
    assert claim_of(f"My name is {'A' * MAX_PART_LENGTH}.") == Claim("name", "a" * MAX_PART_LENGTH)
    assert claim_of(f"My name is {'A' * (MAX_PART_LENGTH + 1)}.") is None


HOSTILE = [
    "I live in " + "A " * 32_700,
    "my favourite " + "x " * 32_700 + "is",
    "I moved from " + "a, " * 20_000,
    " " * 65_536,
    "? " * 32_768,
    "I drink " + "tea instead of " * 4_000,
    "\ufdfa" * 65_536,
]


@pytest.mark.parametrize("text", [*HOSTILE, *(text[:MAX_TEXT_LENGTH] for text in HOSTILE)])
def test_hostile_texts_claim_nothing(text: str) -> None:
    # Whatever takes the square of their length does not come to an end here.
    assert claim_of(text) is None


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([text for text, wanted in CLAIMS if wanted]),
    st.text(max_size=12),
    st.integers(),
)
def test_any_text_claims_within_bounds_or_not_at_all(text: str, noise: str, at: int) -> None:
    at %= len(text)
    claim = claim_of(text[:at] + noise + text[at:])
    if claim is not None:
        assert 0 < len(claim.attribute) <= MAX_PART_LENGTH
        assert len(claim.value) <= MAX_PART_LENGTH
        assert claim.value or claim.ends
