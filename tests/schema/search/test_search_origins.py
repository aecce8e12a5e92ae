"""Memories that were drawn from a part of a message are searched with the whole message."""

from typing import Any

import pytest
from sqlalchemy import delete, select

from resolvers.memories.embedding import renew_keywords
from storage.tables.metadata import METADATA
from tests.support.documents.ingesting import add_inferred
from tests.support.fixtures.erasure_worlds import words_left
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

SEARCH = """query ($q: String!) { searchMemories(query: $q, threshold: 0) {
  hits { memory { id text } scoreBreakdown { keyword semantic } } } }"""
UPDATE = """mutation ($id: ID!, $text: String!) {
  updateMemory(id: $id, input: {text: $text}) { memory { id version } userErrors { message } } }"""
DELETE = """mutation ($id: ID!) {
  deleteMemory(id: $id, erase: true) { receipt { id } userErrors { message } } }"""
KEYWORDS, ORIGINS = METADATA.tables["memory_keywords"], METADATA.tables["memory_origins"]
VECTORS, STATE = METADATA.tables["memory_vectors"], METADATA.tables["server_state"]
# The first sentence is a memory, the request is none.
MESSAGE = "My cat is called Miso. Can you suggest a quick supper with zucchini?"


async def keyword(tenant: Tenant, query: str) -> dict[str, float]:
    """Return the keyword part of each hit, by text."""
    hits = (await tenant.owner.ask(SEARCH, q=query))["searchMemories"]["hits"]
    return {hit["memory"]["text"]: hit["scoreBreakdown"]["keyword"] for hit in hits}


def stored(tenant: Tenant, id: str) -> tuple[list[str], bytes, tuple[int, int, bytes] | None]:
    """Return the terms and the vector of a memory, and what it has without its message."""
    with tenant.deployment.services.db.engine.connect() as connection:
        terms = connection.execute(select(KEYWORDS.c.terms).where(KEYWORDS.c.memory_id == id))
        vector = connection.execute(select(VECTORS.c.vector).where(VECTORS.c.memory_id == id))
        columns = (ORIGINS.c.terms, ORIGINS.c.words, ORIGINS.c.vector)
        origin = connection.execute(select(*columns).where(ORIGINS.c.memory_id == id)).first()
        found = origin and (origin[0], origin[1], bytes(origin[2]))
        return terms.scalar_one().split(), bytes(vector.scalar_one()), found


async def add_one(tenant: Tenant, content: str = MESSAGE) -> dict[str, Any]:
    (memory,) = (await add_inferred(tenant.owner, content))["memories"]
    return dict(memory)


async def test_the_words_of_the_message_find_the_memory(tenant: Tenant) -> None:
    memory = await add_one(tenant)
    assert memory["text"] == "My cat is called Miso."
    assert (await keyword(tenant, "zucchini"))["My cat is called Miso."] > 0
    terms, vector, origin = stored(tenant, memory["id"])
    assert origin is not None
    assert terms[: origin[0]] == ["cat", "call", "miso"]
    assert "zucchini" in terms[origin[0] :]
    assert vector != origin[2]


async def test_an_updated_text_is_searched_by_itself(tenant: Tenant) -> None:
    memory = await add_one(tenant)
    payload = await tenant.owner.do(UPDATE, id=memory["id"], text="My cat is called Mochi.")
    assert payload["memory"]["version"] == 2
    assert await keyword(tenant, "zucchini") == {"My cat is called Mochi.": 0}
    terms, _, origin = stored(tenant, memory["id"])
    assert (terms, origin) == (["cat", "call", "mochi"], None)


async def test_no_erased_word_finds_what_stood_beside_it(tenant: Tenant) -> None:
    secret, word = "My locker code is zqorigx0001.", "zqorigx0001"
    memories = (await add_inferred(tenant.owner, f"{secret} I play the oboe."))["memories"]
    ids = {memory["text"]: memory["id"] for memory in memories}
    kept = ids["I play the oboe."]
    _, _, alone = stored(tenant, kept)
    assert (await keyword(tenant, word))["I play the oboe."] > 0
    await tenant.owner.do(DELETE, id=ids[secret])
    assert await keyword(tenant, word) == {"I play the oboe.": 0}
    terms, vector, origin = stored(tenant, kept)
    assert (terms, origin) == (["play", "obo"], None)
    assert alone is not None
    assert vector == alone[2]
    assert words_left(tenant.deployment, "zqorigx") == {}


async def test_older_memories_are_searched_with_their_messages_after_a_start(
    tenant: Tenant,
) -> None:
    services = tenant.deployment.services
    memory = await add_one(tenant)
    terms, vector, origin = stored(tenant, memory["id"])
    assert origin is not None
    with services.db.engine.begin() as connection:
        mine = KEYWORDS.c.memory_id == memory["id"]
        own = {"terms": " ".join(terms[: origin[0]]), "words": origin[1]}
        connection.execute(KEYWORDS.update().where(mine).values(**own))
        connection.execute(delete(ORIGINS).where(ORIGINS.c.memory_id == memory["id"]))
        connection.execute(STATE.update().where(STATE.c.key == "terms").values(value="older"))
    await renew_keywords(services)
    assert stored(tenant, memory["id"]) == (terms, vector, origin)
    assert (await keyword(tenant, "zucchini"))["My cat is called Miso."] > 0
