"""Facts that were lost by their form: requests to remember, answers, names with marks, tables.

The trap: what has the same form and states nothing must still be dropped, so each kind has both.
"""

from datetime import UTC, datetime

import pytest

from core.turn import Turn
from providers.extraction import Assignment
from providers.local import LocalExtractor

MONDAY = datetime(2024, 5, 13, 10, 30, tzinfo=UTC)
# The letters of other alphabets look like Latin ones.
# ruff: noqa: RUF001

# One message of a user, kept as it is.
KEPT = """
Please note I'm allergic to latex.
Can you remember that I prefer aisle seats?
Could you keep in mind that I don't eat pork?
Save this: the wifi password is Tulip-9.
I want you to always answer in French.
Would you please note that my flight leaves at nine?
Please be aware that I can't hear well on the phone.
Can you store this for me: my locker is number 12?
Make sure you remember my sister is called Odile.
I'd like you to call me Captain.
I need you to never use emojis.
I like J.R.R. Tolkien.
I read C.S. Lewis and J. K. Rowling.
I work at Yahoo! in London.
I love Panic! At The Disco.
My mum was on Jeopardy! in 2011.
I love 🍕!
I hate 🥦
I own 🐈🐈
Tengo diabetes.
Soy vegano.
Sono celiaco.
Jem mięso.
Et yerim.
Bin Veganer.
Mam psa.
Tenho asma.
Vivo solo.
Ik rook.
Nem dohányzom.
Jag röker.
Курю много.
猫が好きです。
我吃素。
저는 채식주의자예요.
"""

# One message of a user of which nothing is kept.
DROPPED = """
Can you remember what I told you?
Could you keep in mind the following?
Save this file.
Save this.
Please note.
I want you to write a story.
I'd like you to answer this question.
Do you remember my name?
Don't forget!
こんにちは！
おはようございます。
ありがとうございます！
お疲れ様です。
よろしくお願いします。
¡Hola! ¡Buenos días!
Guten Tag!
Dzień dobry!
Merhaba!
Привет!
你好！谢谢！
안녕하세요!
Fresh figs.
Ramen places.
😂
"""

# What the assistant asks, what the user answers, and what is kept.
ANSWERS = [
    ("Tell me your name.", "Marta", "Tell me your name. Marta"),
    (
        "First tell me what computer you are using.",
        "A macbook pro.",
        "First tell me what computer you are using. A macbook pro.",
    ),
    ("Are you vegetarian?", "nope", "Are you vegetarian? nope"),
    ("Do you smoke?", "Yes I do", "Do you smoke? Yes I do"),
    ("Do you have kids?", "not yet", "Do you have kids? not yet"),
    (
        "Please describe your desk.",
        "oak, two drawers",
        "Please describe your desk. oak, two drawers",
    ),
    ("¿Cómo te llamas?", "Marta", "¿Cómo te llamas? Marta"),
    ("Bist du Vegetarier?", "Nein.", "Bist du Vegetarier? Nein."),
    ("Should I continue?", "nope", None),
    ("Let me know if you need anything else.", "nope", None),
    ("Tell me if I should go on.", "ok", None),
    ("Would you like me to summarise it?", "yes please", None),
]

TABLE = "| Pet | Food |\n| --- | --- |\n| Rex | beef. No bones. |\n| Tom | fish |"
CODE = "```\nAPI_PASSWORD=hunter2\n```"

# A message of a user, and what is kept of it.
WHOLE = {
    "a table": (TABLE, [TABLE]),
    "a table with a title": (f"My pets eat this:\n\n{TABLE}", [f"My pets eat this:\n{TABLE}"]),
    "a table between sentences": (
        f"I have two pets.\n{TABLE}\nI feed them at six.",
        ["I have two pets.", f"{TABLE}\nI feed them at six."],
    ),
    "a table as a task": (f"Translate this table:\n{TABLE}", []),
    "code before a sentence that refers to it": (
        f"{CODE}\nIt opens the office door in Leeds.",
        ["It opens the office door in Leeds."],
    ),
    "code before a sentence": (f"{CODE}\nI use it on my NAS.", ["I use it on my NAS."]),
    "quoted code": ("> ```\n> SECRET=1\n> ```\nI use it on my NAS.", ["I use it on my NAS."]),
}


async def kept(*turns: Turn) -> list[str]:
    extractor = LocalExtractor(None)  # type: ignore[arg-type]
    found = await extractor.extract(Assignment(turns, MONDAY, with_concepts=False))
    return [fact.text for fact in found.facts]


@pytest.mark.parametrize("text", KEPT.strip().splitlines())
async def test_what_is_kept_whole(text: str) -> None:
    assert await kept(Turn("user", text)) == [text]


@pytest.mark.parametrize("text", DROPPED.strip().splitlines())
async def test_what_is_dropped(text: str) -> None:
    assert await kept(Turn("user", text)) == []


@pytest.mark.parametrize(("asked", "answer", "expected"), ANSWERS)
async def test_an_answer_is_kept_with_what_asked_for_it(
    asked: str, answer: str, expected: str | None
) -> None:
    found = await kept(Turn("assistant", asked), Turn("user", answer))
    assert found == ([expected] if expected else [])


@pytest.mark.parametrize("case", WHOLE)
async def test_tables_and_code(case: str) -> None:
    text, expected = WHOLE[case]
    assert await kept(Turn("user", text)) == expected


CORRECTIONS = [
    (
        ["My exam is on Monday. Sorry, I meant Tuesday."],
        "My exam is on Monday. Sorry, I meant Tuesday.",
    ),
    (
        ["My exam is on Monday.", "Noted!", "Sorry, I meant Tuesday"],
        "My exam is on Monday. Sorry, I meant Tuesday",
    ),
    (
        ["I live in Bern.", "I know a good bakery in Bern.", "Oops, I meant Basel."],
        "I live in Bern. Oops, I meant Basel.",
    ),
]


@pytest.mark.parametrize(("said", "expected"), CORRECTIONS)
async def test_a_correction_goes_with_what_it_corrects(said: list[str], expected: str) -> None:
    turns = [Turn("assistant" if at % 2 else "user", text) for at, text in enumerate(said)]
    found = await kept(*turns)
    assert expected in found
    assert said[0] == expected or said[0] not in found


async def test_rows_of_a_long_table_have_its_heading_each() -> None:
    rows = [f"| plant number {n} | water it every {n} days |" for n in range(40)]
    heading = "| Plant | Water |\n|---|---|"
    found = await kept(Turn("user", "\n".join([heading, *rows])))
    assert found == [f"{heading}\n{row}" for row in rows]


async def test_code_of_an_earlier_message_is_not_context() -> None:
    turns = [Turn("user", f"Look at this.\n{CODE}"), Turn("user", "It opens the door in Leeds.")]
    assert all("hunter2" not in text for text in await kept(*turns))
