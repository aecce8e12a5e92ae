"""Adding conversations with a chat model: its prompts, and the effects of its verdicts.

The trap: a verdict changes memories, so it counts only for memories that the model was shown, that
may be changed, and that have not changed since.
"""

import asyncio
import threading
from typing import Any

import pytest

from resolvers.ingestion import job as ingestion
from storage.operations.store import ERASED
from tests.support.documents.ingesting import (
    add_inferred,
    failed_operation,
    message_input,
    raw,
    texts_of,
    work_of,
)
from tests.support.fixtures.factories import Tenant
from tests.support.servers.openai_answers import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Behaviour,
    Request,
    fact,
    facts,
    text,
)
from tests.support.servers.openai_server import OpenAIServer

TEA, OOLONG = "I like tea.", "I like oolong tea."
UPDATE_PROJECT = """
mutation ($input: UpdateProjectInput!) {
  updateProject(input: $input) { project { id } userErrors { message } }
}
"""
ALL = """
{
  memories(includeMerged: true, orderBy: {field: CREATED_AT, direction: ASC}) {
    nodes {
      text state version supersededBy { text } mergedInto { text } extends { text }
      history { nodes { type operationId } }
    }
  }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
DELETE_ENTITY = "mutation ($id: ID!) { deleteEntity(id: $id) { deletedId userErrors { code } } }"
UPDATE = """
mutation ($id: ID!, $input: UpdateMemoryInput!) {
  updateMemory(id: $id, input: $input) { memory { id } userErrors { code } }
}
"""


async def memories_of(tenant: Tenant) -> dict[str, dict[str, Any]]:
    """Return all memories by text, each with what it is to others, and its events."""
    found = {}
    for memory in (await tenant.owner.ask(ALL))["memories"]["nodes"]:
        links = ("supersededBy", "mergedInto", "extends")
        related = {name: memory[name]["text"] for name in links if memory[name]}
        events = [event["type"] for event in memory["history"]["nodes"]]
        found[memory["text"]] = {"state": memory["state"], **related, "events": events}
    return found


# ---------------------------------------------------------------- what it is asked


async def test_the_prompt_of_a_model(chat: Tenant, model: OpenAIServer) -> None:
    catalog = [{"name": "drinks", "description": "Tea, coffee"}, {"name": "misc"}]
    await chat.owner.do(UPDATE_PROJECT, input={"customCategories": catalog})
    payload = await add_inferred(
        chat.owner,
        message_input("Be kind.", "system"),
        message_input("I like tea", name="Al", timestamp="2024-02-29T10:30:00Z"),
        message_input("Noted.", "assistant"),
        agentId="butler",
        userId="alice",
        timestamp="2024-03-01T09:00:00Z",
        includes="food",
        excludes="health",
    )
    (request,) = model.chats
    assert request.headers["authorization"] == "Bearer sk-nobody-may-see-this"
    assert request.body["model"] == "test-model"
    assert request.format == "json_schema"
    assert [role for role, _ in request.messages] == ["system", "user"]
    assert request.document == {
        "observed_at": "2024-03-01T09:00+00:00, a Friday",
        "instructions": {"includes": "food", "excludes": "health"},
        "categories": [catalog[0], {"name": "misc"}],
        "turns": [
            {"n": 1, "role": "system", "context": True, "content": "Be kind."},
            {"n": 2, "role": "user", "name": "Al", "said_at": "2024-02-29T10:30+00:00, a Thursday"}
            | {"content": "I like tea"},
            {"n": 3, "role": "assistant", "content": "Noted."},
        ],
    }
    operation = payload["operation"]
    assert operation["model"] == "test-model"
    assert (operation["inputTokens"], operation["outputTokens"]) == (INPUT_TOKENS, OUTPUT_TOKENS)


async def test_both_requests_of_a_second_try_are_counted(chat: Tenant, model: OpenAIServer) -> None:
    model.next(text("I cannot do JSON."))
    operation = (await add_inferred(chat.owner, TEA))["operation"]
    assert len(model.chats) == 2
    assert (operation["status"], operation["attempts"]) == ("SUCCEEDED", 1)
    tokens = (operation["inputTokens"], operation["outputTokens"])
    assert tokens == (2 * INPUT_TOKENS, 2 * OUTPUT_TOKENS)


async def test_the_precedence_of_instructions(chat: Tenant, model: OpenAIServer) -> None:
    both = {"userId": "u", "agentId": "a"}
    call = {"customInstructions": "call", "agentCustomInstructions": "agent's call"}
    project = {"customInstructions": "project", "agentCustomInstructions": "agent's project"}

    async def told(**options: Any) -> dict[str, str]:
        await add_inferred(chat.owner, TEA, **options)
        found: dict[str, str] = model.chats[-1].document.get("instructions", {})
        return found

    assert await told(**both) == {}
    await chat.owner.do(UPDATE_PROJECT, input=project)
    assert await told(**both) == {"for_users": "project", "for_assistants": "agent's project"}
    assert await told(**both, **call) == {"for_users": "call", "for_assistants": "agent's call"}
    assert await told(**both, customInstructions="") == {"for_assistants": "agent's project"}
    assert await told(userId="u") == {"for_users": "project", "for_assistants": "project"}
    agents = await told(agentId="a", **call)
    assert agents == {"for_users": "agent's call", "for_assistants": "agent's call"}


async def test_previous_messages_are_in_the_prompt(chat: Tenant, model: OpenAIServer) -> None:
    async def former(*texts: str, **named: str) -> list[str]:
        await add_inferred(chat.owner, *texts, **named)
        return [turn["content"] for turn in model.chats[-1].document.get("former_turns", [])]

    alice, with_butler = {"userId": "alice"}, {"userId": "alice", "agentId": "butler"}
    assert await former("a1", "a2", **alice) == []
    assert await former("b1", userId="bob") == []
    assert await former("c1", **with_butler) == []
    await chat.add("Not said, but imported", **alice)
    model.next(facts([]))
    assert await former("a3", **alice) == ["a1", "a2"]
    assert await former(*(f"a{n}" for n in range(4, 14)), **alice) == ["a1", "a2", "a3"]
    assert await former("a14", **alice) == [f"a{n}" for n in range(4, 14)]
    assert await former("c2", **with_butler) == ["c1"]


async def test_known_memories_have_small_numbers(chat: Tenant, model: OpenAIServer) -> None:
    known = [f"I own {n} cups for green tea" for n in range(11)]
    model.next(facts([fact(text) for text in ["My car is red", *known, "I like green tea"]]))
    await add_inferred(chat.owner, "This and that")
    await chat.add("I like green tea, says Bob", userId="bob")
    await chat.add("I liked green tea", expirationDate="2020-01-01")
    model.next(facts([]))
    await add_inferred(chat.owner, "I like green tea")
    request = model.chats[-1]
    shown = request.document["known_memories"]
    assert [each["n"] for each in shown] == list(range(1, 11))
    assert shown[0]["text"] == "I like green tea"
    assert {each["text"] for each in shown[1:]} < set(known)
    found = (await chat.owner.ask("{ memories { nodes { id } } }"))["memories"]["nodes"]
    assert [memory for memory in found if memory["id"] in str(request.body)] == []


async def test_graph_memory_and_languages_follow_the_project(
    chat: Tenant, model: OpenAIServer
) -> None:
    model.next(facts([fact("Al went to Lisbon.", concepts=["Lisbon"])]))
    (memory,) = (await add_inferred(chat.owner, "I went to Lisbon."))["memories"]
    assert memory["concepts"] == [{"name": "Lisbon"}]
    await add_inferred(chat.owner, TEA)
    assert model.chats[-1].document["known_names"] == ["Lisbon"]
    assert "Write every fact in English" in model.chats[-1].system
    await chat.owner.do(UPDATE_PROJECT, input={"enableGraph": False, "multilingual": True})
    model.next(facts([fact("Al likes Porto.", concepts=["Porto"])]))
    (memory,) = (await add_inferred(chat.owner, "Eu gosto do Porto."))["memories"]
    assert memory["concepts"] == []
    assert "known_names" not in model.chats[-1].document
    assert "Never translate." in model.chats[-1].system


# ---------------------------------------------------------------- what comes of its answer


async def test_facts_are_stored_as_the_model_returns_them(
    chat: Tenant, model: OpenAIServer
) -> None:
    happened = {"start": "2024-05", "end": "2024-06"}
    model.next(
        facts(
            [
                fact("Al was in Porto.", turns=[1, 3], categories=["travel"], happened=happened),
                fact("The assistant recommends port.", "assistant", [2], categories=["food"]),
                fact("Al likes trains.", turns=[3], categories=["invented", "TRAVEL"]),
            ]
        )
    )
    said = [
        message_input("I was in Porto."),
        message_input("Try port!", "assistant"),
        message_input("By train!"),
    ]
    payload = await add_inferred(chat.owner, *said, userId="alice", agentId="butler")
    first, second, third = payload["memories"]
    assert (first["text"], first["role"]) == ("Al was in Porto.", "user")
    assert first["timestamp"] == "2024-05-01T00:00:00.000000Z"
    assert first["timestampUntil"] == "2024-06-30T00:00:00.000000Z"
    assert first["timestampPrecision"] == "MONTH"
    assert [source["content"] for source in first["sources"]] == ["I was in Porto.", "By train!"]
    assert (second["text"], second["role"]) == ("The assistant recommends port.", "assistant")
    about = {(memory["userId"], memory["agentId"]) for memory in payload["memories"]}
    assert about == {("alice", "butler")}
    categories = [memory["categories"] for memory in payload["memories"]]
    assert categories == [["travel"], ["food"], ["travel"]]
    assert [source["content"] for source in third["sources"]] == ["By train!"]


def judged(kind: str, words: str, n: int = 1) -> Behaviour:
    return facts([fact(words, verdict={"kind": kind, "n": n})])


async def test_verdicts_take_effect(chat: Tenant, model: OpenAIServer) -> None:
    await chat.add(TEA)
    model.next(judged("duplicate_of", OOLONG))
    payload = await add_inferred(chat.owner, OOLONG)
    assert [result["outcome"] for result in payload["results"]] == ["MERGED"]
    assert [memory["text"] for memory in payload["memories"]] == [OOLONG]
    assert await memories_of(chat) == {
        TEA: {"state": "MERGED", "mergedInto": OOLONG, "events": ["ADD", "MERGE"]},
        OOLONG: {"state": "ACTIVE", "events": ["ADD"]},
    }
    model.next(judged("extends", "I drink it with my aunt."))
    payload = await add_inferred(chat.owner, "With my aunt.")
    assert [result["outcome"] for result in payload["results"]] == ["ADDED"]
    model.next(judged("supersedes", "I only drink coffee now."))
    payload = await add_inferred(chat.owner, OOLONG, "No more: I only drink coffee now.")
    # The memory nearest to what was said is shown first.
    assert model.chats[-1].document["known_memories"][0] == {"n": 1, "text": OOLONG}
    assert [result["outcome"] for result in payload["results"]] == ["SUPERSEDES"]
    assert [event["type"] for event in payload["operation"]["results"]] == ["ADD", "SUPERSEDE"]
    assert await memories_of(chat) == {
        TEA: {"state": "MERGED", "mergedInto": OOLONG, "events": ["ADD", "MERGE"]},
        OOLONG: {
            "state": "SUPERSEDED",
            "supersededBy": "I only drink coffee now.",
            "events": ["ADD", "SUPERSEDE"],
        },
        "I drink it with my aunt.": {"state": "ACTIVE", "extends": OOLONG, "events": ["ADD"]},
        "I only drink coffee now.": {"state": "ACTIVE", "events": ["ADD"]},
    }


VERDICTS = ("duplicate_of", "supersedes", "extends")
NEITHER = {TEA: {"state": "ACTIVE", "events": ["ADD"]}} | {
    OOLONG: {"state": "ACTIVE", "events": ["ADD"]}
}


@pytest.mark.parametrize("kind", VERDICTS)
async def test_verdicts_do_not_change_immutable_memories(
    chat: Tenant, model: OpenAIServer, kind: str
) -> None:
    await chat.add(TEA, immutable=True)
    model.next(judged(kind, OOLONG))
    payload = await add_inferred(chat.owner, OOLONG)
    assert [result["outcome"] for result in payload["results"]] == ["ADDED"]
    assert await memories_of(chat) == NEITHER


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        *((kind, n) for kind in VERDICTS for n in (0, 2)),
        *(("supersedes", n) for n in (-1, 11, 10**12, "1", None)),
    ],
)
async def test_verdicts_on_unknown_memories_are_ignored(
    chat: Tenant, model: OpenAIServer, kind: str, n: Any
) -> None:
    await chat.add(TEA)
    model.next(judged(kind, OOLONG, n))
    payload = await add_inferred(chat.owner, OOLONG)
    assert [result["outcome"] for result in payload["results"]] == ["ADDED"]
    assert await memories_of(chat) == NEITHER


@pytest.mark.parametrize("change", ["edited", "deleted"])
@pytest.mark.parametrize("kind", VERDICTS)
async def test_verdicts_on_changed_memories_are_ignored(
    chat: Tenant, model: OpenAIServer, kind: str, change: str
) -> None:
    """Whatever somebody does to a memory while the model thinks counts more than its verdict."""
    (memory,) = await chat.add(TEA)
    thinks, done = threading.Event(), threading.Event()

    def think(request: Request) -> Answer:
        thinks.set()
        done.wait(5)
        return judged(kind, OOLONG)(request)

    model.next(think)
    waiting = asyncio.create_task(add_inferred(chat.owner, OOLONG))
    await asyncio.to_thread(thinks.wait, 5)
    if change == "deleted":
        await chat.owner.do(DELETE, id=memory["id"])
    else:
        await chat.owner.do(UPDATE, id=memory["id"], input={"metadata": {"k": 1}})
    done.set()
    payload = await waiting
    assert [result["outcome"] for result in payload["results"]] == ["ADDED"]
    found = await memories_of(chat)
    assert found.pop(OOLONG) == NEITHER[OOLONG]
    expected = {TEA: {"state": "ACTIVE", "events": ["ADD", "UPDATE"]}}
    assert found == (expected if change == "edited" else {})


async def test_deleting_an_entity_cancels_its_running_adds(
    chat: Tenant, model: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleting an entity ends the adds about it, also the one that a model is at work on."""
    await chat.add(TEA)
    entity = (await chat.owner.ask("{ entities { nodes { id } } }"))["entities"]["nodes"][0]["id"]
    thinks, done, written = threading.Event(), threading.Event(), asyncio.Event()
    store = ingestion._store

    def think(request: Request) -> Answer:
        thinks.set()
        done.wait(5)
        return facts([fact(OOLONG)])(request)

    async def watched(*arguments: Any) -> None:
        await store(*arguments)
        written.set()

    monkeypatch.setattr(ingestion, "_store", watched)
    model.next(think)
    waiting = asyncio.create_task(failed_operation(chat.owner, OOLONG))
    await asyncio.to_thread(thinks.wait, 5)
    await chat.owner.do(DELETE_ENTITY, id=entity)
    operation = await waiting
    assert (operation["error"], operation["input"]) == (ERASED, {})
    done.set()
    await asyncio.wait_for(written.wait(), 5)
    assert work_of(chat) == (3, 0)
    assert await texts_of(chat.owner) == []
    assert "oolong" not in str(raw(chat))
