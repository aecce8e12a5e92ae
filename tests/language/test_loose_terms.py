"""What a query shares with a text of another spelling or inflection, and what English has."""

# ruff: noqa: RUF001

import pytest

from language.loose_terms import LEAST, SPELLING, loose_terms, stored_terms
from language.terms import terms

# Words that a text and a query share loosely: an accent, or half of the n-grams.
SIMILAR = [
    ("José called.", "Jose"),
    ("Jose called.", "José"),
    ("José called.", "Josè"),
    ("Škoda", "SKODA"),
    ("Herr Müller", "Mueller"),
    ("Herr Muller", "Müller"),
    ("Łódź", "Lodz"),
    ("Jørgensen", "Jorgensen"),
    ("Diyarbakır", "Diyarbakir"),
    ("Я живу на улице Ленина.", "улица"),
    ("Мы купили собаку.", "собака"),
    ("제 딸의 생일", "딸"),
    ("이름은 하은", "이름이"),
    ("حساسية الفول", "الحساسية"),
    ("Έχω αλλεργία", "αλλεργίες"),
    ("Piję kawę bez cukru", "Jaką kawą?"),
    ("我养了猫咪。", "猫"),
    ("٣ قطط", "3"),
]
DIFFERENT = [
    ("José called.", "Josefine"),
    ("Мы купили дом.", "дорога"),
    ("이름은 하은", "하늘이"),
    ("我养了猫咪。", "狗"),
    ("दिन", "दान"),
]
ENGLISH = ["", "I moved to Munich in May.", "It\u2019s done \u2014 finally \U0001f355", "C++ 3.14"]


def worth(text: str, query: str) -> float:
    """Return the greatest worth of a term of the query in a text that lacks the term itself."""
    stored = {*terms(text), *stored_terms(text)}
    found = [0.0]
    for term, loose in loose_terms(query).items():
        if term not in stored:
            found.append(sum(part for each, part in loose.items() if each in stored))
    return min(max(found), SPELLING)


@pytest.mark.parametrize(("text", "query"), SIMILAR, ids=ascii)
def test_another_spelling_or_form_matches_below_an_exact_match(text: str, query: str) -> None:
    assert LEAST <= round(worth(text, query), 6) < 1


@pytest.mark.parametrize(("text", "query"), DIFFERENT, ids=ascii)
def test_another_word_does_not_match(text: str, query: str) -> None:
    assert worth(text, query) < LEAST


@pytest.mark.parametrize("text", ENGLISH, ids=ascii)
def test_english_has_no_loose_terms(text: str) -> None:
    assert stored_terms(text) == []


def test_an_english_text_has_those_of_its_foreign_words_only() -> None:
    text = "I met José in the old market with my dog, and then we went home."
    assert stored_terms(text) == stored_terms("José")


def test_the_terms_of_a_query_are_those_of_its_text() -> None:
    for text in ("Где живёт Мария?", "我爱北京", "What's José's dog called?", "제 딸의 이름"):
        assert list(loose_terms(text)) == list(dict.fromkeys(terms(text)))


@pytest.mark.parametrize("text", ["猫" * 50, "тест " * 9, "\ud800 é", "0x 0fjose 0n"], ids=ascii)
def test_loose_terms_are_letters_and_digits_each_once(text: str) -> None:
    found = stored_terms(text)
    assert all(term.isascii() and term.isalnum() for term in found)
    assert len(set(found)) == len(found)
