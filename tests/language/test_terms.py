"""Terms: what becomes of the words of a text, in any script.

Expected stems are from the sample vocabulary of the English Snowball stemmer, the others are
written out by the rule that the module states.
"""

import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from language.terms import MAX_TERM_LENGTH, STOP_WORDS, terms


def spelled(word: str) -> str:
    """Return a word as a term is spelled that is not made of ASCII letters and digits."""
    return "0x" + "".join(f"{byte:02x}" for byte in word.encode())


ENGLISH = {
    "": [],
    " \t\r\n.,;:!?-()[]": [],
    "a lonely dog": ["lone", "dog"],
    "Consigned, consigning; CONSIGNMENT!": ["consign", "consign", "consign"],
    "consistency consistent": ["consist", "consist"],
    "dying skies news": ["die", "sky", "news"],
    "knots\tknightly\nkneeling": ["knot", "knight", "kneel"],
    "dogs and dogs": ["dog", "dog"],
    "well-known e-mail": ["well", "known", "e", "mail"],
    "snake_case __init__": ["snake", "case", "init"],
    "42 1,000 3.14 2023-05-07 10pm": ["42", "1", "000", "3", "14", "2023", "05", "07", "10pm"],
    "C++ C# user@example.com": ["c", "c", "user", "exampl", "com"],
    "What will you do with them?": [],
}
CLITICS = {
    "Caroline's dog": ["carolin", "dog"],
    "Caroline\u2019s dog": ["carolin", "dog"],
    "CAROLINE'S DOG": ["carolin", "dog"],
    "Caroline\uff07s dog": ["carolin", "dog"],
    "don't doesn't she'll I'd I'm you're we've it's": ["doesn"],
    "the dogs' bowls": ["dog", "bowl"],
    "'quoted' ''twice''": ["quot", "twice"],
    "o'clock O'Brien": ["clock", "brien"],
    "rock'n'roll": ["rock", "n", "roll"],
    "cat's's": ["cat"],
    "l'ami": ["l", "ami"],
    "l\u2019ami": ["l", "ami"],
    "L'AMI d'Anne": ["l", "ami", "ann"],
    "aujourd'hui": ["aujourd", "hui"],
    "' '' '''": [],
}
FOLDED = {
    "Stra\u00dfe STRASSE": ["strass", "strass"],
    "\uff26\uff55\uff4c\uff4c \uff12\uff10": ["full", "20"],
    "\ufb01sh": ["fish"],
    "m\u00b2 \u2460 \u00bd": ["m2", "1", "1", "2"],
    "caf\u00e9": [spelled("caf\u00e9")],
    "cafe\u0301": [spelled("caf\u00e9")],
    "CAF\u00c9": [spelled("caf\u00e9")],
    "\u039f\u03b4\u03cc\u03c2 \u039f\u0394\u038c\u03a3": [spelled("\u03bf\u03b4\u03cc\u03c3")] * 2,
    "\uff76\uff9e": [spelled("\u30ac")],
    "\u1112\u1161\u11ab\u1100\u1173\u11af": [spelled("\ud55c\uae00")],
}
SCRIPTS = {
    "日本語": [spelled("日本"), spelled("本語")],
    "猫": [spelled("猫")],
    "我爱北京。天安门": [spelled(each) for each in ("我爱", "爱北", "北京", "天安", "安门")],
    "iPhone手机16个": ["iphon", spelled("手机"), "16", spelled("个")],
    "カレーを食べた": [spelled(each) for each in ("カレ", "レー", "ーを", "を食", "食べ", "べた")],
    "ภาษา": [spelled("ภา"), spelled("าษ"), spelled("ษา")],
    "\U00020000\U00020001": [spelled("\U00020000\U00020001")],
    "Книга, книга": [spelled("книга")] * 2,
    "مرحبا بالعالم": [spelled("مرحبا"), spelled("بالعالم")],
    "שלום": [spelled("שלום")],
    "한국어를 배워요": [spelled("한국어를"), spelled("배워요")],
    "٣ ४": [spelled("٣"), spelled("४")],
    "naïve dog": [spelled("naïv"), "dog"],
}
NOTHING = ["🦊", "👩‍👩‍👧 🇫🇷 ❤️", "…—·", "_", "\u0301", "\u200b\u200d\ufeff", "\ud800", "\0"]
# Words that differ only by marks: letters of their own where vowels are written so.
MARKED = {
    "Hindi": ("दिन", "दान"),
    "Tamil": ("மலை", "மல"),
    "Thai": ("ดี", "ดู"),
    "Turkish": ("İzmir", "zmir"),
}


@pytest.mark.parametrize(
    ("text", "expected"), (ENGLISH | CLITICS | FOLDED | SCRIPTS).items(), ids=ascii
)
def test_a_text_has_these_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_texts_without_words_have_no_terms(text: str) -> None:
    assert terms(text) == []
    assert terms(f"dog {text} cat") == ["dog", "cat"]


def test_stop_words_are_no_terms_however_they_are_written() -> None:
    together = " ".join(sorted(STOP_WORDS))
    for text in (together, together.upper(), together.title(), f"{together} 🦊"):
        assert terms(text) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("他说'hello'", id="quotes beside Chinese"),
        pytest.param("他说\u2019hello\u2019吗", id="curly quotes beside Chinese"),
        pytest.param("日本'語", id="an apostrophe within"),
        pytest.param("語's", id="a clitic"),
        pytest.param("ไทย'a'ไทย", id="Thai"),
    ],
)
def test_an_apostrophe_beside_unspaced_writing_leaves_no_empty_term(text: str) -> None:
    """An empty term is none: PostgreSQL refuses it in a tsvector and in a query."""
    assert "" not in terms(text)


