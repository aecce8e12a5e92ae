"""The answers of real chat models, served by a loopback endpoint: what is read, and what is not.

Two facts were said. Every answer that has them in some form gives both, with the first attempt; an
answer that cannot be read is asked for again and then fails with its reason.
"""

import json
from typing import Any

import pytest

from core.turn import Speaker, Turn
from providers.base import ProviderError
from providers.openai_chat import OpenAIExtractor
from providers.replies import REPAIRED
from tests.providers.assignments import CATALOG, assignment
from tests.providers.extractors import Make
from tests.support.servers.openai_answers import Behaviour, body, cut_off, refusal, text
from tests.support.servers.openai_server import OpenAIServer

TEA, CAT = "The user drinks tea.", "The user's cat is called Miso."
TALK = assignment(
    Turn("user", "I drink tea, and my cat is called Miso.", name="Ann"),
    Turn("assistant", "Noted."),
    categories=CATALOG,
)
OBJECTS = [
    {"text": TEA, "attributed_to": "user", "turns": [1], "categories": ["food"], "concepts": []},
    {"text": CAT, "attributed_to": "user", "turns": [1], "categories": [], "concepts": ["Miso"]},
]
PLAIN = json.dumps({"facts": OBJECTS})
TEXTS = json.dumps({"facts": [TEA, CAT]})


def facts_with(**changes: Any) -> str:
    """Return both facts as JSON, with changed fields; a field that becomes ... is left out."""
    changed = [{**each, **changes} for each in OBJECTS]
    kept = [{name: value for name, value in each.items() if value is not ...} for each in changed]
    return json.dumps({"facts": kept})


def message(**fields: Any) -> Behaviour:
    """Answer with a message that has these fields."""
    return body(
        {"choices": [{"message": {"role": "assistant", **fields}, "finish_reason": "stop"}]}
    )


READ: dict[str, str] = {
    "as requested": PLAIN,
    "thoughts": f'<think>Is {{"facts": []}} right?\n</think>\n{PLAIN}',
    "thinking": f"<thinking>Two facts.</thinking>{PLAIN}",
    "thoughts without their tag": f'So {{"facts": [] would be wrong.\n</think>\n\n{PLAIN}',
    "thoughts in brackets": f"[THINK]Hm.[/THINK]{PLAIN}",
    "thoughts without their end": f"<think>\n{PLAIN}",
    "channels": f"<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>{PLAIN}",
    "a fence": f"```json\n{PLAIN}\n```",
    "a fence without its end": f"```json\n{PLAIN}",
    "a fence in prose": f"Here they are:\n\n```\n{PLAIN}\n```\nAnything else?",
    "prose around it": f"Sure! {PLAIN} I hope that helps [1].",
    "tags around it": f"<answer>\n{PLAIN}\n</answer>",
    "a byte order mark": f"\ufeff{PLAIN}",
    "a list": json.dumps(OBJECTS),
    "a list in prose": f"The facts are: {json.dumps(OBJECTS)}.",
    "a list of texts": json.dumps([TEA, CAT]),
    "texts": TEXTS,
    "a number of a turn": facts_with(turns=1),
    "a text of a turn": facts_with(turns="turn 1"),
    "turns that do not exist": facts_with(turns=[7]),
    "no fields but the text": facts_with(
        attributed_to=..., turns=..., categories=..., concepts=...
    ),
    "null in all fields": facts_with(
        attributed_to=None, turns=None, categories=None, concepts=None
    ),
    "another spelling": facts_with(attributed_to="User"),
    "the name of the speaker": facts_with(attributed_to="Ann"),
    "an unknown speaker": facts_with(attributed_to=["x"]),
    "a text of a category": facts_with(categories="food"),
    "categories as objects": facts_with(categories=[{"name": "Food"}]),
    "concepts as objects": facts_with(concepts=[{"name": "Miso", "type": "pet"}]),
    "concepts by kind": facts_with(concepts={"pets": ["Miso"], "places": []}),
    "concepts as numbers": facts_with(concepts=[1]),
    "keys in upper case": PLAIN.replace('"facts"', '"Facts"').replace('"text"', '"TEXT"'),
    "keys in camel case": PLAIN.replace('"attributed_to"', '"attributedTo"'),
    "memories": json.dumps({"memories": [TEA, CAT]}),
    "the events of mem0": json.dumps(
        {"memory": [{"id": "0", "text": TEA, "event": "ADD"}, {"text": CAT, "event": "UPDATE"}]}
    ),
    "the results of mem0": json.dumps({"results": [{"memory": TEA}, {"memory": CAT}]}),
    "a wrapper": json.dumps({"result": {"data": {"facts": OBJECTS}}}),
    "a tool call in the text": json.dumps({"name": "save", "arguments": {"facts": OBJECTS}}),
    "the schema as the answer": json.dumps({"type": "object", "properties": {"facts": OBJECTS}}),
    "by speaker": json.dumps({"facts": {"user": [TEA, CAT], "assistant": []}}),
    "by number": json.dumps({"facts": {"1": OBJECTS[0], "2": OBJECTS[1]}}),
    "JSON in a string": json.dumps(PLAIN),
    "JSON in a field": json.dumps({"output": PLAIN}),
    "a key twice": f'{{"facts": {json.dumps(OBJECTS[:1])}, "facts": {json.dumps(OBJECTS[1:])}}}',
    "a brace between facts missing": PLAIN.replace("}, {", ", "),
    "lines": "\n".join(map(json.dumps, OBJECTS)),
    "line breaks in a text": PLAIN.replace("drinks tea", "drinks\\ntea").replace("\\n", " "),
}
REPAIRED_ANSWERS: dict[str, str] = {
    "single quotes": str({"facts": OBJECTS}),
    "an apostrophe in single quotes": f"{{'facts': ['{TEA}', '{CAT}']}}",
    "trailing commas": PLAIN.replace("}]}", "},],}"),
    "NaN and a trailing comma": PLAIN.replace('"concepts": []', '"score": NaN,'),
    "a missing bracket": PLAIN[:-1],
    "keys without quotes": PLAIN.replace('"facts"', "facts").replace('"text"', "text"),
    "comments": PLAIN.replace("}, {", "}, // the cat\n{"),
    "escaped quotes": PLAIN.replace('"', '\\"'),
    "missing commas": TEXTS.replace('", "', '" "'),
    "typographic quotes": TEXTS.replace('["', "[\u201c")
    .replace('", "', "\u201d, \u201c")
    .replace('"]', "\u201d]"),
    "an example before it": f'The form {{"facts": [...]}} gives {PLAIN[:-2]},]}}',
}
PARTS: dict[str, Behaviour] = {
    "a list of text parts": message(
        content=[{"type": "text", "text": PLAIN[:50]}, {"type": "text", "text": PLAIN[50:]}]
    ),
    "thoughts as a part": message(
        content=[
            {"type": "thinking", "thinking": [{"type": "text", "text": '{"facts": []}'}]},
            {"type": "text", "text": PLAIN},
        ]
    ),
    "an object": message(content={"facts": OBJECTS}),
    "a tool call": message(
        content=None,
        tool_calls=[{"type": "function", "function": {"name": "save", "arguments": PLAIN}}],
    ),
    "two tool calls": message(
        content=None,
        tool_calls=[{"function": {"name": "add", "arguments": each}} for each in OBJECTS],
    ),
    "a function call": message(content="", function_call={"name": "save", "arguments": PLAIN}),
    "thoughts alone": message(content="", reasoning_content=f"Two facts.\n{PLAIN}"),
    "thoughts beside it": message(content=PLAIN, reasoning_content='{"facts": []}'),
}
ANSWERS = {name: text(each) for name, each in (READ | REPAIRED_ANSWERS).items()} | PARTS


