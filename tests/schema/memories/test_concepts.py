"""Concepts: what memories mention, the graph it makes, and what searches make of it.

A concept exists as long as a memory mentions it, and it counts only the memories that lists show.
The trap: a memory may be deleted, changed, merged or expired by the time of the count.
"""

import asyncio
from typing import Any

import pytest

from tests.support.documents.erasure import paused_transaction
from tests.support.documents.refusals import assert_missing
from tests.support.documents.remembering import (
    DELETE,
    MAKE_PROJECT,
    UPDATE,
    add_input,
    everything,
    learn,
    rows_with,
)
from tests.support.documents.searching import search, search_all
from tests.support.fixtures.factories import Tenant

CONCEPTS = """
query ($first: Int, $after: Cursor, $last: Int, $contains: String) {
  project {
    concepts(first: $first, after: $after, last: $last, nameContains: $contains) {
      totalCount pageInfo { hasNextPage endCursor }
      nodes {
        id name totalMemories
        memories(first: 2) { totalCount nodes { text } pageInfo { hasNextPage } }
        related(first: 3) { sharedMemories concept { name } }
      }
    }
  }
}
"""
NODE = """
query ($id: ID!, $after: Cursor, $related: Int = 10) {
  node(id: $id) {
    ... on Concept {
      name totalMemories
      memories(first: 2, after: $after) { nodes { text } pageInfo { hasNextPage endCursor } }
      related(first: $related) { sharedMemories concept { name } }
    }
  }
}
"""
OF_MEMORIES = """
{ memories(first: 50) { nodes { concepts { name totalMemories related(first: 2) { sharedMemories
  concept { name } } memories(first: 2) { nodes { text } totalCount } } } } }
"""
GRAPH_OFF = """
mutation ($id: ID!) {
  updateProject(id: $id, input: {enableGraph: false}) { project { id } userErrors { message } }
}
"""
ANNA = "I met Anna Berg in Oslo."
TRIP = "We went from Oslo to Bergen by train."
BEN = "My neighbour Ben Hansen comes from Bergen."


async def concepts(tenant: Tenant, **wanted: Any) -> dict[str, Any]:
    """Return concepts of the project by their names."""
    found = (await tenant.owner.ask(CONCEPTS, **wanted))["project"]["concepts"]
    by_name = {node["name"]: node for node in found["nodes"]}
    assert len(by_name) == len(found["nodes"])
    return by_name


async def names(tenant: Tenant, **wanted: Any) -> list[str]:
    """Return the names of the project's concepts, in the order of the list."""
    return list(await concepts(tenant, **wanted))


async def mentioned(tenant: Tenant) -> dict[str, list[str]]:
    """Return the names of the concepts of each memory, by its text."""
    return {
        text: [concept["name"] for concept in memory["concepts"]]
        for text, memory in (await everything(tenant.owner)).items()
    }


# ---------------------------------------------------------------- what there is


async def test_memories_mention_concepts(tenant: Tenant) -> None:
    await learn(tenant, ANNA, TRIP, BEN)
    assert await mentioned(tenant) == {
        ANNA: ["Anna Berg", "Oslo"],
        TRIP: ["Bergen", "Oslo"],
        BEN: ["Ben Hansen", "Bergen"],
    }
    found = await concepts(tenant)
    assert list(found) == ["Anna Berg", "Ben Hansen", "Bergen", "Oslo"]
    oslo = found["Oslo"]
    assert oslo["totalMemories"] == 2
    assert oslo["memories"] == {
        "totalCount": 2,
        "nodes": [{"text": TRIP}, {"text": ANNA}],
        "pageInfo": {"hasNextPage": False},
    }
    assert oslo["related"] == [
        {"sharedMemories": 1, "concept": {"name": "Anna Berg"}},
        {"sharedMemories": 1, "concept": {"name": "Bergen"}},
    ]


async def test_direct_imports_mention_nothing(tenant: Tenant) -> None:
    await learn(tenant, ANNA, infer=False)
    assert await mentioned(tenant) == {ANNA: []}
    assert await names(tenant) == []


