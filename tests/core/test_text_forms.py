"""What is a difference between two texts: what a reader sees, and not how it is encoded."""

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.filters.tree import Condition, Field, Operator
from core.text_forms import canonical_name, comparable, identity_form, without_invisible
from language.terms import terms
from storage.memories.uniqueness import text_hash

SAME = {
    "decomposed": ("cafe\u0301", "caf\u00e9"),
    "decomposed Hangul": ("\u1112\u1161\u11ab", "\ud55c"),
    "full width": ("\uff34\uff45\uff41 \uff11!", "Tea 1!"),
    "half width": ("\uff76\uff9e", "\u30ac"),
    "zero width": ("te\u200ba", "tea"),
    "byte order mark": ("\ufefftea", "tea"),
    "direction": ("\u202atea\u202c\u200f", "tea"),
    "soft hyphen": ("te\u00ada", "tea"),
    "Persian joiner": ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
}
DIFFERENT = {
    "superscript": ("10\u00b2", "102"),
    "symbols": ("x > 5", "x < 5"),
    "case": ("Tulip", "tulip"),
    "flags": ("\U0001f1eb\U0001f1f7", "\U0001f1ee\U0001f1f9"),
    "family": ("\U0001f468\u200d\U0001f467", "\U0001f468\U0001f467"),
    "flag of England": ("\U0001f3f4\U000e0067\U000e007f", "\U0001f3f4"),
    "circled digit": ("\u2460", "1"),
}


@pytest.mark.parametrize("case", SAME)
def test_what_cannot_be_seen_is_no_difference(case: str) -> None:
    one, other = SAME[case]
    assert comparable(one) == comparable(other) == other
    assert text_hash(one) == text_hash(other)
    assert terms(one) == terms(other)
    assert canonical_name(one) == other


@pytest.mark.parametrize("case", DIFFERENT)
def test_what_can_be_seen_is_a_difference(case: str) -> None:
    one, other = DIFFERENT[case]
    assert comparable(one) != comparable(other)
    assert text_hash(one) != text_hash(other)


@pytest.mark.parametrize(
    "text", ["I \u2764\ufe0f tea", "\u4eca\u65e5\u306f\uff01", "na\u00efve", "\ud55c\uae00\uff1f"]
)
def test_ordinary_texts_keep_the_digest_of_nfc(text: str) -> None:
    normal = unicodedata.normalize("NFC", text)
    assert text_hash(text) == hashlib.sha256(normal.encode()).hexdigest()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_forms_are_stable(text: str) -> None:
    for form in (comparable, identity_form):
        assert form(form(form(text))) == form(form(text))


def test_emoji_stay_whole() -> None:
    family = "\U0001f469\U0001f3fd\u200d\U0001f4bb \u2764\ufe0f\u200d\U0001f525"
    assert without_invisible(family) == family.replace("\ufe0f", "")


def test_an_invisible_name_stays_as_it_is() -> None:
    assert canonical_name("\u200b") == "\u200b"


@pytest.mark.parametrize(
    ("value", "operator", "names"),
    [
        ("jos\u00e9", Operator.EQ, "jos\u00e9"),
        ("jose\u0301", Operator.IN, ("jos\u00e9", "jose\u0301")),
        ("ana", Operator.EQ, "ana"),
    ],
)
def test_a_filter_also_names_what_older_rows_have(
    value: str, operator: Operator, names: object
) -> None:
    condition = Condition(Field.USER_ID, Operator.EQ, value)
    assert (condition.operator, condition.value) == (operator, names)
