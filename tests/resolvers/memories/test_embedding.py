"""The data computed from a text: its keywords, and the embedding of the text with its context."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from core.enums import EntityType
from core.turn import Turn
from harness.postgres import fresh_postgres
from harness.settings import settings_for
from resolvers.context import Context, Services
from resolvers.ingestion.add import add_memories
from resolvers.ingestion.requests import AddRequest
from resolvers.memories.creation import NewMemories
from resolvers.memories.embedding import embed_texts, keywords_of, renew_keywords, text_to_embed
from resolvers.memories.updates import update_memory
from storage.memories.rows import MemoryRow
from storage.search.documents import Utterance
from storage.search.keywords import Keywords
from storage.tables.metadata import METADATA
from tests.support.fixtures.factories import ADD, Tenant, make_tenant
from tests.support.fixtures.memory_fixture import MemoryFixture
from tests.support.servers.deployment import Deployment, deployed


@pytest_asyncio.fixture(scope="module", params=["sqlite", "postgresql"])
async def idle(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> AsyncIterator[Deployment]:
    """A deployment without workers, on a database whose keywords may be recomputed."""
    with contextlib.ExitStack() as stack:
        url = None
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_test_{worker_id}_derived"))
        settings = settings_for(tmp_path_factory.mktemp("derived"), url)
        async with deployed(settings, workers=False) as running:
            yield running


@pytest.fixture
def tenant(idle: Deployment) -> Tenant:
    return make_tenant(idle)


class Embedder:
    """An embedder that records its input."""

    def __init__(self, services: Services) -> None:
        self._embedder = services.embedder
        self.model = services.embedder.model
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        self.texts += texts
        return await self._embedder.embed(texts)


def many(count: int) -> str:
    """Return a text of so many content words."""
    return " ".join(f"word{n}" for n in range(count))


KEYWORDS = {
    "words": ("The dogs are running", None, Keywords("dog run", 2, False, False)),
    "nothing": ("...", None, Keywords("", 0, False, False)),
    "only stop words": ("What will you do?", None, Keywords("", 0, True, False)),
    "a word twice": ("dog, dogs", None, Keywords("dog dog", 2, False, False)),
    "a question": ("Do dogs run?", None, Keywords("dog run", 2, True, False)),
    "a question and white space": ("Dogs? \n\t", None, Keywords("dog", 1, True, False)),
    "a full-width question": ("dogs\uff1f", None, Keywords("dog", 1, True, False)),
    "a question within": ("Dogs? Yes.", None, Keywords("dog yes", 2, False, False)),
    "a question in quotes": ('"Dogs?"', None, Keywords("dog", 1, False, False)),
    "a transcript": ("Ana: I like dogs", "Ana", Keywords("like dog", 2, False, False)),
    "a transcript of another": ("Bo: dogs", "Ana", Keywords("bo dog", 2, False, False)),
    "of nobody": ("Ana: dogs", None, Keywords("ana dog", 2, False, False)),
    "in the third person": ("Ana likes dogs", "Ana", Keywords("ana like dog", 3, False, True)),
    "both": ("Ana: Ana, dogs?", "Ana", Keywords("ana dog", 2, True, True)),
    "a name before nothing": ("Ana:", "Ana", Keywords("", 0, False, False)),
}


@pytest.mark.parametrize(("text", "speaker", "expected"), KEYWORDS.values(), ids=KEYWORDS)
def test_keywords(text: str, speaker: str | None, expected: Keywords) -> None:
    assert keywords_of(Utterance(text, speaker)) == expected


EMBEDDED = {
    "alone": (Utterance("dogs", None), None, "dogs"),
    "in context": (Utterance("dogs", None), Utterance("cats", None), "cats dogs"),
    "the speaker left out": (Utterance("Ana: dogs", "Ana"), None, "dogs"),
    "both speakers left out": (
        Utterance("Ana: dogs", "Ana"),
        Utterance("Bo:  cats", "Bo"),
        "cats dogs",
    ),
    "another's name stays": (
        Utterance("Bo: dogs", "Ana"),
        Utterance("Ana: cats", "Bo"),
        "Ana: cats Bo: dogs",
    ),
    "32 words": (Utterance(many(32), None), Utterance("cats", None), f"cats {many(32)}"),
    "33 words": (Utterance(many(33), None), Utterance("cats", None), many(33)),
    "after 32 words": (Utterance("dogs", None), Utterance(many(32), None), f"{many(32)} dogs"),
    "after 33 words": (Utterance("dogs", None), Utterance(many(33), None), "dogs"),
    "stop words do not count": (
        Utterance("the " * 50 + "dog", None),
        Utterance("cats", None),
        "cats " + "the " * 50 + "dog",
    ),
    "the name does not count": (
        Utterance(f"Ana: {many(32)}", "Ana"),
        Utterance(f"Bo: {many(32)}", "Bo"),
        f"{many(32)} {many(32)}",
    ),
}


@pytest.mark.parametrize(("said", "before", "expected"), EMBEDDED.values(), ids=EMBEDDED)
async def test_texts_to_embed(
    idle: Deployment, said: Utterance, before: Utterance | None, expected: str
) -> None:
    words = keywords_of(said).words
    assert text_to_embed(said, words, before) == expected
    embedder = Embedder(idle.services)
    services = replace(idle.services, embedder=embedder)  # type: ignore[arg-type]
    (found,) = await embed_texts(services, [(said, before)])
    assert embedder.texts == [expected]
    assert found.keywords == keywords_of(said)
    assert found.vector == (await idle.services.embedder.embed([expected]))[0]


async def test_no_texts_have_no_embeddings(idle: Deployment) -> None:
    assert await embed_texts(idle.services, []) == []


@pytest.fixture
def embedder(idle: Deployment) -> Embedder:
    return Embedder(idle.services)


@pytest.fixture
def ctx(tenant: Tenant, embedder: Embedder) -> Context:
    """The context of a request of the tenant's owner, with the recording embedder."""
    services = replace(tenant.deployment.services, embedder=embedder)  # type: ignore[arg-type]
    return Context(MemoryFixture(tenant).actor, services)


