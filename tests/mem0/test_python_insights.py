"""Exports, summaries and feedback by mem0's genuine Python clients."""

import json
from typing import Any

import pytest

from tests.mem0.conftest import Case
from tests.mem0.dialects import remember
from tests.mem0.homes import Home
from tests.mem0.remote import refused

SCHEMA = {
    "type": "object",
    "properties": {
        "favorite_color": {"type": "string", "enum": ["red", "green", "blue"]},
        "is_vegetarian": {"type": "boolean"},
    },
}
EXPORT = "query ($id: ID!) { export(id: $id) { data schema operation { status } } }"
SUMMARIZE = """
mutation ($filter: MemoryFilter) {
  summarizeMemories(filter: $filter) { summary userErrors { message } }
}
"""
UNKNOWN = "018f0000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("written", [SCHEMA, json.dumps(SCHEMA)], ids=["object", "text"])
def test_memories_are_exported_by_a_schema(
    case: Case, client: Any, home: Home, written: Any
) -> None:
    remember(case, client, "My favorite color is green", "I am vegetarian")
    remember(case, client, "My favorite color is blue", user_id="bob")
    filters = {"AND": [{"user_id": "alice"}]}
    begun = client.create_memory_export(schema=written, filters=filters)
    assert isinstance(begun["message"], str)
    made = client.get_memory_export(memory_export_id=begun["id"])
    assert made == {"favorite_color": "green", "is_vegetarian": True}
    export = home.ask(EXPORT, id=begun["id"])["export"]
    assert export == {"data": made, "schema": SCHEMA, "operation": {"status": "SUCCEEDED"}}


def test_an_export_is_found_by_its_filters(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "My favorite color is green")
    remember(case, client, "My favorite color is blue", user_id="bob")
    for user in ("alice", "bob"):
        client.create_memory_export(schema=SCHEMA, filters={"user_id": user})
    for user, color in (("alice", "green"), ("bob", "blue")):
        made = client.get_memory_export(filters={"user_id": user})
        assert made["favorite_color"] == color


def test_an_export_that_nobody_asked_for(case: Case, client: Any) -> None:
    error = refused(client.get_memory_export, memory_export_id=UNKNOWN)
    assert error.kind == case.error("MemoryNotFoundError")
    error = refused(client.get_memory_export, filters={"user_id": "nobody"})
    assert error.kind == case.error("MemoryNotFoundError")


def test_memories_are_summed_up(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "I hike in the mountains", "I drink green tea")
    remember(case, client, "I collect old maps", user_id="bob")
    filter = {"userId": {"eq": "alice"}}
    expected = home.ask(SUMMARIZE, filter=filter)["summarizeMemories"]["summary"]
    answer = client.get_summary(filters={"AND": [{"user_id": "alice"}]})
    assert answer["summary"] == expected
    assert "I drink green tea" in expected
    assert "old maps" not in expected
    assert "old maps" in client.get_summary()["summary"]


def tell(case: Case, client: Any, *given: Any) -> dict[str, Any] | None:
    """Let a client give its opinion; return what it returned.

    The older ones have a defect: once the server has answered they raise TypeError.
    """
    if case.is_newest:
        answer: dict[str, Any] = client.feedback(*given)
        return answer
    error = refused(client.feedback, *given)
    assert error.kind == "TypeError"
    return None


def test_an_opinion_is_kept(case: Case, client: Any, home: Home) -> None:
    (id,) = remember(case, client, "I drink green tea")
    for value, reason in (("POSITIVE", "It helped"), ("VERY_NEGATIVE", None)):
        answer = tell(case, client, id, value, reason)
        if answer is not None:
            assert (answer["feedback"], answer["feedback_reason"]) == (value, reason)
        memory = home.memory(id)
        assert memory is not None
        assert memory["feedback"] == {"value": value, "reason": reason}
    tell(case, client, id)
    memory = home.memory(id)
    assert memory is not None
    assert memory["feedback"] is None


def test_an_opinion_of_nothing_is_refused(case: Case, client: Any) -> None:
    error = refused(client.feedback, UNKNOWN, "POSITIVE")
    assert error.kind == case.error("MemoryNotFoundError")
