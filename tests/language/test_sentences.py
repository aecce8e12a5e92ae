"""Where sentences end: the cases that people write, and texts made to make a splitter slow."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from language.sentences import is_code, is_item, sentences, without_bullet

# A text, and its sentences.
SPLIT = {
    "nothing": ("", []),
    "white space": (" \n\t \u3000\n", []),
    "one word": ("Tea", ["Tea"]),
    "two sentences": ("I moved. I like it here.", ["I moved.", "I like it here."]),
    "no capitals": (
        "i live in rome. i work at a bank!",
        ["i live in rome.", "i work at a bank!"],
    ),
    "titles": (
        "Dr. Osei and Mrs. Bloom met Prof. Lin. They talked.",
        ["Dr. Osei and Mrs. Bloom met Prof. Lin.", "They talked."],
    ),
    "Latin": (
        "Bring fruit, e.g. apples, i.e. food. I do, etc. Then we go.",
        ["Bring fruit, e.g. apples, i.e. food.", "I do, etc.", "Then we go."],
    ),
    "countries": (
        "The U.S. Army left. I live in the U.S. My wife is from the U.K. and Fiji.",
        ["The U.S. Army left.", "I live in the U.S.", "My wife is from the U.K. and Fiji."],
    ),
    "initials": (
        "I read J. R. R. Tolkien. So did I. Then he slept.",
        ["I read J. R. R. Tolkien.", "So did I.", "Then he slept."],
    ),
    "initials without spaces": (
        "I like J.R.R. Tolkien. I read G.K. Chesterton.",
        ["I like J.R.R. Tolkien.", "I read G.K. Chesterton."],
    ),
    "names with a mark": (
        "I work at Yahoo! in London. I love Panic! At The Disco. Mum was on Jeopardy! in 2011.",
        [
            "I work at Yahoo! in London.",
            "I love Panic! At The Disco.",
            "Mum was on Jeopardy! in 2011.",
        ],
    ),
    "a name with a mark before a capital": (
        "We heard Godspeed You! Black Emperor. We watched Help! We loved it.",
        ["We heard Godspeed You! Black Emperor.", "We watched Help!", "We loved it."],
    ),
    "names before another sentence": (
        "I moved to Leeds! Anna helped me. Great! In The Hague it rained. Hi Marta! can you help?",
        [
            *("I moved to Leeds!", "Anna helped me.", "Great!", "In The Hague it rained."),
            *("Hi Marta!", "can you help?"),
        ],
    ),
    "German days": (
        "Am 3. Mai ziehe ich um. Ich bin 3. Wir gehen.",
        ["Am 3. Mai ziehe ich um.", "Ich bin 3.", "Wir gehen."],
    ),
    "tables": (
        "Pets:\n| a | b |\n|---|:-:|\n| Rex. | dog |\nThey bark.",
        ["Pets:", "| a | b |\n|---|:-:|\n| Rex. | dog |", "They bark."],
    ),
    "quoted code": ("> ```\n> a. b\n> ```\nYes.", ["> ```\n> a. b\n> ```", "Yes."]),
    "hours": (
        "We meet at 5 p.m. on Monday. Be there at 4 p.m. The door opens then.",
        ["We meet at 5 p.m. on Monday.", "Be there at 4 p.m.", "The door opens then."],
    ),
    "months": (
        "I was born on Jan. 5 in Bonn. We met in Dec. It snowed.",
        ["I was born on Jan. 5 in Bonn.", "We met in Dec.", "It snowed."],
    ),
    "numbers": (
        "Pi is 3.14 or so. No. 5 is alive. I said no. She left.",
        ["Pi is 3.14 or so.", "No. 5 is alive.", "I said no.", "She left."],
    ),
    "addresses": (
        "See https://a.example/b.c?d=e.f. Write to x.y@z.example. Use v1.2.3 of node.js now.",
        [
            "See https://a.example/b.c?d=e.f.",
            "Write to x.y@z.example.",
            "Use v1.2.3 of node.js now.",
        ],
    ),
    "ellipses": (
        "Well... maybe not. I left... Then I slept. Hm\u2026 no. Oh\u2026 We won.",
        ["Well... maybe not.", "I left...", "Then I slept.", "Hm\u2026 no.", "Oh\u2026", "We won."],
    ),
    "runs of marks": (
        "What?! No way!!! Really? ! I wait . . . ok",
        ["What?!", "No way!!!", "Really? !", "I wait . . .", "ok"],
    ),
    "a quotation goes on": (
        '"Come in!" she said. \u201cNo.\u201d Then he left.',
        ['"Come in!" she said.', "\u201cNo.\u201d", "Then he left."],
    ),
    "sentences within": (
        'She said "Stop. Go home." and left (see p. 3. It helps.) at once. I did.',
        ['She said "Stop. Go home." and left (see p. 3. It helps.) at once.', "I did."],
    ),
    "an open quotation": ('He said "Stop. I ran.', ['He said "Stop.', "I ran."]),
    "emoji after a stop": (
        "I won!\U0001f389 We party. Yes! \U0001f389\U0001f389",
        ["I won!\U0001f389", "We party.", "Yes!", "\U0001f389\U0001f389"],
    ),
    "emoji as a stop": (
        "I won \U0001f389 We party \U0001f468\u200d\U0001f373 with friends",
        ["I won \U0001f389", "We party \U0001f468\u200d\U0001f373 with friends"],
    ),
    "emoji within": ("I \u2764\ufe0f Paris", ["I \u2764\ufe0f Paris"]),
    "Chinese": (
        "\u6211\u4f4f\u5728\u5df4\u9ece\u3002\u4f60\u5462\uff1f\u597d\uff01",
        ["\u6211\u4f4f\u5728\u5df4\u9ece\u3002", "\u4f60\u5462\uff1f", "\u597d\uff01"],
    ),
    "Hindi": (
        "\u092e\u0948\u0902 \u0939\u0942\u0901\u0964 \u0924\u0941\u092e",
        ["\u092e\u0948\u0902 \u0939\u0942\u0901\u0964", "\u0924\u0941\u092e"],
    ),
    "lines": ("my cat is Pixel\nI work nights", ["my cat is Pixel", "I work nights"]),
    "short lines in small letters": ("i like tea\ni hate rain", ["i like tea", "i hate rain"]),
    "full lines": (
        "This line was broken because the window was not wide enough\nto hold it. Fine.",
        ["This line was broken because the window was not wide enough\nto hold it.", "Fine."],
    ),
    "paragraphs": (
        "This line was not broken because the window was too narrow\n\nto hold it",
        ["This line was not broken because the window was too narrow", "to hold it"],
    ),
    "lists": (
        "Food:\n- ramen. Hot.\n* figs\n1. One thing\n2) two\n\u2022 three",
        ["Food:", "- ramen.", "Hot.", "* figs", "1. One thing", "2) two", "\u2022 three"],
    ),
    "code": (
        "Run this:\n```python\nx = 1. \n\nprint(x)\n```\nIt works. Yes.",
        ["Run this:", "```python\nx = 1. \n\nprint(x)\n```", "It works.", "Yes."],
    ),
    "open code": ("```\na. b\n\nc. d", ["```\na. b\n\nc. d"]),
    "carriage returns": ("One.\r\nTwo.\rThree.", ["One.", "Two.", "Three."]),
    "half a surrogate pair": ("A \ud83d b. C.", ["A \ud83d b.", "C."]),
}

HOSTILE = {
    "letters": "a",
    "stops": ".",
    "stops and spaces": ". ",
    "short sentences": "a. ",
    "questions": "?! ",
    "Chinese stops": "\u3002",
    "closing marks": '."',
    "opening marks": '"',
    "opening quotations": " \u201ca",
    "parentheses": "(",
    "open parentheses": " (aaaaaaaa",
    "emoji": "\U0001f389",
    "stops and emoji": "!\U0001f389 ",
    "lines": "\n",
    "short lines": "a\n",
    "full lines": "a" * 60 + "\n",
    "fences": "```\n",
    "bullets": "- \n",
    "spaces": " ",
    "bars": "|\n",
    "rulers": "|-|\n",
    "marked names": "I like Yahoo! ",
    "accents": "\u00e9. ",
    "initials": "J. ",
}


@pytest.mark.parametrize("case", SPLIT)
def test_sentence_ends(case: str) -> None:
    text, expected = SPLIT[case]
    assert sentences(text) == expected


@given(
    st.text(
        alphabet=st.sampled_from("aB1 \n.!?\"'()-*`:\u3002\u201c\u201d\U0001f389\u2026"),
        max_size=80,
    )
)
@example("```\n\n\n```\n\n a")
@example(". \n\n.")
@example("a \u2028b")
def test_splitting_loses_only_white_space(text: str) -> None:
    found = sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(sentence and sentence == sentence.strip() for sentence in found)


@given(st.text())
def test_any_text_is_split(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("case", HOSTILE)
def test_a_megabyte_is_split_to_its_end(case: str) -> None:
    unit = HOSTILE[case]
    text = unit * (1_000_000 // len(unit.encode()))
    # It takes less than a second, and hours if not linear.
    found = sentences(text)
    assert sum(map(len, found)) <= len(text)


def test_items_of_lists_are_told_and_bared() -> None:
    assert [
        text for text in ("- figs", "1. figs", "figs", "1.5 figs", "-figs") if is_item(text)
    ] == [
        "- figs",
        "1. figs",
    ]
    assert without_bullet("12) figs") == "figs"
    assert without_bullet("figs - ripe") == "figs - ripe"
    assert without_bullet("- ") == "- "


def test_code_is_told() -> None:
    assert is_code("```\nx\n```")
    assert not is_code("`x` is code")
