"""How the answers to questions for an object or a summary are read: like those for facts."""

import pytest

from providers.completions import Answer, UnusableAnswer
from providers.openai_shaper import parse_object, parse_summary

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "pets": {"type": "array"}},
    "required": ["name"],
}
ANN = {"name": "Ann", "pets": []}
PLAIN = '{"name": "Ann", "pets": []}'


def answer(text: str) -> Answer:
    """Return a complete answer."""
    return Answer(text, None, "stop")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        f'<think>{{"name": "Bo"}}</think>{PLAIN}',
        f"Here it is:\n```json\n{PLAIN}\n```\nDone.",
        f'{{"result": {PLAIN}}}',
        '{"data": "{\\"name\\": \\"Ann\\", \\"pets\\": []}"}',
        PLAIN.replace('"name"', '"Name"'),
        "{'name': 'Ann', 'pets': [],}",
        f"{PLAIN} or, once more, {PLAIN}",
    ],
)
def test_an_object_is_read_from_what_surrounds_it(text: str) -> None:
    assert parse_object(answer(text), SCHEMA) == ANN


def test_a_property_of_the_schema_is_no_wrapper() -> None:
    schema = {"type": "object", "properties": {"result": {"type": "object"}}}
    assert parse_object(answer('{"result": {"result": {}}}'), schema) == {"result": {"result": {}}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I cannot.", "it is not JSON"),
        (PLAIN[:-4], "its JSON is incomplete"),
        ('{"name": 7}', "it does not match the schema ("),
        ("[1]", "it does not match the schema (it is not an object)"),
        ('{"else": 1}', "it does not match the schema ("),
        (f'{PLAIN} {{"name": "Bo"}}', "it holds 2 different answers"),
    ],
)
def test_what_is_no_such_object_is_unusable(text: str, reason: str) -> None:
    with pytest.raises(UnusableAnswer) as unusable:
        parse_object(answer(text), SCHEMA)
    assert unusable.value.reason.startswith(reason)


@pytest.mark.parametrize(
    "text",
    [
        '{"summary": " ## Tea\\n- Green "}',
        '{"Summary": "## Tea\\n- Green"}',
        '<think>Short.</think>\n```json\n{"summary": "## Tea\n- Green"}\n```',
        '{"response": {"summary": "## Tea\\n- Green"}}',
    ],
)
def test_a_summary_is_read_from_what_surrounds_it(text: str) -> None:
    assert parse_summary(answer(text)) == "## Tea\n- Green"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("## Tea", "it is not JSON"),
        ('{"summary": ""}', "the summary is empty"),
        ('{"summary": ["Tea"]}', "it has the wrong shape"),
        ('{"summary": "## Te', "its JSON is incomplete"),
    ],
)
def test_what_is_no_summary_is_unusable(text: str, reason: str) -> None:
    with pytest.raises(UnusableAnswer) as unusable:
        parse_summary(answer(text))
    assert unusable.value.reason.startswith(reason)
