"""Previews of adds: they say what the add does, and store nothing.

The trap: a preview that is computed in another way than the add agrees with it in easy cases only.
So each scenario here is previewed, twice, and then added.
"""

import json
from typing import Any

import pytest
from sqlalchemy import select

from harness.settings import settings_for
from storage.tables.metadata import METADATA
from tests.support.documents.ingesting import inferring_input, message_input, wait_until, work_of
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant, make_tenant
from tests.support.servers.deployment import Deployment, deployed
from tests.support.servers.openai_answers import fact, facts, status, text
from tests.support.servers.openai_server import OpenAIServer

PREVIEW = """
query ($input: AddMemoriesInput!, $projectId: ID) {
  previewMemories(input: $input, projectId: $projectId) {
    outcomes {
      text outcome affects { id text state version }
      timestamp timestampPrecision categories reason messages
    }
    notes
    skipped { message text reason }
    userErrors { __typename code message path }
  }
}
"""
ADD = """
mutation ($input: AddMemoriesInput!, $projectId: ID) {
  addMemories(input: $input, projectId: $projectId) {
    operation { status notes }
    results {
      outcome
      memory { id text timestamp timestampPrecision categories sources { content } }
    }
    userErrors { __typename code message path }
  }
}
"""
STATE = "query ($id: ID!) { memory(id: $id) { text state version } }"
LESS = "I play tennis with Ben every Tuesday."
MORE = "I play tennis with Ben every Tuesday evening."
BERLIN, MUNICH = "I live in Berlin.", "I live in Munich."


async def previewed(tenant: Tenant, input: dict[str, Any]) -> dict[str, Any]:
    """Return the preview of an add that would succeed, which must write nothing."""
    with unchanged(tenant.deployment):
        found = (await tenant.owner.ask(PREVIEW, input=input))["previewMemories"]
        again = (await tenant.owner.ask(PREVIEW, input=input))["previewMemories"]
    assert found == again
    assert found.pop("userErrors") == []
    preview: dict[str, Any] = found
    return preview


async def check_agreement(tenant: Tenant, input: dict[str, Any]) -> list[dict[str, Any]]:
    """Preview an add, add, and check that both agree; return the outcomes of the preview."""
    preview = await previewed(tenant, input)
    payload = await tenant.owner.do(ADD, input=input)
    results = payload["results"]
    assert [each["outcome"] for each in results] == [
        each["outcome"] for each in preview["outcomes"]
    ]
    assert payload["operation"]["notes"] == preview["notes"]
    contents = [message.get("content") for message in input["messages"]]
    for told, done in zip(preview["outcomes"], results, strict=True):
        memory, affected = done["memory"], told["affects"]
        sources = {source["content"] for source in memory["sources"]}
        if "quotes a memory" not in told["reason"]:
            assert sources >= {contents[at] for at in told["messages"]}
        assert told["reason"]
        if told["outcome"] in ("ADDED", "SUPERSEDES"):
            for name in ("text", "timestamp", "timestampPrecision", "categories"):
                assert memory[name] == told[name]
        elif affected is not None:
            after = (await tenant.owner.ask(STATE, id=affected["id"]))["memory"]
            if told["outcome"] == "ALREADY_KNOWN" or after["state"] == "ACTIVE":
                assert memory["id"] == affected["id"]
            else:
                assert (after["state"], memory["text"]) == ("MERGED", told["text"])
        if told["outcome"] == "SUPERSEDES" and affected is not None:
            after = (await tenant.owner.ask(STATE, id=affected["id"]))["memory"]
            assert (affected["state"], after["state"]) == ("ACTIVE", "SUPERSEDED")
    outcomes: list[dict[str, Any]] = preview["outcomes"]
    return outcomes