async def test_a_project_may_disable_concepts(tenant: Tenant) -> None:
    await learn(tenant, TRIP)
    await tenant.owner.do(GRAPH_OFF, id=tenant.project_id)
    await learn(tenant, ANNA)
    assert await mentioned(tenant) == {TRIP: ["Bergen", "Oslo"], ANNA: []}


async def test_the_most_shared_concepts_come_first(tenant: Tenant) -> None:
    await learn(tenant, TRIP, ANNA, "Bergen and Oslo are my favourite cities in all of Norway.")
    found = (await concepts(tenant))["Oslo"]["related"]
    assert found == [
        {"sharedMemories": 2, "concept": {"name": "Bergen"}},
        {"sharedMemories": 1, "concept": {"name": "Anna Berg"}},
        {"sharedMemories": 1, "concept": {"name": "Norway"}},
    ]
    oslo = (await concepts(tenant))["Oslo"]["id"]
    for first in (0, 1, 2):
        node = (await tenant.owner.ask(NODE, id=oslo, related=first))["node"]
        assert node["related"] == found[:first]
    error = await tenant.owner.error(NODE, id=oslo, related=101)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_case_and_white_space_make_no_other_concept(tenant: Tenant) -> None:
    first, second = 'I visited the "Opera House".', 'We were at the "OPERA  house" with Ben.'
    await learn(tenant, first)
    await learn(tenant, second)
    assert await names(tenant) == ["Ben", "Opera House"]
    assert (await concepts(tenant))["Opera House"]["totalMemories"] == 2


async def test_each_project_has_its_own(tenant: Tenant) -> None:
    await learn(tenant, ANNA)
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    await learn(tenant, TRIP, projectId=other)
    assert (await concepts(tenant))["Oslo"]["totalMemories"] == 1


async def test_many_at_once_make_one_concept(tenant: Tenant) -> None:
    await asyncio.gather(
        *(
            learn(tenant, f"I met my friend number {n} in Oslo.", userId="alice", runId=str(n))
            for n in range(8)
        )
    )
    found = await concepts(tenant)
    assert list(found) == ["Oslo"]
    assert found["Oslo"]["totalMemories"] == 8


# ---------------------------------------------------------------- pages


async def test_pages_and_names(tenant: Tenant) -> None:
    await learn(tenant, ANNA, TRIP, BEN)
    seen: list[str] = []
    after = None
    while True:
        found = await tenant.owner.ask(CONCEPTS, first=3, after=after)
        page = found["project"]["concepts"]
        assert page["totalCount"] == 4
        seen += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["Anna Berg", "Ben Hansen", "Bergen", "Oslo"]
    assert await names(tenant, last=1) == ["Oslo"]
    assert await names(tenant, contains="Ber") == ["Anna Berg", "Bergen"]
    assert await names(tenant, contains="ber") == []
    assert await names(tenant, contains="%") == []
    assert len(await names(tenant, contains="")) == 4
    error = await tenant.owner.error(CONCEPTS, contains="\0")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_pages_of_a_concepts_memories(tenant: Tenant) -> None:
    texts = [f"I met my friend number {n} in Oslo." for n in range(5)]
    await learn(tenant, *texts)
    (oslo,) = (await concepts(tenant)).values()
    seen: list[str] = []
    after = None
    while True:
        node = (await tenant.owner.ask(NODE, id=oslo["id"], after=after))["node"]
        assert (node["name"], node["totalMemories"]) == ("Oslo", 5)
        seen += [memory["text"] for memory in node["memories"]["nodes"]]
        after = node["memories"]["pageInfo"]["endCursor"]
        if not node["memories"]["pageInfo"]["hasNextPage"]:
            break
    assert seen == texts[::-1]


