"""Summaries: what is chosen without a chat model, what a model is asked, and how it fails."""

import json
from typing import Any

import pytest

from resolvers.synthesis import summaries
from tests.support.documents.exporting import SUMMARIZE
from tests.support.documents.refusals import invalid, not_found, snapshot, with_details
from tests.support.documents.searching import add_apart
from tests.support.fixtures.factories import Tenant
from tests.support.servers.openai_answers import (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Behaviour,
    body,
    slow,
    status,
    text,
)
from tests.support.servers.openai_server import OpenAIServer

UPDATE = """
mutation ($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) { results { userErrors { message } } userErrors { message } }
}
"""
REFUSED = with_details("""
mutation ($filter: MemoryFilter, $projectId: ID) {
  summarizeMemories(filter: $filter, projectId: $projectId) {
    summary userErrors { ...Details }
  }
}
""")
UNUSABLE = "The chat model's answer could not be used, 3 times in a row: "


async def add_to(tenant: Tenant, category: str | None, *texts: str, **options: Any) -> None:
    """Store memories that belong to a category."""
    memories = await add_apart(tenant, *texts, **options)
    if category is not None:
        change = {"categories": [category]}
        inputs = [{"id": memory["id"], "input": change} for memory in memories]
        await tenant.owner.do(UPDATE, inputs=inputs)


async def summarized(tenant: Tenant, **variables: Any) -> Any:
    """Return the payload of a summary that is done, which has changed nothing."""
    payload = await tenant.reader.do(SUMMARIZE, **variables)
    operation = payload["operation"]
    assert (operation["type"], operation["status"]) == ("SUMMARY", "SUCCEEDED")
    assert (operation["error"], operation["results"]) == (None, [])
    return payload


async def test_memories_are_grouped_by_category(tenant: Tenant) -> None:
    await add_to(tenant, None, "The window is open.")
    await add_to(tenant, "food", "I love ripe figs.", "My sister bakes sourdough bread.")
    await add_to(tenant, "travel", "I went to Norway in May.")
    await add_to(tenant, "food", "I love ripe figs!", "I cook soup on Mondays.")
    payload = await summarized(tenant)
    assert payload["summary"] in {
        "\n".join(
            [
                "## food",
                "",
                *said,
                "",
                "## travel",
                "",
                "- I went to Norway in May.",
                "",
                "## Other",
                "",
                "- The window is open.",
            ]
        )
        for bread, soup in [("- My sister bakes sourdough bread.", "- I cook soup on Mondays.")]
        for said in (["- I love ripe figs.", bread, soup], [bread, "- I love ripe figs!", soup])
    }
    operation = payload["operation"]
    assert (operation["input"], operation["notes"], operation["model"]) == ({}, [], None)
    assert (await summarized(tenant))["summary"] == payload["summary"]
    rows = [row for row in snapshot(tenant)["operations"] if row["type"].value == "SUMMARY"]
    assert len(rows) == 2
    assert "figs" not in str(rows)


async def test_a_group_has_five_lines_from_old_to_new(tenant: Tenant) -> None:
    things = ["violins", "rowing", "algebra", "bees", "whisky", "glaciers", "poker", "tulips"]
    texts = [f"I know a lot about {thing}." for thing in things]
    for day, each in enumerate(texts):
        await tenant.add(each, timestamp=f"2024-01-{20 - day:02}T00:00:00Z")
    head, blank, *lines = (await summarized(tenant))["summary"].split("\n")
    assert (head, blank, len(lines)) == ("## Other", "", 5)
    places = [texts.index(line.removeprefix("- ")) for line in lines]
    assert places == sorted(places, reverse=True)


async def test_only_what_matches_and_holds_true(tenant: Tenant) -> None:
    await tenant.add("I live in Rome.", userId="bob")
    await tenant.add("I live in Porto.", expirationDate="2020-01-01")
    await tenant.add("I live in Lisbon.")
    asked = {"userId": {"eq": "alice"}}
    payload = await summarized(tenant, filter=asked)
    assert payload["summary"] == "## Other\n\n- I live in Lisbon."
    assert payload["operation"]["input"] == {"filter": asked}


async def test_a_summary_without_memories_says_so(tenant: Tenant) -> None:
    payload = await summarized(tenant, projectId=tenant.project_id)
    assert payload["summary"] == ""
    assert payload["operation"]["notes"] == ["No memories match."]


async def test_long_memories_are_cut_at_a_sentence(tenant: Tenant) -> None:
    sentence = f"I went to {'very ' * 20}far places."
    await tenant.add(f"{sentence}\n\n {sentence} {sentence} {sentence}")
    await tenant.add("w" * 1_000, userId="bob")
    lines = (await summarized(tenant))["summary"].split("\n")[2:]
    assert lines == [f"- {sentence} {sentence}", f"- {'w' * 299}\N{HORIZONTAL ELLIPSIS}"]