# What is said before, what is added, and the outcomes with the texts of what they affect.
Case = tuple[list[str], list[Any], dict[str, Any], list[tuple[str, str | None]]]
CASES: dict[str, Case] = {
    "a fact": ([], ["I moved to Lisbon on 3 May 2024."], {}, [("ADDED", None)]),
    "nothing": ([], ["Hello!"], {}, []),
    "a known fact": ([LESS], [LESS], {}, [("ALREADY_KNOWN", LESS)]),
    "a fuller fact": ([LESS], [MORE], {}, [("MERGED", LESS)]),
    "a lesser fact": ([MORE], [LESS], {}, [("MERGED", MORE)]),
    "both in one call": ([], [LESS, MORE], {}, [("ADDED", None), ("MERGED", None)]),
    "a claim": ([BERLIN], [MUNICH], {}, [("SUPERSEDES", BERLIN)]),
    "an earlier claim": (
        [BERLIN],
        [message_input(MUNICH, timestamp="2020-01-01T00:00:00Z")],
        {},
        [("ADDED", None)],
    ),
    "claims in turn": (
        [BERLIN],
        [MUNICH, BERLIN, MUNICH],
        {},
        [("SUPERSEDES", BERLIN), ("SUPERSEDES", None), ("SUPERSEDES", None)],
    ),
    "an echo": (
        [BERLIN],
        [f"{BERLIN} My cat is called Miso."],
        {},
        [("ALREADY_KNOWN", BERLIN)] * 1 + [("ADDED", None)],
    ),
    "a conversation": (
        [],
        [
            message_input("Where do you live?", "assistant"),
            message_input("In Lisbon.", name="Alice"),
            message_input("I recommend the tram 28 in Lisbon.", "assistant"),
        ],
        {"agentId": "guide", "runId": "r"},
        [("ADDED", None), ("ADDED", None)],
    ),
    "another user": ([BERLIN], [BERLIN], {"userId": "bob"}, [("ADDED", None)]),
    "an immutable claim": ([BERLIN], [MUNICH], {"immutable": True}, [("SUPERSEDES", BERLIN)]),
    "an expiry": ([LESS], [LESS], {"expirationDate": "2099-01-01"}, [("ALREADY_KNOWN", LESS)]),
    "verbatim": ([], [LESS, "Hello!"], {"infer": False}, [("ADDED", None), ("ADDED", None)]),
    "verbatim and known": (
        [LESS],
        [LESS, MORE, MORE],
        {"infer": False},
        [("ALREADY_KNOWN", LESS), ("ADDED", None), ("ALREADY_KNOWN", None)],
    ),
    "instructions": (
        [],
        [LESS],
        {"customInstructions": "Keep all."},
        [("ADDED", None)],
    ),
}


@pytest.mark.every_database
@pytest.mark.parametrize("name", CASES)
async def test_a_preview_says_what_the_add_does(tenant: Tenant, name: str) -> None:
    before, messages, options, expected = CASES[name]
    for said in before:
        await tenant.owner.do(ADD, input=inferring_input(said))
    outcomes = await check_agreement(tenant, inferring_input(*messages, **options))
    affected = [each["affects"] and each["affects"]["text"] for each in outcomes]
    assert list(zip([each["outcome"] for each in outcomes], affected, strict=True)) == expected


async def test_the_reasons_of_rules(tenant: Tenant) -> None:
    await tenant.owner.do(ADD, input=inferring_input(BERLIN))
    messages = [
        message_input("Be kind.", "system"),
        {"role": "assistant", "content": None},
        message_input("Hello! I live in Munich. Can you book a table?"),
        message_input("> I live in Oslo.\n\nMy cat is called Miso."),
    ]
    preview = await previewed(tenant, inferring_input(*messages))
    assert [(each["text"], each["messages"], each["reason"]) for each in preview["outcomes"]] == [
        (
            MUNICH,
            [2],
            'Kept by the rule "about the speaker". It is a later claim about the same attribute '
            "(home city).",
        ),
        ("My cat is called Miso.", [3], 'Kept by the rule "about the speaker".'),
    ]
    assert [tuple(each.values()) for each in preview["skipped"]] == [
        (0, "Be kind.", "Messages of this role are context."),
        (1, "", "It has no text."),
        (2, "Hello!", 'Passed over by the rule "pleasantry".'),
        (2, "Can you book a table?", 'Passed over by the rule "question or request".'),
        (3, "> I live in Oslo.", "It quotes recalled memories."),
    ]
    assert preview["notes"] == ["messages.1 has no text and was skipped."]


async def test_what_is_stored_verbatim(tenant: Tenant) -> None:
    messages = [message_input("Be kind.", "system"), message_input("Hello!")]
    preview = await previewed(tenant, inferring_input(*messages, infer=False))
    (outcome,) = preview["outcomes"]
    assert (outcome["messages"], outcome["reason"]) == (
        [1],
        "Stored verbatim, because infer is false.",
    )
    assert [each["message"] for each in preview["skipped"]] == [0]


INVALID: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no entity": ({"userId": None}, ["input", "userId"]),
    "no message": ({"messages": []}, ["input", "messages"]),
    "no text": (
        {"messages": [message_input(" ")]},
        ["input", "messages", "0", "content"],
    ),
    "a long text": (
        {"messages": [message_input("x" * 65_537)]},
        ["input", "messages", "0", "content"],
    ),
    "metadata": ({"metadata": [1]}, ["input", "metadata"]),
    "a time zone": ({"timezone": "Mars/Olympus"}, ["input", "timezone"]),
    "a category": (
        {"customCategories": [{"name": ""}]},
        ["input", "customCategories", "0", "name"],
    ),
    "an idempotency key": ({"idempotencyKey": "x" * 256}, ["input", "idempotencyKey"]),
}


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("name", INVALID)
async def test_bad_input_is_that_of_the_add(tenant: Tenant, name: str, infer: bool) -> None:
    changes, path = INVALID[name]
    input = {**inferring_input(BERLIN, infer=infer), **changes}
    with unchanged(tenant.deployment):
        preview = (await tenant.owner.ask(PREVIEW, input=input))["previewMemories"]
        added = (await tenant.owner.ask(ADD, input=input))["addMemories"]
    assert preview == {
        **{name: [] for name in ("outcomes", "notes", "skipped")},
        "userErrors": added["userErrors"],
    }
    assert [error["path"] for error in preview["userErrors"]] == [path]