@pytest.mark.parametrize(("word", "other"), MARKED.values(), ids=MARKED)
def test_words_that_differ_by_marks_are_different(word: str, other: str) -> None:
    assert terms(word) != terms(other)


@pytest.mark.parametrize(
    "word",
    ["हिन्दी", "বাংলা", "தமிழ்", "مُحَمَّد", "שָׁלוֹם"],
    ids=["Hindi", "Bengali", "Tamil", "Arabic", "Hebrew"],
)
def test_a_word_with_marks_stays_one(word: str) -> None:
    assert len(terms(word)) == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param("1\ufe0f\u20e3 dog", "1 dog", id="a digit as an emoji"),
        pytest.param("\u845b\U000e0100\u57ce", "\u845b\u57ce", id="a character in another style"),
        pytest.param("\u3297\ufe0f", "\u3297", id="a character as an emoji"),
    ],
)
def test_how_a_character_is_to_be_drawn_does_not_matter(text: str, plain: str) -> None:
    assert terms(text) == terms(plain)


def test_a_word_of_the_longest_length_stays_as_it_is() -> None:
    assert terms("x" * MAX_TERM_LENGTH) == ["x" * MAX_TERM_LENGTH]


@pytest.mark.parametrize("letter", ["x", "é", "日"], ids=ascii)
@pytest.mark.parametrize("length", [MAX_TERM_LENGTH + 1, 60_000])
def test_a_longer_word_is_cut_but_matches_itself(letter: str, length: int) -> None:
    found = terms(f"dog {letter * length} cat")
    assert (found[0], found[-1]) == ("dog", "cat")
    assert set(terms(letter * length)) == set(found[1:-1])
    assert max(map(len, found)) <= len("0x") + 2 * MAX_TERM_LENGTH


def test_longer_words_are_told_apart_by_how_they_begin() -> None:
    assert terms("x" * 60 + "y" * 10) != terms("x" * 60 + "z" * 10)


SOME = ("he's", "l\u2019ami", "日本'語", "他说'hello'", "İzmir", "ﷺ", "\u0149a", "x" * 200)


@given(st.one_of(st.text(), st.text(st.sampled_from("aZ9é日ไ'\u2019_ \u0301🦊"))))
@example("'".join(SOME))
def test_a_term_is_made_of_ascii_letters_and_digits(text: str) -> None:
    found = terms(text)
    assert [term for term in found if not re.fullmatch("[a-z0-9]+", term)] == []
    assert terms(text) == found


@given(st.text())
@example("e\u0301 \u00e9 \u1e9b\u0323 \u212b ｶﾞ")
def test_the_unicode_form_of_a_text_does_not_matter(text: str) -> None:
    found = terms(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert terms(unicodedata.normalize(form, text)) == found  # type: ignore[arg-type]


PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


@given(PRINTABLE)
def test_plain_text_has_the_same_terms_beside_other_writing(text: str) -> None:
    """Plain text is read by a faster way, which must not be seen in the terms."""
    wide = "".join(chr(ord(each) + 0xFEE0) if each != " " else each for each in text)
    assert terms(wide) == terms(f"{text} 🦊") == terms(text.upper()) == terms(text)


# Without the dotted and the dotless I of Turkish, whose case depends on the language.
LETTERS = {
    "Latin": "abcdefghijklmnopqrstuvwxyzàâäæçéèêëîïôœùûüÿñßøåłşğčšž0123456789",
    "Cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ",
    "Greek": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώ",
    "Arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي٠١٢",
    "Hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "Hangul": "가나다라마바사아자차카타파하한글국어",
}
UNSPACED = {
    "Chinese": "我你他爱北京天安门学习中文猫狗",
    "Japanese": "日本語わたしはネコカレーを食べ",
    "Thai": "กขคงจชซดตถทธนบปผพฟภมยรลวศสหอาเแโไ",
}


def words(alphabets: dict[str, str], least: int) -> st.SearchStrategy[str]:
    """Return a strategy of words, each of one alphabet."""
    return st.one_of([st.text(each, min_size=least, max_size=12) for each in alphabets.values()])


@given(st.lists(words(LETTERS | UNSPACED, 1), min_size=1, max_size=8), st.data())
def test_every_whole_word_is_found_by_itself(said: list[str], data: st.DataObject) -> None:
    parts = st.sampled_from([" ", ", ", "-", "_", "\n", " 🦊", "... "])
    text = "".join(part for word in said for part in (word, data.draw(parts)))
    has = set(terms(text))
    for word in said:
        alone = terms(word)
        assert alone or word in STOP_WORDS
        assert set(alone) <= has


@given(words(UNSPACED, 2), st.text("我は猫ไท", max_size=5), st.text("我は猫ไท", max_size=5))
def test_a_word_is_found_within_writing_without_spaces(word: str, left: str, right: str) -> None:
    assert set(terms(word)) <= set(terms(f"{left}{word}{right}"))


@given(words(LETTERS, 1))
def test_letter_case_does_not_matter(word: str) -> None:
    assert terms(word.upper()) == terms(word.title()) == terms(word)


@given(st.text(), st.text())
def test_texts_beside_each_other_keep_their_terms(one: str, other: str) -> None:
    assert terms(f"{one}\n{other}") == terms(one) + terms(other)


def test_several_threads_at_once_get_what_one_gets() -> None:
    texts = [f"running {n} consistency{n} дома{n} 北京{n} generalizations" for n in range(300)]
    alone = [terms(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        rounds = list(pool.map(lambda _: [terms(text) for text in texts], range(24)))
    assert rounds == [alone] * 24
