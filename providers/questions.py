"""Puts an assignment into the words and the schema that a chat model is asked with.

The trap: whatever people wrote travels inside one JSON document, as data. Only words of our own
stand in the system prompt, so nothing anybody says can become part of the rules.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.json_schemas import with_nulls
from core.turn import Turn
from providers import prompts
from providers.extraction import Assignment
from providers.shaping import ModelMemory, ShapeRequest

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: the rules, the data they are about, and the shape of the answer.

    With `is_own` the schema is ours, in the narrow form that strict endpoints take. A caller's is
    in the document, because the rules are words of our own.
    """

    system: str
    document: str
    schema: dict[str, Any]
    name: str = prompts.EXTRACTION
    is_own: bool = True


def extraction_question(assignment: Assignment) -> Question:
    """Return the question that asks for the facts of a conversation."""
    return Question(
        system=_system(assignment),
        document=_json(_document(assignment)),
        schema=_schema(assignment),
    )


def system_with_schema(question: Question) -> str:
    """Return the rules with the schema in them, for endpoints that take none beside the prompt."""
    if not question.is_own:
        return question.system
    return question.system + prompts.SCHEMA_1 + _json(question.schema)


def shape_question(shaping: ShapeRequest) -> Question:
    """Return the question that asks for an object of a caller's schema."""
    document = {
        "schema": shaping.schema,
        **_given(instructions=shaping.instructions),
        "memories": _told(shaping.memories),
    }
    schema = with_nulls(shaping.schema)
    return Question(prompts.SHAPE_1, _json(document), schema, prompts.SHAPE, is_own=False)


def summary_question(memories: Sequence[ModelMemory]) -> Question:
    """Return the question that asks for a summary."""
    schema = _strict(prompts.Summary1.model_json_schema(), {})
    document = _json({"memories": _told(memories)})
    return Question(prompts.SUMMARIZE_1, document, schema, prompts.SUMMARY)


def _told(memories: Sequence[ModelMemory]) -> list[dict[str, object]]:
    return [
        {"n": number, **_given(about=dict(told.about), happened=told.at and _time(told.at))}
        | {"text": told.text}
        for number, told in enumerate(memories, 1)
    ]


def _system(assignment: Assignment) -> str:
    return "".join(
        (
            prompts.EXTRACT_FACTS_1,
            prompts.CATEGORIES_1 if assignment.categories else "",
            prompts.CONCEPTS_1 if assignment.with_concepts else "",
            prompts.AS_SAID_1 if assignment.multilingual else prompts.IN_ENGLISH_1,
        )
    )


def _document(assignment: Assignment) -> dict[str, object]:
    instructions = _given(
        for_users=assignment.instructions,
        for_assistants=assignment.agent_instructions,
        includes=assignment.includes,
        excludes=assignment.excludes,
    )
    return {
        "observed_at": _time(assignment.observed_at),
        **_given(
            instructions=instructions,
            categories=[
                _given(name=category.name, description=category.description)
                for category in assignment.categories
            ],
            known_names=list(assignment.concepts) if assignment.with_concepts else None,
            former_turns=[_turn(turn) for turn in assignment.former],
            known_memories=[
                {"n": number, "text": text} for number, text in enumerate(assignment.known, 1)
            ],
        ),
        "turns": [{"n": number, **_turn(turn)} for number, turn in enumerate(assignment.turns, 1)],
    }


def _turn(turn: Turn) -> dict[str, object]:
    said_at = _time(turn.timestamp) if turn.timestamp else None
    context = turn.is_context or None
    heading = _given(role=turn.role, name=turn.name, said_at=said_at, context=context)
    return {**heading, "content": turn.content}


def _time(moment: datetime) -> str:
    """Return a time with its weekday, which models are bad at working out."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{zoned.isoformat(timespec='minutes')}, a {WEEKDAYS[zoned.weekday()]}"


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # Half a surrogate pair is legal in a str, but cannot be sent.
    return text.encode("utf-8", "replace").decode()


def _schema(assignment: Assignment) -> dict[str, object]:
    whole = prompts.Facts1.model_json_schema()
    schema = _strict(whole, whole["$defs"])
    fact = schema["properties"]["facts"]["items"]
    if assignment.categories:
        names = [category.name for category in assignment.categories]
        fact["properties"]["categories"]["items"]["enum"] = list(dict.fromkeys(names))
    else:
        _without(fact, "categories")
    if not assignment.with_concepts:
        _without(fact, "concepts")
    return schema


def _strict(node: Mapping[str, Any], shapes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema in the narrow form that every endpoint with strict schemas understands.

    Nothing is referred to, every property is required, and no other is allowed.
    """
    if "$ref" in node:
        return _strict(shapes[node["$ref"].removeprefix("#/$defs/")], shapes)
    strict = {name: node[name] for name in ("type", "enum") if name in node}
    if "const" in node:
        strict["enum"] = [node["const"]]
    if "items" in node:
        strict["items"] = _strict(node["items"], shapes)
    if "anyOf" in node:
        strict["anyOf"] = [_strict(each, shapes) for each in node["anyOf"]]
    if "properties" in node:
        properties = node["properties"].items()
        strict["properties"] = {name: _strict(each, shapes) for name, each in properties}
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False
    return strict


def _without(schema: dict[str, Any], name: str) -> None:
    del schema["properties"][name]
    schema["required"].remove(name)