async def test_hidden_memories_do_not_count(tenant: Tenant) -> None:
    """Merged memories and those that are over; superseded ones are shown."""
    less, more = (f"I play tennis with Ben Hansen every Tuesday{end}." for end in ("", " evening"))
    await learn(tenant, less)
    await learn(tenant, more)
    await learn(tenant, "Ben Hansen is from Bergen.", expirationDate="2000-01-01")
    await learn(tenant, "I live in Bergen.")
    await learn(tenant, "I moved to Oslo.")
    found = await concepts(tenant)
    assert {name: node["totalMemories"] for name, node in found.items()} == {
        "Ben Hansen": 1,
        "Bergen": 1,
        "Oslo": 1,
    }
    assert found["Ben Hansen"]["memories"]["nodes"] == [{"text": more}]
    assert found["Bergen"]["memories"]["nodes"] == [{"text": "I live in Bergen."}]
    assert [node["related"] for node in found.values()] == [[], [], []]
    assert all(node["memories"]["totalCount"] == 1 for node in found.values())


# ---------------------------------------------------------------- changes


async def test_concepts_are_deleted_with_their_last_memory(tenant: Tenant) -> None:
    added = await learn(tenant, ANNA, TRIP)
    await tenant.owner.do(DELETE, id=added[0].id)
    assert await names(tenant) == ["Bergen", "Oslo"]
    await tenant.owner.do(DELETE, id=added[1].id)
    assert await names(tenant) == []
    assert await tenant.owner.ask(CONCEPTS)


async def test_a_changed_text_keeps_what_it_still_names(tenant: Tenant) -> None:
    added = await learn(tenant, ANNA, TRIP)
    text = "Somebody is waiting for Annabel in  OSLO."
    await tenant.owner.do(UPDATE, id=added[0].id, input={"text": text})
    assert await mentioned(tenant) == {text: ["Oslo"], TRIP: ["Bergen", "Oslo"]}
    assert await names(tenant) == ["Bergen", "Oslo"]
    await tenant.owner.do(UPDATE, id=added[0].id, input={"metadata": {"a": 1}})
    assert (await mentioned(tenant))[text] == ["Oslo"]
    await tenant.owner.do(UPDATE, id=added[1].id, input={"text": "Nothing"})
    assert await names(tenant) == ["Oslo"]


async def test_a_concept_with_a_concurrent_mention_stays(tenant: Tenant) -> None:
    """Its last memory is deleted while another has mentioned it and not yet committed."""
    (anna,) = await learn(tenant, ANNA)
    before = (await concepts(tenant))["Oslo"]["id"]
    with paused_transaction(tenant.deployment, "INSERT INTO source_messages") as (reached, release):
        added = asyncio.create_task(learn(tenant, TRIP, userId="bob"))
        await asyncio.to_thread(reached.wait, 5)
        deleted = asyncio.create_task(tenant.owner.do(DELETE, id=anna.id))
        await asyncio.sleep(0.5)
        release.set()
        await asyncio.gather(added, deleted)
    assert await mentioned(tenant) == {TRIP: ["Bergen", "Oslo"]}
    assert (await concepts(tenant))["Oslo"]["id"] == before


# ---------------------------------------------------------------- who sees them, what it costs


async def test_who_sees_concepts(tenant: Tenant) -> None:
    await learn(tenant, ANNA)
    id = (await concepts(tenant))["Oslo"]["id"]
    node = "query ($id: ID!) { node(id: $id) { __typename id ... on Concept { name } } }"
    seen = {"node": {"__typename": "Concept", "id": id, "name": "Oslo"}}
    assert await tenant.owner.ask(node, id=id) == seen
    assert await tenant.reader.ask(node, id=id) == seen
    await assert_missing(tenant.stranger, node, id=id)
    listed = "query ($id: ID!) { project(id: $id) { concepts { totalCount } } }"
    await assert_missing(tenant.stranger, listed, id=tenant.project_id)
    own = await tenant.stranger.ask("{ project { concepts { totalCount } } }")
    assert own["project"]["concepts"]["totalCount"] == 0


