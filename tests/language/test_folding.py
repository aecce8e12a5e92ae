"""Spellings without accents, and marks that are letters."""

import unicodedata

import pytest

from language.folding import fold, fold_letters, spellings

FOLDED = {
    "jos\u00e9": "jose",
    "\u0161koda": "skoda",
    "\u0142\u00f3d\u017a": "lodz",
    "\u00f8rsted": "orsted",
    "\u00e6ble": "aeble",
    "\u0131l\u0131k": "ilik",
    "i\u0307zmir": "izmir",
    "\u0111\u00e0 n\u1eb5ng": "da nang",
    "stra\u00dfe": "strasse",
    "\u03ba\u03ac\u03c1\u03b1": "\u03ba\u03b1\u03c1\u03b1",
    "\u0451\u043b\u043a\u0430": "\u0435\u043b\u043a\u0430",
    "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f": "\u0645\u062d\u0645\u062f",
    "\u0623\u062d\u0645\u062f": "\u0627\u062d\u0645\u062f",
    "\u0645\u062f\u0631\u0633\u0629": "\u0645\u062f\u0631\u0633\u0647",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd": "\u05e9\u05dc\u05d5\u05dd",
    "\u091a\u0940\u091c\u093c": "\u091a\u0940\u091c",
    "\u0663\u096a": "34",
}
KEPT = [
    "\u304c\u304e",
    "\u0926\u093f\u0928",
    "\u0e14\u0e35",
    "\ud55c\uae00",
    "\u0bae\u0bb2\u0bc8",
    "plain 123",
]


@pytest.mark.parametrize(("text", "plain"), FOLDED.items(), ids=ascii)
def test_what_people_leave_out_is_folded(text: str, plain: str) -> None:
    assert fold(text) == fold(unicodedata.normalize("NFD", text)) == plain


@pytest.mark.parametrize("text", KEPT, ids=ascii)
def test_marks_that_are_vowels_or_letters_stay(text: str) -> None:
    assert fold(text) == text
    assert spellings(text) == ()


def test_an_umlaut_has_two_other_spellings() -> None:
    assert spellings("m\u00fcller") == ("muller", "mueller")
    assert spellings("jos\u00e9") == ("jose",)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\u00c9lan \u0141\u00f3d\u017a \u00d8re", "Elan Lodz Ore"),
        ("Stra\u00dfe \u00c6ble", "Stra\u00dfe \u00c6ble"),
        ("\u0130zmir", "Izmir"),
        ("Jos\u00e9 \u732b\U00020000", "Jose \u732b\U00020000"),
    ],
    ids=ascii,
)
def test_letters_are_folded_one_by_one(text: str, plain: str) -> None:
    assert fold_letters(text) == plain
    assert len(plain) == len(text)