@pytest.fixture
def extractor(make: Make) -> OpenAIExtractor:
    """An extractor that asks the loopback server."""
    return make()


@pytest.mark.parametrize("name", ANSWERS)
async def test_every_answer_with_the_facts_is_read(
    server: OpenAIServer, extractor: OpenAIExtractor, name: str
) -> None:
    server.answer_with(ANSWERS[name])
    extraction = await extractor.extract(TALK)
    assert [fact.text for fact in extraction.facts] == [TEA, CAT]
    assert {(fact.speaker, fact.turns) for fact in extraction.facts} == {(Speaker.USER, (0,))}
    assert list(extraction.notes) == ([REPAIRED] if name in REPAIRED_ANSWERS else [])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("written", "categories", "concepts"),
    [
        ({"categories": "food"}, ("food",), ()),
        ({"categories": "food, Travel"}, ("food", "travel"), ()),
        ({"categories": {"name": "food"}}, ("food",), ()),
        ({"category": ["food"]}, ("food",), ()),
        ({"concepts": [{"name": "Miso", "type": "cat"}]}, ("misc",), ("Miso",)),
        ({"concepts": "Miso, Ann"}, ("misc",), ("Miso", "Ann")),
        ({"concepts": ["Smith, Jones & Co", "Ann"]}, ("misc",), ("Smith, Jones & Co", "Ann")),
    ],
)
async def test_categories_and_concepts_of_another_form_are_kept(
    server: OpenAIServer,
    extractor: OpenAIExtractor,
    written: dict[str, Any],
    categories: tuple[str, ...],
    concepts: tuple[str, ...],
) -> None:
    server.answer_with(text(json.dumps({"facts": [{"text": TEA, **written}]})))
    (fact,) = (await extractor.extract(TALK)).facts
    assert (fact.categories, fact.concepts) == (categories, concepts)


async def test_a_missing_speaker_is_whoever_spoke_in_the_turns(
    server: OpenAIServer, extractor: OpenAIExtractor
) -> None:
    server.answer_with(text(json.dumps([{"text": "It was noted.", "turns": 2}])))
    (fact,) = (await extractor.extract(TALK)).facts
    assert (fact.speaker, fact.turns) == (Speaker.ASSISTANT, (1,))


