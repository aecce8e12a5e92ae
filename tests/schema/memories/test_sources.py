"""Where memories come from: the messages behind each, and that no text outlives its deletion.

A message is kept as long as one memory links to it, and not a moment longer. The last tests look
for a word that nobody else says in every column of every table, and find it nowhere.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables.metadata import METADATA
from tests.support.documents.erasure import DELETE_PROJECT
from tests.support.documents.remembering import (
    DELETE,
    DELETE_ENTITY,
    MAKE_PROJECT,
    UPDATE,
    entity_id,
    everything,
    learn,
    log,
    rows_with,
    shown,
)
from tests.support.documents.searching import search
from tests.support.fixtures.factories import Tenant

SOURCES = """
query ($first: Int) {
  memories(first: $first) {
    nodes { text sources { role name content timestamp createdAt } }
  }
}
"""
LESS, MORE = (
    "I play tennis with Ben every Tuesday.",
    "I play tennis with Ben every Tuesday evening.",
)
# Where it can still be read that there was a project.
OUTLIVING = {"audit_entries", "erasure_receipts"}
FIRST, SECOND = "2025-01-10T12:00:00.000000Z", "2025-02-10T12:00:00.000000Z"


def source(content: str, timestamp: str | None = None, **others: Any) -> dict[str, Any]:
    """Return a source as the API shows it."""
    return {"role": "user", "name": None, "content": content, "timestamp": timestamp, **others}


async def sources(tenant: Tenant) -> dict[str, list[dict[str, Any]]]:
    """Return the sources of each memory, whatever lists hide, by its text."""
    return {text: found["sources"] for text, found in (await everything(tenant.owner)).items()}


def kept(tenant: Tenant) -> list[str]:
    """Return what the table of messages has of a project, oldest first."""
    table = METADATA.tables["source_messages"]
    mine = select(table.c.content).where(table.c.project_id == tenant.project_id)
    with tenant.deployment.services.db.engine.connect() as connection:
        return list(connection.execute(mine.order_by(table.c.id)).scalars())


# ---------------------------------------------------------------- what they are


async def test_a_direct_import_has_its_message(tenant: Tenant) -> None:
    system = {"role": "system", "content": "Be brief."}
    named = {"role": "assistant", "name": "Ann", "content": "Hello!", "timestamp": FIRST}
    began = datetime.now(UTC) - timedelta(seconds=1)
    await learn(tenant, system, named, "Good day", infer=False, timestamp=SECOND)
    nodes = (await tenant.owner.ask(SOURCES))["memories"]["nodes"]
    for node in nodes:
        (only,) = node["sources"]
        assert began <= datetime.fromisoformat(only["createdAt"]) <= datetime.now(UTC)
    assert await sources(tenant) == {
        "Hello!": [source("Hello!", FIRST, role="assistant", name="Ann")],
        # What the call says of all counts for messages that do not say.
        "Good day": [source("Good day", SECOND)],
    }


async def test_a_fact_has_the_message_behind_it(tenant: Tenant) -> None:
    one = {"role": "user", "content": f"Hi! {LESS} How are you?", "timestamp": FIRST}
    other = {"role": "user", "content": "I have a cat. My sister Anna lives in Oslo."}
    await learn(tenant, one, {"role": "assistant", "content": "Fine, thanks."}, other)
    assert await sources(tenant) == {
        LESS: [source(one["content"], FIRST)],
        "I have a cat.": [source(other["content"])],
        "My sister Anna lives in Oslo.": [source(other["content"])],
    }
    # Two facts of one message share it.
    assert kept(tenant) == [one["content"], other["content"]]


async def test_an_answer_has_the_question_too(tenant: Tenant) -> None:
    question = {"role": "assistant", "content": "Where does your sister Anna live?"}
    (fact,) = await learn(tenant, question, "In Oslo.")
    assert await sources(tenant) == {
        fact.text: [source(question["content"], role="assistant"), source("In Oslo.")]
    }


async def test_repeats_add_sources_where_facts_are_drawn(tenant: Tenant) -> None:
    await learn(tenant, LESS)
    await learn(tenant, f"Hello! {LESS}")
    await learn(tenant, LESS, infer=False)
    said = [source(LESS), source(f"Hello! {LESS}")]
    assert await sources(tenant) == {LESS: said}
    assert kept(tenant) == [each["content"] for each in said]


async def test_a_memory_has_the_messages_of_its_near_duplicates(tenant: Tenant) -> None:
    await learn(tenant, MORE)
    await learn(tenant, LESS)
    assert await sources(tenant) == {MORE: [source(MORE), source(LESS)], LESS: [source(LESS)]}
    assert kept(tenant) == [MORE, LESS]


async def test_a_repeat_within_a_call_has_both_messages(tenant: Tenant) -> None:
    await learn(tenant, LESS, "I have a cat.", LESS)
    assert (await sources(tenant))[LESS] == [source(LESS), source(LESS)]


async def test_of_more_than_a_hundred_the_last_are_shown(tenant: Tenant) -> None:
    said = [f"{'Hi! ' * (n // 50)}{LESS}{' ' * (n % 50)}" for n in range(105)]
    await learn(tenant, *said)
    assert [each["content"] for each in (await sources(tenant))[LESS]] == said[5:]
    assert len(kept(tenant)) == 105


async def test_sources_of_a_list_cost_one_statement(tenant: Tenant) -> None:
    await learn(tenant, *(f"My friend number {n} has a cat." for n in range(6)))
    await tenant.deployment.run_jobs()
    costs = []
    for first in (1, 6):
        await tenant.owner.ask(SOURCES, first=first)
        with tenant.deployment.counted_statements() as statements:
            found = await tenant.owner.ask(SOURCES, first=first)
        assert [len(node["sources"]) for node in found["memories"]["nodes"]] == [1] * first
        costs.append(len(statements))
    # The key, the project, the memories, their sources.
    assert costs == [4, 4]


# ---------------------------------------------------------------- how long they stay


async def test_a_message_goes_with_the_last_memory_that_has_it(tenant: Tenant) -> None:
    message = "I have a cat. My sister Anna lives in Oslo."
    cat, sister = await learn(tenant, message)
    await tenant.owner.do(UPDATE, id=cat.id, input={"text": "I have a dog."})
    assert (await sources(tenant))["I have a dog."] == [source(message)]
    await tenant.owner.do(DELETE, id=cat.id)
    assert kept(tenant) == [message]
    assert await sources(tenant) == {"My sister Anna lives in Oslo.": [source(message)]}
    await tenant.owner.do(DELETE, id=sister.id)
    assert kept(tenant) == []


async def test_all_messages_of_a_memory_go_with_it(tenant: Tenant) -> None:
    (first, _) = await learn(tenant, LESS, LESS, "I have a cat.")
    await learn(tenant, LESS)
    assert kept(tenant) == [LESS, LESS, "I have a cat.", LESS]
    await tenant.owner.do(DELETE, id=first.id)
    assert kept(tenant) == ["I have a cat."]


async def test_a_merged_memory_keeps_its_message(tenant: Tenant) -> None:
    await learn(tenant, LESS)
    (more,) = await learn(tenant, MORE)
    await tenant.owner.do(DELETE, id=more.id)
    assert kept(tenant) == [LESS]
    assert await sources(tenant) == {LESS: [source(LESS)]}


# ---------------------------------------------------------------- erasure


@pytest.fixture
def word(tenant: Tenant) -> str:
    """A word that is in no other test's memories."""
    return "Xylo" + "".join(chr(ord("a") + int(digit, 16)) for digit in tenant.project_id[-12:])


