"""Builds the prompt and the response schema of a question to a chat model.

The trap is prompt injection: everything people wrote goes into one JSON document, as data. The
system prompt consists of our own words only, so that no message can become part of the rules.
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
    """A question to a model: the rules (`system`), the data (`document`), and the response schema.

    With `is_own` the schema is ours, in the narrow form that strict endpoints accept. A caller's
    schema is part of the document, because the rules consist of our own words only.
    """

    system: str
    document: str
    schema: dict[str, Any]
    name: str = prompts.EXTRACTION
    is_own: bool = True


def extraction_question(assignment: Assignment) -> Question:
    """Return the question for the facts of a conversation."""
    return Question(
        system=_system(assignment),
        document=_json(_document(assignment)),
        schema=_schema(assignment),
    )


def system_with_schema(question: Question) -> str:
    """Return the rules including the schema, for endpoints without a schema parameter."""
    if not question.is_own:
        return question.system
    return question.system + prompts.SCHEMA_1 + _json(question.schema)


def shape_question(shaping: ShapeRequest) -> Question:
    """Return the question for an object of a caller's schema."""
    document = {
        "schema": shaping.schema,
        **_non_empty(instructions=shaping.instructions),
        "memories": _memories(shaping.memories),
    }
    schema = with_nulls(shaping.schema)
    return Question(prompts.SHAPE_1, _json(document), schema, prompts.SHAPE, is_own=False)


def summary_question(memories: Sequence[ModelMemory]) -> Question:
    """Return the question for a summary of memories."""
    schema = _strict(prompts.Summary1.model_json_schema(), {})
    document = _json({"memories": _memories(memories)})
    return Question(prompts.SUMMARIZE_1, document, schema, prompts.SUMMARY)


def _memories(memories: Sequence[ModelMemory]) -> list[dict[str, object]]:
    return [
        {"n": number}
        | _non_empty(about=dict(memory.about), happened=memory.at and _time(memory.at))
        | {"text": memory.text}
        for number, memory in enumerate(memories, 1)
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
    instructions = _non_empty(
        for_users=assignment.instructions,
        for_assistants=assignment.agent_instructions,
        includes=assignment.includes,
        excludes=assignment.excludes,
    )
    return {
        "observed_at": _time(assignment.observed_at),
        **_non_empty(
            instructions=instructions,
            categories=[
                _non_empty(name=category.name, description=category.description)
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
    heading = _non_empty(role=turn.role, name=turn.name, said_at=said_at, context=context)
    return {**heading, "content": turn.content}


def _time(moment: datetime) -> str:
    """Return a time with its weekday, because models compute weekdays badly."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{zoned.isoformat(timespec='minutes')}, a {WEEKDAYS[zoned.weekday()]}"


def _non_empty(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # A lone surrogate is legal in a str, but cannot be encoded.
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
    """Return a schema in the narrow form that every endpoint with strict schemas supports.

    It has no references, all properties are required, and no additional ones are allowed.
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
