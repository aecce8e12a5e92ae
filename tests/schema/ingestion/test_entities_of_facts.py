"""Whose memory a fact is: every entity of the call, and the speaker by role and name.

Agent frameworks store with a user and an agent, and search with both.
"""

from typing import Any

import pytest

from tests.rest.mem0.rest import ask
from tests.support.documents.doors import DOORS, add
from tests.support.fixtures.factories import Tenant

SEARCH = """
query ($filter: MemoryFilter) {
  searchMemories(query: "What does the cat like?", filter: $filter) { hits { memory { text } } }
}
"""
CAT = "My cat Miso likes salmon."
ADVICE = "I recommend salmon from the shop Peixaria Centro for Miso."
MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": CAT},
    {"role": "assistant", "content": ADVICE},
]
BOTH = {"user_id": "alice", "agent_id": "butler"}


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_a_search_with_all_entities_finds_what_was_stored_with_them(
    tenant: Tenant, door: str, infer: bool
) -> None:
    stored = await add(tenant, door, MESSAGES, infer=infer, run_id="r1", **BOTH)
    found = [
        (memory["text"], memory["role"], memory["userId"], memory["agentId"], memory["runId"])
        for memory in stored.memories
    ]
    assert found == [
        (CAT, "user", "alice", "butler", "r1"),
        (ADVICE, "assistant", "alice", "butler", "r1"),
    ]
    conditions = {"userId": {"eq": "alice"}, "agentId": {"eq": "butler"}}
    for where in (conditions, {"userId": {"eq": "alice"}}, {"agentId": {"eq": "butler"}}):
        hits = (await tenant.owner.ask(SEARCH, filter=where))["searchMemories"]["hits"]
        assert {hit["memory"]["text"] for hit in hits} == {CAT, ADVICE}
    body = {"query": "What does the cat like?", "filters": {"AND": [BOTH]}}
    hits = (await ask(tenant.owner, "POST", "/v3/memories/search/", body))["results"]
    assert {hit["memory"] for hit in hits} == {CAT, ADVICE}


@pytest.mark.parametrize("door", DOORS)
async def test_a_user_and_an_agent_do_not_contradict_each_other(tenant: Tenant, door: str) -> None:
    messages = [
        {"role": "user", "content": "I live in Munich."},
        {"role": "assistant", "content": "I live in Berlin."},
    ]
    stored = await add(tenant, door, messages, **BOTH)
    assert stored.active == ["I live in Munich.", "I live in Berlin."]
    stored = await add(tenant, door, [{"role": "assistant", "content": "I live in Rome."}], **BOTH)
    assert stored.active == ["I live in Munich.", "I live in Rome."]