async def tell(tenant: Tenant, word: str, **options: Any) -> None:
    """Let a word get everywhere: into memories that are there, changed, merged and deleted."""
    text = f"My friend {word} Berg lives in Oslo."
    said = {"role": "user", "content": text, "name": f"{word} Junior"}
    told = await learn(tenant, text, said, metadata={word: [word]}, **options)
    told += await learn(tenant, text.replace("Oslo.", "Oslo now."), **options)
    told += await learn(tenant, f"{word} is here.", infer=False, **options)
    told += await learn(tenant, f"I like {word} a lot, and his dog.", **options)
    told += await learn(tenant, f"I like {word} and his cat, too.", **options)
    await tenant.owner.do(UPDATE, id=told[-3].id, input={"text": f"{word} has gone."})
    await tenant.owner.do(DELETE, id=told[-1].id)
    await tenant.owner.do(DELETE, id=told[-2].id)
    about = {name: {"eq": value} for name, value in options.items() if name != "projectId"}
    project = "projectId" in options
    if not project:
        await search(tenant.owner, f"Where is {word}?", filter=about)
        await search(tenant.owner, f"Where is {word}?", place="entity", name="alice")
    await tenant.deployment.services.search_recorder.flush()
    await tenant.deployment.run_jobs()


TABLES = {"memories", "memory_versions", "history", "source_messages", "concepts", "operations"}


@pytest.mark.parametrize(
    "about",
    [{"userId": "alice"}, {"userId": "alice", "runId": "monday", "appId": "diary"}],
    ids=["alone", "with others"],
)
async def test_an_erased_entity_leaves_no_text(
    tenant: Tenant, word: str, about: dict[str, str]
) -> None:
    await tell(tenant, word, **about)
    assert set(rows_with(tenant.deployment, word)) >= TABLES
    await learn(tenant, "I have a cat.", userId="bob")
    count = len(await log(tenant.owner))
    await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, "alice"))
    await tenant.deployment.run_jobs()
    assert rows_with(tenant.deployment, word) == {}
    assert await shown(tenant.owner, includeMerged=True) == ["I have a cat."]
    assert kept(tenant) == ["I have a cat."]
    assert len(await log(tenant.owner)) > count


async def test_an_erased_project_leaves_no_text(tenant: Tenant, word: str) -> None:
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    await tell(tenant, word, projectId=other, userId="alice")
    assert set(rows_with(tenant.deployment, word)) >= TABLES
    await tenant.owner.do(DELETE_PROJECT, id=other)
    for _ in range(100):
        if set(rows_with(tenant.deployment, other)) == OUTLIVING:
            break
        # The deployment's workers erase it in a moment.
        await asyncio.sleep(0.1)
    assert set(rows_with(tenant.deployment, other)) == OUTLIVING
    assert rows_with(tenant.deployment, word) == {}


async def test_a_deleted_memory_stays_in_log_and_versions_alone(tenant: Tenant, word: str) -> None:
    """From there it can be restored; its operation keeps what was to be remembered."""
    (told,) = await learn(tenant, f"My friend {word} Berg lives in Oslo.")
    await tenant.owner.do(DELETE, id=told.id)
    await tenant.deployment.run_jobs()
    assert rows_with(tenant.deployment, word) == {
        "history": 2,
        "memory_versions": 1,
        "operations": 1,
    }
    await tenant.owner.do(DELETE_ENTITY, id=await entity_id(tenant.owner, "alice"))
    assert rows_with(tenant.deployment, word) == {}
