"""JSON of requests with half of a surrogate pair."""

import json
from typing import Any

import orjson
import pytest

from core.json_bodies import parse_json

HALF = "\ud83d"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"messages": f"a{HALF}"}, {"messages": "a\0"}),
        ({"messages": [{"content": HALF, "n": 1}]}, {"messages": [{"content": "\0", "n": 1}]}),
        (
            {"variables": {"input": {"messages": [{"parts": [{"text": HALF}]}]}}},
            {"variables": {"input": {"messages": [{"parts": [{"text": "\0"}]}]}}},
        ),
        ({"messages": "\U0001f98a"}, {"messages": "\U0001f98a"}),
    ],
    ids=["a text", "a message", "a part", "a whole pair"],
)
def test_half_a_pair_in_a_message_becomes_nul(given: Any, read: Any) -> None:
    assert parse_json(json.dumps(given)) == parse_json(json.dumps(given).encode()) == read


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"user_id": HALF}),
        json.dumps({"messages": [{HALF: 1}]}),
        json.dumps({"messages": HALF})[:-1],
        '{"messages": "\\ud83d", "n": NaN}',
        "[" * 2_000 + '"\\ud83d"' + "]" * 2_000,
        '{"n": NaN}',
    ],
    ids=["elsewhere", "a name", "cut off", "NaN beside it", "deep", "NaN"],
)
def test_anything_else_that_is_not_json_stays_an_error(text: str) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        parse_json(text)