def said(*texts: str, role: str = "user") -> list[Turn]:
    """Return messages of one role."""
    return [Turn(role, text) for text in texts]


async def stored(
    ctx: Context, tenant: Tenant, turns: list[Turn], new: NewMemories
) -> list[MemoryRow]:
    """Store messages without inference; return their memories."""
    request = AddRequest(turns, new, infer=False)
    addition = await add_memories(ctx, tenant.project_id, request)
    return [result.memory for result in addition.results]


async def test_a_conversation_continues_across_calls(
    ctx: Context, tenant: Tenant, embedder: Embedder
) -> None:
    new = NewMemories({EntityType.USER: "Ana", EntityType.AGENT: "Bo", EntityType.RUN: "r1"})
    talk = [
        Turn("user", "Ana: one"),
        Turn("system", "rules"),
        Turn("assistant", "Bo: two"),
    ]
    await stored(ctx, tenant, talk, new)
    await stored(ctx, tenant, said("three"), new)
    assert embedder.texts == ["one", "one two", "two three"]


@pytest.mark.parametrize(
    "entities",
    [
        pytest.param({EntityType.USER: "Ana", EntityType.RUN: "r2"}, id="another run"),
        pytest.param({EntityType.USER: "Bo", EntityType.RUN: "r1"}, id="another user"),
        pytest.param({EntityType.RUN: "r1"}, id="a run without a user"),
        pytest.param({EntityType.USER: "Ana"}, id="no run"),
    ],
)
async def test_other_conversations_add_no_context(
    ctx: Context, tenant: Tenant, embedder: Embedder, entities: dict[EntityType, str]
) -> None:
    talk = NewMemories({EntityType.USER: "Ana", EntityType.RUN: "r1"})
    await stored(ctx, tenant, said("one"), talk)
    turns = [Turn("user", "two"), Turn("assistant", "three")]
    await stored(ctx, tenant, turns, NewMemories(entities))
    assert embedder.texts == ["one", "two", "two three"]


async def test_without_a_run_each_call_of_several_speakers_is_a_conversation(
    ctx: Context, tenant: Tenant, embedder: Embedder
) -> None:
    new = NewMemories({EntityType.USER: "Ana"})
    await stored(ctx, tenant, [Turn("user", "one"), Turn("assistant", "two")], new)
    await stored(ctx, tenant, said("three"), new)
    assert embedder.texts == ["one", "one two", "three"]


async def test_without_a_run_the_statements_of_one_speaker_are_a_list(
    ctx: Context, tenant: Tenant, embedder: Embedder
) -> None:
    new = NewMemories({EntityType.USER: "Ana"})
    found = await stored(ctx, tenant, said("one", "two"), new)
    assert embedder.texts == ["one", "two"]
    assert [memory.previous_id for memory in found] == [None, None]
    await stored(ctx, tenant, [Turn("user", "a", "Ana"), Turn("user", "b", "Bo")], new)
    assert embedder.texts == ["one", "two", "a", "a b"]


async def test_a_changed_text_keeps_its_context(
    ctx: Context, tenant: Tenant, embedder: Embedder
) -> None:
    new = NewMemories({EntityType.USER: "Ana", EntityType.RUN: "r1"})
    rows = await stored(ctx, tenant, said("Ana: one", "two", "three"), new)
    embedder.texts.clear()
    await update_memory(ctx, rows[1].id, {"text": "Ana: four?"})
    assert embedder.texts == ["one four?"]
    await update_memory(ctx, rows[1].id, {"metadata": {"a": 1}})
    assert embedder.texts == ["one four?"]
    documents = await ctx.read(lambda tx: tx.documents.find([rows[1].id], tenant.project_id))
    (vector,) = await ctx.embed(["one four?"])
    assert [(row.terms, row.words, row.is_question, row.vector) for row in documents] == [
        ("four", 1, True, vector)
    ]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "candidates"])