async def test_the_newest_are_summed_up(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert summaries.MOST_SUMMED == 2_000
    monkeypatch.setattr(summaries, "MOST_SUMMED", 2)
    await add_apart(tenant, "I play chess.", "I live in Oslo.", "My cat is old.")
    payload = await summarized(tenant)
    assert payload["summary"] == "## Other\n\n- I live in Oslo.\n- My cat is old."
    assert payload["operation"]["notes"] == [
        "Of the 3 memories that match the newest 2 were read; 1 were left out."
    ]


async def test_refusals(tenant: Tenant) -> None:
    before = snapshot(tenant)
    errors = await tenant.stranger.refused(REFUSED, projectId=tenant.project_id)
    assert errors == [not_found(tenant.project_id, "projectId")]
    unknown = {"categories": {"in": ["shoes"]}}
    errors = await tenant.owner.refused(REFUSED, filter=unknown)
    assert errors == [invalid("filter", "categories", "in", "0")]
    assert await tenant.owner.refused(REFUSED, filter={"text": {}}) == [invalid("filter", "text")]
    assert snapshot(tenant) == before


# ---------------------------------------------------------------- with a chat model


def summary(said: Any) -> Behaviour:
    """Answer with a summary."""
    return text(json.dumps({"summary": said}))


async def test_a_model_sums_up(chat: Tenant, model: OpenAIServer) -> None:
    await chat.add("I live in Lisbon.", "I love figs.")
    model.next(text("Sure!"), summary(" ## Alice\n\n- Lives in Lisbon. "))
    payload = await summarized(chat)
    assert payload["summary"] == "## Alice\n\n- Lives in Lisbon."
    operation = payload["operation"]
    assert (operation["model"], operation["notes"]) == ("test-model", [])
    tokens = (operation["inputTokens"], operation["outputTokens"])
    assert tokens == (2 * INPUT_TOKENS, 2 * OUTPUT_TOKENS)
    document = model.chats[0].document
    assert [memory["text"] for memory in document["memories"]] == [
        "I live in Lisbon.",
        "I love figs.",
    ]
    assert model.chats[0].body["response_format"]["json_schema"]["strict"] is True
    assert "Lisbon" not in str(snapshot(chat)["operations"][-1])
    assert (await summarized(chat, filter={"ids": []}))["summary"] == ""
    assert len(model.chats) == 2


FAULTS: dict[str, tuple[Behaviour, int, str]] = {
    "broken": (status(500, "Boom."), 5, "The chat model failed (500): Boom."),
    "a wrong key": (status(401, "Who?"), 1, "The chat model rejected the request (401): Who?"),
    "empty": (summary(" "), 3, UNUSABLE + "the summary is empty"),
    "too long": (
        summary("x" * 20_001),
        3,
        UNUSABLE + "the summary has 20,001 characters, the maximum is 20,000",
    ),
    "another shape": (summary(["x"]), 3, UNUSABLE + "it has the wrong shape (summary: "),
    "no chat model": (
        body("<html>It works!</html>"),
        3,
        UNUSABLE + "it is not a chat completion: ",
    ),
}


@pytest.mark.parametrize(("behaviour", "asks", "said"), FAULTS.values(), ids=FAULTS)
async def test_faults_are_told(
    chat: Tenant, model: OpenAIServer, behaviour: Behaviour, asks: int, said: str
) -> None:
    await chat.add("I live in Lisbon.")
    model.answer_with(behaviour)
    payload = (await chat.reader.ask(SUMMARIZE))["summarizeMemories"]
    operation = payload["operation"]
    assert (payload["summary"], operation["status"]) == (None, "FAILED")
    assert operation["error"].startswith(said), operation["error"]
    assert operation["model"] == "test-model"
    assert payload["userErrors"] == [
        {
            "__typename": "OperationFailedError",
            "code": "OPERATION_FAILED",
            "message": operation["error"],
            "path": [],
            "operationId": operation["id"],
        }
    ]
    assert len(model.chats) == asks
    (row,) = [row for row in snapshot(chat)["operations"] if row["id"] == operation["id"]]
    assert (row["status"].value, row["progress"]) == ("FAILED", 0)


async def test_a_model_that_takes_too_long_is_not_waited_for(
    chat: Tenant, model: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "LONGEST_WAIT", 0.05)
    await chat.add("I live in Lisbon.")
    model.answer_with(slow(1, summary("x")))
    payload = (await chat.reader.ask(SUMMARIZE))["summarizeMemories"]
    assert payload["operation"]["error"] == "The chat model took too long."
    assert [error["code"] for error in payload["userErrors"]] == ["OPERATION_FAILED"]
