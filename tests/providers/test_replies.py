"""What becomes of a model's facts: nothing it invents survives, nothing it says is lost."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.turn import Speaker, Turn
from core.validation import is_storable
from language.dates.moments import Moment, Precision
from providers.completions import Answer, UnusableAnswer, parse_answer, token_usage
from providers.extraction import Assignment, Category, Fact, Verdict, VerdictKind
from providers.replies import ReadFacts, parse_facts
from tests.providers.assignments import CATALOG, MONDAY, assignment
from tests.support.servers.openai_answers import fact

HAS_SHAPE = "it has the wrong shape"
ALONE = assignment("I like tea.")
BOTH = assignment(
    Turn("system", "Be brief."),
    Turn("user", "I live in Lisbon."),
    Turn("assistant", "Try the tram 28."),
    Turn("user", "I will."),
)


def read_whole(text: str, given: Assignment = ALONE) -> ReadFacts:
    """Return the facts of what a model wrote, and the notes."""
    return parse_facts(Answer(text, None, "stop"), given)


def read(text: str, given: Assignment = ALONE) -> list[Fact]:
    """Return the facts of what a model wrote."""
    return read_whole(text, given).facts


def read_facts(*found: Any, given: Assignment = ALONE) -> list[Fact]:
    """Return what became of facts."""
    return read(json.dumps({"facts": found}), given)


def test_every_field_of_a_fact_arrives() -> None:
    given = assignment("I moved.", categories=CATALOG, known=["She lives in Berlin.", "Tea."])
    found = fact(
        " Ann moved from Berlin to Lisbon in May 2024. ",
        categories=["travel"],
        concepts=["Ann", "Lisbon"],
        happened={"start": "2024-05", "end": None},
        verdict={"kind": "supersedes", "n": 1},
    )
    assert read_facts(found, given=given) == [
        Fact(
            "Ann moved from Berlin to Lisbon in May 2024.",
            Speaker.USER,
            (0,),
            ("travel",),
            ("Ann", "Lisbon"),
            Moment(MONDAY.replace(day=1, hour=0, minute=0), Precision.MONTH),
            Verdict(VerdictKind.SUPERSEDES, 0),
        )
    ]


def test_text_and_speaker_are_enough() -> None:
    bare = {"text": "Ann lives in Lisbon.", "attributed_to": "user"}
    nothing = dict.fromkeys(("turns", "categories", "concepts", "happened", "verdict"))
    for found in (bare, bare | nothing):
        expected = Fact("Ann lives in Lisbon.", Speaker.USER, (1, 3))
        assert read_facts(found, given=BOTH) == [expected]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('{"facts": []}', 0),
        (' \n{"facts": []}\n', 0),
        ('```json\n{"facts": []}\n```', 0),
        ('```\n{"facts": []}```', 0),
        ('```JSON {"facts": []} ```\n', 0),
        ('<think>Is {"facts": 1} right?\n</think>\n\n{"facts": []}', 0),
        ('<think></think>```json\n{"facts": []}\n```', 0),
        ('{"facts": [], "note": "I found nothing."}', 0),
        ('{"facts": [{"text": "```", "attributed_to": "user"}]}', 1),
    ],
)
def test_text_around_the_json_is_tolerated(text: str, count: int) -> None:
    assert len(read(text)) == count


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        (" \n\t ", "it is empty"),
        ("```", "it is not JSON"),
        ("``````", "it is not JSON"),
        ("<think>Well", "it is not JSON"),
        ("I found nothing.", "it is not JSON"),
        ('{"facts": [', "its JSON is incomplete"),
        pytest.param("[" * 100_000, "its JSON is incomplete", id="deep"),
        pytest.param("1" * 10_000, "it is not JSON", id="digits"),
        ("null", "it is not JSON"),
        ("{}", f"{HAS_SHAPE} (it has no list of facts)"),
        ("[1, 2]", f"{HAS_SHAPE} (it has no list of facts)"),
        (
            '{"facts": [{"text": 1, "attributed_to": "user"}]}',
            "none of its facts can be read: it has no text",
        ),
        pytest.param(
            json.dumps({"facts": [fact("x")] * 1_001}),
            "it has 1,001 facts, the maximum is 1,000",
            id="many",
        ),
    ],
)
def test_replies_without_facts_are_unusable(text: str, reason: str) -> None:
    with pytest.raises(UnusableAnswer) as unusable:
        read(text)
    assert unusable.value.reason == reason
    assert unusable.value.quote == text.strip()


@pytest.mark.parametrize(
    ("answer", "reason", "quote"),
    [
        (Answer("", "I cannot.", "stop"), "it is a refusal", "I cannot."),
        (Answer('{"facts": []}', "I cannot.", "stop"), "it is a refusal", "I cannot."),
        (Answer('{"facts": []}', None, "length"), "it was cut off before its end", '{"facts": []}'),
        (Answer("", None, "length"), "it was cut off before its end", ""),
        (Answer("", None, "content_filter"), "a content filter stopped it", ""),
    ],
)
def test_an_answer_that_did_not_come_to_its_end_is_unusable(
    answer: Answer, reason: str, quote: str
) -> None:
    with pytest.raises(UnusableAnswer) as unusable:
        parse_facts(answer, BOTH)
    assert (unusable.value.reason, unusable.value.quote) == (reason, quote)


def test_as_many_facts_as_are_allowed_arrive_in_their_order() -> None:
    texts = [f"Ann owns book {number}." for number in range(1_000)]
    assert [each.text for each in read_facts(*map(fact, texts))] == texts


def test_a_text_as_long_as_is_allowed_arrives_whole() -> None:
    assert [each.text for each in read_facts(fact("x" * 65_536))] == ["x" * 65_536]


def test_blank_facts_are_dropped() -> None:
    found = read_facts(fact(""), fact(" \n"), fact("\0"), fact("Tea."))
    assert [each.text for each in found] == ["Tea."]


def test_characters_that_cannot_be_stored_are_removed() -> None:
    (found,) = read(
        r'{"facts": [{"text": "a\u0000b\ud83d \ud83e\udd8a", "attributed_to": "user",'
        r' "concepts": ["\udd8aFox\u0000"]}]}'
    )
    assert (found.text, found.concepts) == ("ab 🦊", ("Fox",))


@pytest.mark.parametrize(
    ("said", "turns", "expected"),
    [
        ("user", [2], (1,)),
        ("user", [4, 2, 4], (1, 3)),
        ("user", [3, 2], (1, 2)),
        ("user", ["2"], (1,)),
        ("user", [1, 2], (1,)),
        ("user", [2, 99, -1, 0], (1,)),
        ("user", [99], (1, 3)),
        ("user", [], (1, 3)),
        ("assistant", [], (2,)),
        ("assistant", [5], (2,)),
    ],
)
def test_turns_are_those_that_exist(said: str, turns: list[Any], expected: tuple[int]) -> None:
    (found,) = read_facts(fact("Tea.", said, turns=turns), given=BOTH)
    assert (found.turns, found.speaker) == (expected, Speaker(said))


def test_system_messages_are_no_facts() -> None:
    facts = (fact("Be brief.", turns=[1]), fact("Brief.", "assistant", turns=[1, 99]))
    assert read_facts(*facts, given=BOTH) == []


@pytest.mark.parametrize(
    ("role", "said", "expected"),
    [("user", "assistant", Speaker.USER), ("assistant", "user", Speaker.ASSISTANT)],
)
@pytest.mark.parametrize("turns", [[1], [7]])
def test_a_fact_is_from_somebody_who_spoke(
    role: str, said: str, expected: Speaker, turns: list[int]
) -> None:
    given = assignment(Turn(role, "Tea."), Turn("system", "Be brief."))
    (found,) = read_facts(fact("Tea.", said, turns=turns), given=given)
    assert (found.speaker, found.turns) == (expected, (0,))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["travel"], ("travel",)),
        (["food", "travel", "food"], ("food", "travel")),
        ([" Food "], ("food",)),
        (["invented", "travel"], ("travel",)),
        (["invented"], ("misc",)),
        ([], ("misc",)),
    ],
)
def test_categories_are_of_the_catalog(names: list[str], expected: tuple[str, ...]) -> None:
    given = assignment("Tea.", categories=CATALOG)
    (found,) = read_facts(fact("Tea.", categories=names), given=given)
    assert found.categories == expected


def test_without_misc_a_fact_may_have_no_category() -> None:
    for catalog in ((), (Category("travel"),)):
        given = assignment("Tea.", categories=catalog)
        (found,) = read_facts(fact("Tea.", categories=["invented"]), given=given)
        assert found.categories == ()


def test_concepts_are_few_short_and_different() -> None:
    names = [" Lisbon ", "LISBON", "lisbon", "", "  ", "tram\n 28", "x" * 80, "x" * 81]
    (found,) = read_facts(fact("Tea.", concepts=names))
    assert found.concepts == ("Lisbon", "tram 28", "x" * 80)
    many = [f"Place {number}" for number in range(40)]
    (found,) = read_facts(fact("Tea.", concepts=many))
    assert found.concepts == tuple(many[:32])


def test_disabled_concepts_are_not_returned() -> None:
    given = assignment("Tea.", with_concepts=False)
    (found,) = read_facts(fact("Tea.", concepts=["Tea"]), given=given)
    assert found.concepts == ()


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ({"kind": "duplicate_of", "n": 1}, Verdict(VerdictKind.DUPLICATE_OF, 0)),
        ({"kind": "supersedes", "n": 2}, Verdict(VerdictKind.SUPERSEDES, 1)),
        ({"kind": "extends", "n": 2}, Verdict(VerdictKind.EXTENDS, 1)),
        ({"kind": "none", "n": 1}, None),
        ({"kind": "supersedes", "n": 3}, None),
        ({"kind": "supersedes", "n": 0}, None),
        ({"kind": "supersedes", "n": -1}, None),
        ({"kind": "supersedes", "n": None}, None),
        ({"kind": "supersedes", "n": "1"}, None),
        ({"kind": "supersedes", "n": True}, None),
        ({"kind": "supersedes", "n": 1.5}, None),
        ({"kind": "supersedes"}, None),
        ({"kind": "deletes", "n": 1}, None),
        ({"n": 1}, None),
        ("supersedes 1", None),
        ([], None),
        (None, None),
    ],
)
def test_a_verdict_that_makes_no_sense_is_none(verdict: Any, expected: Verdict | None) -> None:
    given = assignment("Tea.", known=["She drinks coffee.", "She drinks tea."])
    (found,) = read_facts(fact("Tea.", verdict=verdict), given=given)
    assert (found.text, found.verdict) == ("Tea.", expected)


@pytest.mark.parametrize(
    "happened", [None, "soon", 2024, [], {}, {"start": None}, {"start": "soon"}, {"start": 2024}]
)
def test_a_date_that_makes_no_sense_is_none(happened: Any) -> None:
    (found,) = read_facts(fact("Tea.", happened=happened))
    assert (found.text, found.happened) == ("Tea.", None)


@pytest.mark.parametrize("happened", ["2024-05", ["2024-05"], {"start": "2024-05"}])
def test_a_date_may_be_a_text(happened: Any) -> None:
    (found,) = read_facts(fact("Tea.", happened=happened))
    assert found.happened == Moment(MONDAY.replace(day=1, hour=0, minute=0), Precision.MONTH)


def test_repeated_facts_are_kept_once_with_both_turns() -> None:
    found = read_facts(
        fact("Tea.", turns=[4], concepts=["Tea"]),
        fact("Coffee.", turns=[2]),
        fact(" Tea. ", turns=[2]),
        fact("Tea.", "assistant", turns=[3]),
        given=BOTH,
    )
    assert [(each.text, each.speaker, each.turns) for each in found] == [
        ("Tea.", Speaker.USER, (1, 3)),
        ("Coffee.", Speaker.USER, (1,)),
        ("Tea.", Speaker.ASSISTANT, (2,)),
    ]
    assert found[0].concepts == ("Tea",)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"\xff\xfe",
        b"null",
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"error": {"message": "no"}}',
    ],
)
def test_invalid_completions_are_unusable_and_not_blamed_on_the_model(body: bytes) -> None:
    with pytest.raises(UnusableAnswer) as unusable:
        parse_answer(body)
    assert unusable.value.reason == "it is not a chat completion"
    assert unusable.value.quote == body.decode("utf-8", "replace")
    assert unusable.value.by_model is False
    assert token_usage(body) == (None, None)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ('{"prompt_tokens": 7, "completion_tokens": 0}', (7, 0)),
        ('{"prompt_tokens": 7}', (7, None)),
        ('{"prompt_tokens": -1, "completion_tokens": true}', (None, None)),
        ('{"prompt_tokens": "7", "completion_tokens": 1.5}', (None, None)),
        ("[]", (None, None)),
        ("null", (None, None)),
    ],
)
def test_only_numbers_of_tokens_are_counted(usage: str, expected: tuple[int, int]) -> None:
    assert token_usage(f'{{"choices": [], "usage": {usage}}}'.encode()) == expected


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SOME = st.fixed_dictionaries(
    {"text": st.text(), "attributed_to": st.sampled_from(["user", "assistant"])},
    optional={
        "turns": st.lists(st.integers(-2, 7)) | ANYTHING,
        "categories": st.lists(st.sampled_from(["travel", "misc", "x"])) | ANYTHING,
        "concepts": st.lists(st.text()) | ANYTHING,
        "happened": st.fixed_dictionaries({"start": st.text(), "end": ANYTHING}) | ANYTHING,
        "verdict": st.fixed_dictionaries(
            {"kind": st.sampled_from(["supersedes", "none", "x"]), "n": st.integers(-1, 4)}
        )
        | ANYTHING,
    },
)


@given(st.fixed_dictionaries({"facts": st.lists(SOME, max_size=4)}) | ANYTHING)
def test_whatever_a_model_writes_facts_keep_their_promises(written: Any) -> None:
    given = assignment(*BOTH.turns, categories=CATALOG, known=["Tea.", "Coffee."])
    try:
        found = read(json.dumps(written), given)
    except UnusableAnswer:
        return
    assert len({(each.text, each.speaker) for each in found}) == len(found)
    for each in found:
        assert each.text == each.text.strip() != ""
        assert is_storable("".join((each.text, *each.concepts)))
        assert each.turns
        assert set(each.turns) <= {1, 2, 3}
        assert each.categories
        assert set(each.categories) <= {"travel", "food", "misc"}
        assert each.verdict is None or each.verdict.known in (0, 1)
