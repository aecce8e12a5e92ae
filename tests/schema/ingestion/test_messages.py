"""Messages as model APIs send them: one of them does not cost the others.

Every case is tried on both doors, with inference and without.
"""

from typing import Any

import pytest

from tests.support.documents.doors import DOORS, add, add_or_fail
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant

CAT = "I adopted a grey cat called Miso."
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/miso.png"}}


def user(content: Any, role: str = "user", **others: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **others}


# Messages without text, which may stand beside others.
EMPTY: list[dict[str, Any]] = [
    user(None, "assistant", tool_calls=[CALL]),
    {"role": "assistant"},
    user(""),
    user(" \t\n\u3000"),
    user([]),
    user("\0"),
    user("", "system"),
    user([{"type": "text", "text": " "}]),
]
# The types of parts: what a note calls them on each door.
PARTS = {
    "image_url": {"graphql": "image", "mem0": "image_url"},
    "input_image": {"graphql": "input_image", "mem0": "input_image"},
    "file": {"graphql": "file", "mem0": "file"},
    "input_audio": {"graphql": "input_audio", "mem0": "input_audio"},
    "hologram": {"graphql": "another type", "mem0": "another type"},
}


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_messages_without_text_do_not_cost_the_others(
    tenant: Tenant, door: str, infer: bool
) -> None:
    stored = await add(tenant, door, [*EMPTY, CAT], infer=infer)
    assert stored.texts == [CAT]
    assert stored.notes == [
        f"messages.{position} has no text and was skipped." for position in range(len(EMPTY))
    ]


@pytest.mark.parametrize("door", DOORS)
async def test_the_texts_of_parts_are_kept(tenant: Tenant, door: str) -> None:
    kinds = ("text", "input_text", "output_text")
    parts = [{"type": kind, "text": f"I own a {kind} typewriter."} for kind in kinds]
    stored = await add(tenant, door, [user(parts)], infer=False)
    assert stored.texts == [
        "I own a text typewriter.\nI own a input_text typewriter.\nI own a output_text typewriter."
    ]
    assert stored.notes == []


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_parts_without_text_are_named(tenant: Tenant, door: str, infer: bool) -> None:
    messages, texts, notes = [], [], []
    for kind, named in PARTS.items():
        part = {"type": kind, kind: {"url": "https://example.com"}}
        texts.append(f"I adopted a cat called Miso {kind}.")
        notes += [
            f"messages.{len(messages)} has parts that were skipped ({named[door]}).",
            f"messages.{len(messages) + 1} has no text and was skipped ({named[door]}).",
        ]
        messages += [user([{"type": "text", "text": texts[-1]}, part]), user([part])]
    stored = await add(tenant, door, messages, infer=infer)
    assert (stored.texts, stored.notes) == (texts, notes)


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_characters_that_cannot_be_stored_are_removed(
    tenant: Tenant, door: str, infer: bool
) -> None:
    messages = ["I live in Kyo\0to.", "I own a \ud83dcanoe.", "I own a tandem\udc31.", CAT]
    stored = await add(tenant, door, messages, infer=infer)
    assert stored.texts == ["I live in Kyoto.", "I own a canoe.", "I own a tandem.", CAT]
    assert stored.notes == [
        f"messages.{position} had characters that cannot be stored; they were removed."
        for position in range(3)
    ]


NO_TEXT: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "null": ([user(None, "assistant", tool_calls=[CALL])], ["messages", "0", "content"]),
    "no content": ([{"role": "user"}], ["messages", "0", "content"]),
    "several without text": (
        [user(""), user(None), user([IMAGE])],
        ["messages", "0", "content"],
    ),
    "only a picture": ([user([IMAGE])], ["messages", "0", "content"]),
    "only NUL": ([user("\0\0")], ["messages", "0", "content"]),
    "only instructions": ([user(CAT, "System"), user(CAT, "developer")], ["messages"]),
    "a broken name": ([user(CAT), user(CAT, name="\ud800")], ["messages", "1", "name"]),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", NO_TEXT)
async def test_only_a_call_without_any_text_is_rejected(
    tenant: Tenant, door: str, case: str
) -> None:
    messages, path = NO_TEXT[case]
    with unchanged(tenant.deployment):
        found = await add_or_fail(tenant, door, messages)
    assert found == ("INVALID_INPUT", path)


async def test_half_a_pair_outside_of_messages_is_rejected(tenant: Tenant) -> None:
    with unchanged(tenant.deployment):
        assert await add_or_fail(tenant, "mem0", [CAT], user_id="\ud83d") == ("INVALID_INPUT", [])


ROLES = {
    "user": ["user", "User", "human", "Human"],
    "assistant": ["assistant", "Assistant", "ASSISTANT", "ai", "AI", "model", "Model"],
    "tool": ["tool", "Tool"],
    "function": ["function", "FUNCTION"],
    None: ["system", "System", "developer"],
}


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_roles_are_read_in_any_case(tenant: Tenant, door: str, infer: bool) -> None:
    expected, messages = [], []
    for stored_as, roles in ROLES.items():
        for role in roles:
            text = f"I recommend the restaurant Taberna {role.swapcase()} {len(messages)}."
            messages.append(user(text, role))
            # What a tool returned is no fact that somebody said, and stored verbatim only.
            if stored_as in ("user", "assistant") or (stored_as and not infer):
                expected.append((text, stored_as))
    stored = await add(tenant, door, messages, infer=infer, agent_id="butler")
    assert [(memory["text"], memory["role"]) for memory in stored.memories] == expected


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_a_step_of_an_agent_may_have_nothing_to_remember(
    tenant: Tenant, door: str, infer: bool
) -> None:
    step = [user(None, "assistant", tool_calls=[CALL]), user("I live at 22 degrees.", "tool")]
    stored = await add(tenant, door, step, infer=infer)
    assert stored.texts == ([] if infer else ["I live at 22 degrees."])
    assert stored.notes[0] == "messages.0 has no text and was skipped."


LONG = ["x" * 60_000] * 5


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_the_messages_of_a_call_have_a_limit_together(
    tenant: Tenant, door: str, infer: bool
) -> None:
    with unchanged(tenant.deployment):
        found = await add_or_fail(tenant, door, LONG, infer=infer)
    assert found == ("INVALID_INPUT", ["messages"])


async def test_the_error_names_the_limit_and_the_length(tenant: Tenant) -> None:
    document = """
    mutation ($input: AddMemoriesInput!) {
      addMemories(input: $input) { operation { id } userErrors { code message path } }
    }
    """
    messages = [{"role": "user", "content": text} for text in LONG]
    errors = await tenant.owner.refused(document, input={"userId": "a", "messages": messages})
    assert errors == [
        {
            "code": "INVALID_INPUT",
            "message": "The messages of one call must have at most 200,000 characters together, "
            "they have 300,000: send them in several calls.",
            "path": ["input", "messages"],
        }
    ]