LEFT_OUT: dict[str, tuple[Any, str]] = {
    "a number": (7, "it is neither an object nor a text"),
    "null": (None, "it is neither an object nor a text"),
    "no text": ({"attributed_to": "user"}, "it has no text"),
    "a number as a text": ({"text": 1}, "it has no text"),
    "too long": ("x" * 65_537, "its text has 65,537 characters, the maximum is 65,536"),
    "nothing": ("No facts.", "it says nothing"),
    "deleted": (
        {"text": "Milk.", "event": "DELETE"},
        "the model marked it as an existing memory that stays or goes",
    ),
}


@pytest.mark.parametrize("name", LEFT_OUT)
async def test_a_fact_that_does_not_fit_is_left_out_and_the_others_stay(
    server: OpenAIServer, extractor: OpenAIExtractor, name: str
) -> None:
    item, reason = LEFT_OUT[name]
    server.answer_with(text(json.dumps({"facts": [OBJECTS[0], item, OBJECTS[1]]})))
    extraction = await extractor.extract(TALK)
    assert [fact.text for fact in extraction.facts] == [TEA, CAT]
    note = f"Fact 2 of the chat model's answer was left out: {reason}."
    assert (list(extraction.notes), len(server.requests)) == ([note], 1)


async def test_notes_are_few(server: OpenAIServer, extractor: OpenAIExtractor) -> None:
    server.answer_with(text(json.dumps([TEA, *[None] * 25])))
    extraction = await extractor.extract(TALK)
    assert (len(extraction.facts), len(extraction.notes)) == (1, 11)
    assert extraction.notes[-1] == "15 more facts of the answer were left out."


@pytest.mark.parametrize(
    "answer",
    [
        '{"facts": []}',
        "[]",
        '{"facts": null}',
        "{'facts': []}",
        "Nothing. ```json\n[]\n```",
        '{"memory": [{"id": "0", "text": "Tea.", "event": "NONE"}]}',
    ],
)
async def test_an_answer_may_have_no_facts(
    server: OpenAIServer, extractor: OpenAIExtractor, answer: str
) -> None:
    server.answer_with(text(answer))
    assert list((await extractor.extract(TALK)).facts) == []
    assert len(server.requests) == 1


UNREADABLE: dict[str, tuple[Behaviour, str]] = {
    "prose": (text("Sorry, I cannot help [policy]."), "it is not JSON"),
    "null": (text("null"), "it is not JSON"),
    "thoughts alone": (text('<think>Maybe {"facts": []}?</think>'), "it is not JSON"),
    "thoughts that do not end": (text('<think>Maybe {"facts": []}, but'), "it is not JSON"),
    "separate thoughts": (message(content="", reasoning='{"facts": []} or'), "it is not JSON"),
    "cut in a text": (text(PLAIN[:-20]), "its JSON is incomplete"),
    "cut between facts": (text(PLAIN[: PLAIN.index("}, {") + 3]), "its JSON is incomplete"),
    "cut before the first fact": (text('{"facts": ['), "its JSON is incomplete"),
    "cut in a fence": (text(f"```json\n{PLAIN[:-20]}"), "its JSON is incomplete"),
    "the token limit": (cut_off(PLAIN), "it was cut off before its end"),
    "a refusal": (refusal("No."), "it is a refusal"),
    "a broken line among good ones": (
        text(f'{json.dumps(OBJECTS[0])}\n{{"text": "{"{" * 20}", "a" "b"}}'),
        "its JSON is",
    ),
    "a key twice in broken JSON": (
        text('{"facts": [{"text": "I said "a b" c", "text": "d e f",}]}'),
        "its JSON is broken",
    ),
    "an example alone": (text('I would write {"facts": [...]}.'), "it is not JSON"),
    "no field for facts": (text('{"status": "ok"}'), "it has the wrong shape"),
    "the document": (
        text(json.dumps({"turns": [{"n": 1, "role": "user", "content": "Tea."}]})),
        "it has the wrong shape",
    ),
    "no readable fact": (text('{"facts": [1, 2]}'), "none of its facts can be read: it is neither"),
    "a text that says nothing": (text('{"facts": "none"}'), "none of its facts can be read: it sa"),
    "two different answers": (
        text('{"facts": ["Tea."]} or rather {"facts": ["Milk."]}'),
        "it holds 2 different answers",
    ),
    "nonsense": (text('{"facts": ["a": {"b" ]]'), "none of its facts can be read: it has"),
    "too deep": (text("[" * 100_000), "its JSON is incomplete"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_never_counts_as_nothing(
    server: OpenAIServer, extractor: OpenAIExtractor, name: str
) -> None:
    behaviour, reason = UNREADABLE[name]
    server.answer_with(behaviour)
    with pytest.raises(ProviderError) as error:
        await extractor.extract(TALK)
    used = "The chat model's answer could not be used, twice in a row: "
    assert str(error.value).startswith(used + reason)
    assert len(server.requests) == 2