@pytest.mark.parametrize(
    "text",
    ["他说'hello'", "日本\u2019語", "İzmir's", "हिन्दी", "🦊", "x" * 60_000],
    ids=["quotes", "apostrophe", "dotted I", "marks", "emoji", "a very long word"],
)
async def test_text_in_any_script_can_be_stored_and_searched(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, text: str, whole: bool
) -> None:
    if not whole:
        monkeypatch.setattr("resolvers.search.planner.EXACT_SCOPE", 0)
    (memory,) = await tenant.add(text)
    document = "query ($q: String!) { searchMemories(query: $q) { hits { memory { id } } } }"
    answer = await tenant.owner.ask(document, q=text[:8_000])
    assert [hit["memory"]["id"] for hit in answer["searchMemories"]["hits"]] == [memory["id"]]


MEMORIES, KEPT = METADATA.tables["memories"], METADATA.tables["memory_keywords"]


def content(services: Services) -> dict[str, list[str]]:
    """Return all rows of the database but the keywords and their version."""
    with services.db.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table)).all()))
            for name, table in METADATA.tables.items()
            if name not in ("memory_keywords", "server_state")
        }


def kept(services: Services) -> dict[str, tuple[Any, ...]]:
    """Return the keywords of all memories of the database, by id."""
    columns = [KEPT.c[name] for name in ("terms", "words", "is_question", "names_speaker")]
    statement = select(MEMORIES.c.id, *columns).outerjoin(KEPT, KEPT.c.memory_id == MEMORIES.c.id)
    with services.db.engine.connect() as connection:
        rows = connection.execute(statement).all()
    found = {id: tuple(others) for id, *others in rows}
    assert len(found) == len(rows)
    return found


def found_by(services: Services, project_id: str, term: str) -> list[str]:
    """Return the results of the keyword index for a term."""
    return services.db.read_now(lambda tx: tx.keywords.best(project_id, {term: 1.0}, 10))


def backwards(text: str) -> list[str]:
    """Return the reversed words of a text, as the terms of another version."""
    return re.findall("[a-z]{1,60}", text[::-1].lower())


async def told(tenant: Tenant) -> list[str]:
    """Store memories in two projects; return their ids. All searches are recorded."""
    await tenant.deployment.services.search_recorder.flush()
    await renew_keywords(tenant.deployment.services)
    rows = await tenant.add("Ana: wolf one", "Ana has two?", "three", userId="Ana")
    messages = [{"role": "user", "content": "four"}]
    new = {"infer": False, "messages": messages, "userId": "Ana"}
    payload = await tenant.stranger.do(ADD, input=new, projectId=tenant.stranger_project_id)
    return [row["id"] for row in (*rows, *payload["memories"])]


async def test_another_version_recomputes_only_the_keywords(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, ids = tenant.deployment.services, await told(tenant)
    assert found_by(services, tenant.project_id, "wolf") == [ids[0]]
    before, memories = content(services), len(kept(services))
    monkeypatch.setattr("resolvers.memories.embedding.VERSION", "backwards")
    monkeypatch.setattr("resolvers.memories.embedding.terms", backwards)
    monkeypatch.setattr("resolvers.memories.embedding._PAGE", 2)
    assert await renew_keywords(services) == memories
    now = kept(services)
    assert [now[id] for id in ids] == [
        ("eno flow", 2, False, False),
        ("owt sah ana", 3, True, True),
        ("eerht", 1, False, False),
        ("ruof", 1, False, False),
    ]
    assert content(services) == before
    assert found_by(services, tenant.project_id, "flow") == [ids[0]]
    assert found_by(services, tenant.project_id, "wolf") == []
    assert found_by(services, tenant.stranger_project_id, "ruof") == [ids[3]]
    assert await renew_keywords(services) == 0
    assert services.db.read_now(lambda tx: tx.state.get("terms")) == "backwards"


async def test_the_same_version_recomputes_nothing(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, ids = tenant.deployment.services, await told(tenant)
    before = kept(services)
    monkeypatch.setattr("resolvers.memories.embedding.terms", backwards)
    assert await renew_keywords(services) == 0
    assert kept(services) == before
    assert before[ids[0]] == ("wolf one", 2, False, False)


async def test_an_interrupted_recomputation_is_completed_at_the_next_start(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, ids = tenant.deployment.services, await told(tenant)
    asked: list[str] = []

    def killed(text: str) -> list[str]:
        asked.append(text)
        if len(asked) == 3:
            raise KeyError("the power is gone")
        return backwards(text)

    monkeypatch.setattr("resolvers.memories.embedding.VERSION", "interrupted")
    monkeypatch.setattr("resolvers.memories.embedding._PAGE", 2)
    monkeypatch.setattr("resolvers.memories.embedding.terms", killed)
    with pytest.raises(KeyError, match="the power is gone"):
        await renew_keywords(services)
    assert None not in [found[0] for found in kept(services).values()]
    monkeypatch.setattr("resolvers.memories.embedding.terms", backwards)
    assert await renew_keywords(services) == len(kept(services))
    now = kept(services)
    assert [now[id][0] for id in ids] == ["eno flow", "owt sah ana", "eerht", "ruof"]