@pytest.mark.parametrize("document", [CONCEPTS, OF_MEMORIES], ids=["of project", "of memories"])
async def test_lists_cost_as_many_statements_for_any_number(tenant: Tenant, document: str) -> None:
    costs = []
    for texts in ((ANNA,), (TRIP, BEN, "I flew from Bergen to Tromso with Carla Dahl.")):
        await learn(tenant, *texts)
        await tenant.owner.ask(document)
        await tenant.deployment.run_jobs()
        with tenant.deployment.counted_statements() as statements:
            await tenant.owner.ask(document)
        costs.append(len(statements))
    # The key and the project; the list and, of the project, its total; then for all at once
    # the concepts, how many memories, what is related, a page and a total of memories.
    assert costs == [8, 8]


# ---------------------------------------------------------------- searches


async def test_a_concept_that_is_asked_for_raises_what_mentions_it(tenant: Tenant) -> None:
    await learn(tenant, ANNA, BEN, "I water the plants on the balcony every evening.")
    for query in ("Anna Berg", "what about ANNA   berg?", "Anna Berg's birthday"):
        found = {hit.text: hit.parts["concept"] for hit in await search_all(tenant, query)}
        assert found.pop(ANNA) > 0.3, query
        assert set(found.values()) == {0.0}, query
    assert all(hit.parts["concept"] == 0 for hit in await search_all(tenant, "Annas mountains"))


async def test_a_common_concept_weighs_less(tenant: Tenant) -> None:
    await learn(tenant, ANNA, *(f"I met my friend number {n} in Oslo." for n in range(6)))
    parts = {}
    for query in ("Anna Berg", "Oslo"):
        hits = await search_all(tenant, query)
        parts[query] = {hit.text: hit.parts["concept"] for hit in hits}[ANNA]
    assert 0 < parts["Oslo"] < parts["Anna Berg"] <= 0.5


async def test_the_gain_falls_with_the_number_of_memories(tenant: Tenant) -> None:
    await learn(tenant, ANNA, *(f"I met my friend number {n} in Oslo." for n in range(6)))
    (anna,) = [hit for hit in await search_all(tenant, "Oslo") if hit.text == ANNA]
    # Seven memories mention it: 0.5 / (1 + 0.05 * 36).
    assert anna.parts["concept"] == pytest.approx(0.17857, abs=1e-4)


async def test_the_name_of_a_speaker_is_no_concept(tenant: Tenant) -> None:
    said = [("Anna Berg", "I bake rye bread."), ("Ben", "I met Anna Berg in Oslo.")]
    await learn(tenant, *({"role": "user", "name": by, "content": text} for by, text in said))
    assert "Anna Berg" in await concepts(tenant)
    for query in ("What did Anna Berg bake?", "What did Anna bake?", "What does ANNA BERG bake?"):
        found = {hit.text: hit.parts["concept"] for hit in await search_all(tenant, query)}
        assert found == {"I bake rye bread.": 0, ANNA: 0}, query
    # Of others, and beside a speaker, names count as before.
    found = {hit.text: hit.parts["concept"] for hit in await search_all(tenant, "Ben in Oslo")}
    assert found[ANNA] > 0.3


async def test_a_concept_hit_passes_the_threshold(tenant: Tenant) -> None:
    """The words are in other languages, so that only the name distinguishes the two memories."""
    text = "Quelqu'un cherche Zsofia Nagy partout."
    await learn(tenant, text)
    await learn(tenant, text.replace("Zsofia Nagy", "personne"), infer=False)
    hits = await search(tenant.owner, "Zsofia Nagy birthday present ideas", threshold=0.6)
    assert [hit.text for hit in hits] == [text]
    assert hits[0].parts["concept"] > 0


async def test_a_reader_adds_no_concepts(tenant: Tenant) -> None:
    document = """
    mutation ($input: AddMemoriesInput!, $project: ID) {
      addMemories(input: $input, projectId: $project) { memories { id } userErrors { code } }
    }
    """
    given = {"input": add_input(ANNA), "project": tenant.project_id}
    assert await tenant.reader.refused(document, **given) == [{"code": "FORBIDDEN"}]
    await tenant.deployment.run_jobs()
    assert rows_with(tenant.deployment, tenant.project_id).get("concepts", 0) == 0