async def test_an_idempotency_key_stays_unused(tenant: Tenant) -> None:
    input = inferring_input(BERLIN, idempotencyKey="k", wait=False)
    await previewed(tenant, input)
    await previewed(tenant, {**input, **inferring_input(MUNICH)})
    (result,) = (await tenant.owner.do(ADD, input={**input, "wait": True}))["results"]
    assert result["outcome"] == "ADDED"


async def test_the_whole_database_stays_as_it_is(database_url: str, tmp_path: Any) -> None:
    """No row of any table changes, in a deployment in which nothing else happens."""

    def rows(running: Deployment) -> dict[str, list[Any]]:
        with running.services.db.engine.connect() as connection:
            return {
                table.name: sorted(map(repr, connection.execute(select(table))))
                for table in METADATA.sorted_tables
            }

    async with deployed(settings_for(tmp_path), workers=False) as running:
        tenant = make_tenant(running)
        known = inferring_input(LESS, BERLIN, infer=False)
        await tenant.owner.do(ADD, input=known)
        await running.run_jobs()
        await tenant.owner.ask("{ memories { totalCount } }")
        before = rows(running)
        for options in ({}, {"infer": False}, {"userId": "new", "runId": "new"}):
            input = inferring_input(MORE, MUNICH, "My cat is called Miso.", **options)
            preview = (await tenant.owner.ask(PREVIEW, input=input))["previewMemories"]
            assert len(preview["outcomes"]) == 3
        await running.run_jobs()
        assert rows(running) == before
        assert before["memories"]


# ---------------------------------------------------------------- with a chat model


@pytest.mark.parametrize(
    ("verdict", "said", "expected", "reason"),
    [
        (None, "The user likes tea.", ("ADDED", None), ""),
        (
            {"kind": "supersedes", "n": 1},
            "The user moved to Munich.",
            ("SUPERSEDES", BERLIN),
            " The chat model judged that it makes another memory outdated.",
        ),
        (
            {"kind": "duplicate_of", "n": 1},
            "I live in Berlin, Germany.",
            ("MERGED", BERLIN),
            " The chat model judged that it says the same as another memory.",
        ),
        (
            {"kind": "extends", "n": 1},
            "The user's flat in Berlin is small.",
            ("ADDED", None),
            "",
        ),
    ],
)
async def test_the_verdicts_of_a_model(
    chat: Tenant,
    model: OpenAIServer,
    verdict: Any,
    said: str,
    expected: tuple[str, str | None],
    reason: str,
) -> None:
    await chat.owner.do(ADD, input=inferring_input(BERLIN, infer=False))
    model.answer_with(facts([fact(said, turns=[1], verdict=verdict)]))
    input = inferring_input("Something.", message_input("Noted.", "assistant"))
    skipped = (await previewed(chat, input))["skipped"]
    assert skipped == [{"message": 1, "text": "Noted.", "reason": "No fact was extracted from it."}]
    (outcome,) = await check_agreement(chat, input)
    affected = outcome["affects"] and outcome["affects"]["text"]
    assert (outcome["outcome"], affected) == expected
    assert outcome["reason"] == f"The chat model extracted it.{reason}"


async def test_what_a_model_writes_badly_is_noted(chat: Tenant, model: OpenAIServer) -> None:
    model.answer_with(text(json.dumps({"facts": ["I like tea.", 7]})))
    outcomes = await check_agreement(chat, inferring_input("I like tea."))
    assert [each["text"] for each in outcomes] == ["I like tea."]


async def test_a_model_that_fails_is_unavailable(chat: Tenant, model: OpenAIServer) -> None:
    for behaviour, said in (
        (status(503, "Loading."), "The chat model failed (503): Loading (model test-model)."),
        (text("Sorry."), "The chat model's answer could not be used, twice in a row: it is not"),
    ):
        model.answer_with(behaviour)
        with unchanged(chat.deployment):
            answer = await chat.owner.ask(PREVIEW, input=inferring_input(BERLIN))
        (error,) = answer["previewMemories"]["userErrors"]
        assert (error["code"], error["path"]) == ("UNAVAILABLE", [])
        assert error["message"].startswith(said)


async def test_nobody_but_writers_spends_a_model(chat: Tenant, model: OpenAIServer) -> None:
    for client, code in ((chat.reader, "FORBIDDEN"), (chat.stranger, "NOT_FOUND")):
        answer = await client.ask(PREVIEW, input=inferring_input(BERLIN), projectId=chat.project_id)
        (error,) = answer["previewMemories"]["userErrors"]
        assert error["code"] == code
    assert model.requests == []
    await wait_until(lambda: work_of(chat) == (0, 0), "no work")
