"""Recalled text is not a new fact: it supersedes nothing, and renews nothing."""

from typing import Any

import pytest

from providers import prompts
from tests.support.documents.doors import DOORS, add
from tests.support.fixtures.factories import Tenant

MUNICH, BERLIN, CAT = "I live in Munich.", "I live in Berlin.", "I adopted a grey cat called Miso."

# Messages of a user who lives in Berlin and has lived in Munich; {} is for the recalled memories.
ECHOES = {
    "a block": f"<relevant-memories>\n- {MUNICH}\n- {BERLIN}\n</relevant-memories>\n{CAT}",
    "a block in one line": f"<memories>{MUNICH}</memories> {CAT}",
    "a block in capitals": f"<CONTEXT>{MUNICH}</CONTEXT>\n{CAT}",
    "a block with attributes": f'<memory_context source="mem0">{MUNICH}</memory_context>\n{CAT}',
    "a block of blocks": f"<memories><memory>{MUNICH}</memory></memories>\n{CAT}",
    "brackets": f"[MEMORIES]\n{MUNICH}\n[/MEMORIES]\n{CAT}",
    "a section": f"## Memories\n- {MUNICH}\n- {BERLIN}\n\n## Request\n{CAT}",
    "a section of prose": f"# Relevant memories\n{MUNICH} {BERLIN}\n\n{CAT}",
    "a bold heading": f"**User memories:**\n* {MUNICH}\n\n{CAT}",
    "a list with a heading": f"Here are relevant memories about the user:\n1. {MUNICH}\n\n{CAT}",
    "what is known": f"What I know about you:\n- {MUNICH}\n\n{CAT}",
    "a quotation": f"> {MUNICH}\n> {BERLIN}\n\n{CAT}",
    "a system's words": f"System: The user said the following. {MUNICH}\n\n{CAT}",
    "a system's note": f"[system note] {MUNICH}\n\n{CAT}",
    "equal sentences": f"{MUNICH} {CAT} What could I cook tonight?",
    "equal items": f"- {MUNICH}\n- {BERLIN}\n\n{CAT}",
    "an equal sentence at the end": f"{CAT}\n\n{MUNICH}",
}


@pytest.mark.parametrize("door", DOORS)
async def test_an_echo_supersedes_nothing(tenant: Tenant, door: str) -> None:
    for case, message in ECHOES.items():
        user = {"user_id": case}
        for text in (MUNICH, BERLIN):
            await add(tenant, door, [text], **user)
        stored = await add(tenant, door, [message], **user)
        mine = [memory for memory in stored.memories if memory["userId"] == case]
        states = [(memory["text"], memory["state"]) for memory in mine]
        assert states == [
            (MUNICH, "SUPERSEDED"),
            (BERLIN, "ACTIVE"),
            (CAT, "ACTIVE"),
        ], case


EXPIRY = """
{ memories(first: 9) { nodes { text expirationDate version sources { content } } } }
"""


@pytest.mark.parametrize("case", ["a block", "a section", "equal sentences"])
async def test_an_echo_renews_nothing(tenant: Tenant, case: str) -> None:
    await add(tenant, "graphql", [MUNICH], expiration_date="2999-01-01")
    before = (await tenant.owner.ask(EXPIRY))["memories"]["nodes"]
    await add(tenant, "graphql", [ECHOES[case]])
    after = (await tenant.owner.ask(EXPIRY))["memories"]["nodes"]
    assert [memory for memory in after if memory["text"] == MUNICH] == before


async def test_an_echo_is_recognized_in_another_run(tenant: Tenant) -> None:
    for text in (MUNICH, BERLIN):
        await add(tenant, "graphql", [text], user_id="alice", run_id="one", agent_id="butler")
    message = ECHOES["equal sentences"]
    stored = await add(tenant, "graphql", [message], user_id="alice", run_id="two")
    assert stored.active == [BERLIN, CAT]


# What a person says, although it looks alike.
SAID: dict[str, tuple[str, list[str]]] = {
    "only the sentence": (MUNICH, [MUNICH]),
    "with a greeting": (f"Hello! {MUNICH}", [MUNICH]),
    "an opening tag alone": (f"<memories> {CAT}", [f"<memories> {CAT}"]),
    "a heading of one's own": (
        "# Memories of Rome\nI loved the food in Rome.",
        ["I loved the food in Rome."],
    ),
    "an instruction": (
        "Remember: I am allergic to peanuts.",
        ["Remember: I am allergic to peanuts."],
    ),
    "another tag": (f"<b>{CAT}</b>", [f"<b>{CAT}</b>"]),
}


@pytest.mark.parametrize("case", SAID)
async def test_what_a_person_says_again_counts(tenant: Tenant, case: str) -> None:
    message, kept = SAID[case]
    for text in (MUNICH, BERLIN):
        await add(tenant, "graphql", [text])
    stored = await add(tenant, "graphql", [message])
    expected = kept if kept == [MUNICH] else [BERLIN, *kept]
    assert stored.active == expected


@pytest.mark.parametrize("role", ["user", "assistant"])
@pytest.mark.parametrize("door", DOORS)
async def test_our_own_prompt_is_not_remembered(tenant: Tenant, door: str, role: str) -> None:
    texts = [prompts.EXTRACT_FACTS_1, prompts.SHAPE_1, prompts.SUMMARIZE_1]
    messages: list[Any] = [{"role": role, "content": f"{text}\n\n{CAT}"} for text in texts]
    stored = await add(tenant, door, [*messages, CAT], agent_id="butler")
    assert set(stored.texts) == {CAT}


async def test_a_message_of_recalled_memories_alone_is_not_remembered(tenant: Tenant) -> None:
    stored = await add(tenant, "graphql", [f"<memories>{CAT}</memories>"])
    assert stored.texts == []
    assert stored.notes == ["No relevant facts were found in these messages."]
