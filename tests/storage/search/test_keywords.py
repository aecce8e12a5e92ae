"""The keyword index: the same order on both databases, kept by the transaction of the row.

The expected results are computed in plain Python, the same for both databases. The memories have
placeholder vectors, which nothing searches.
"""

import random
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.enums import EntityType
from language.terms import MAX_TERM_LENGTH, terms
from resolvers.memories.embedding import keywords_of
from storage.memories.rows import MemoryRow
from storage.search.documents import Utterance
from storage.search.keywords import scope_token
from storage.transaction import Transaction
from tests.support.fixtures.memory_fixture import MemoryFixture, at, embedded_text

pytestmark = pytest.mark.every_database

WORDS = [f"word{n}" for n in range(40)]
# The first words are frequent, the last are rare, as in any language.
COMMON = [1 / (n + 1) for n in range(40)]
SEEDS = range(3)


def best(
    store: MemoryFixture, terms: dict[str, float], limit: int = 1000, **options: Any
) -> list[str]:
    """Return the index's results for a scope, by default the project."""
    scope = options.pop("scope", store.tenant.project_id)
    return store.db.read_now(lambda tx: tx.keywords.best(scope, terms, limit, **options))


def fill(store: MemoryFixture, seed: int) -> list[MemoryRow]:
    """Store memories of random words, of two users, each an hour apart."""
    chosen = random.Random(seed)
    rows = [
        store.row(
            " ".join(chosen.choices(WORDS, COMMON, k=chosen.randint(1, 12))),
            at(3600 * n),
            chosen.choice(["alice", "bob"]),
        )
        for n in range(150)
    ]
    store.add(*rows)
    return rows


def expected_ids(rows: list[MemoryRow], terms: dict[str, float]) -> list[str]:
    """Return the expected ids: by the information of their terms, then by length, then by id."""
    found = []
    for row in rows:
        words = row.text.split()
        telling = sum(weight for term, weight in terms.items() if term in words)
        if telling:
            found.append((-round(telling, 9), len(words), row.id))
    return [id for *_, id in sorted(found)]


@pytest.mark.parametrize("seed", SEEDS)
def test_results_are_ordered_by_term_information(store: MemoryFixture, seed: int) -> None:
    rows = fill(store, seed)
    alice = store.entity("alice")
    hers = [row for row in rows if row.user_key == alice]
    assert 0 < len(hers) < len(rows)
    chosen = random.Random(seed + 100)
    for _ in range(20):
        asked = {
            word: chosen.uniform(0.01, 8) for word in chosen.sample(WORDS, chosen.randint(1, 8))
        }
        there = expected_ids(rows, asked)
        assert best(store, asked) == there
        assert best(store, asked, scope=alice) == expected_ids(hers, asked)
        for limit in (1, 7):
            assert best(store, asked, limit) == there[:limit]
        since, until = at(3600 * 30), at(3600 * 60)
        within = [row for row in rows if since <= row.created_at < until]
        assert best(store, asked, within=(since, until)) == expected_ids(within, asked)


def test_rare_terms_come_first_then_short_texts_then_old_ids(store: MemoryFixture) -> None:
    common = [store.put(f"tea {filler}", n) for n, filler in enumerate(("", "cup", "cup"))]
    both, rare = store.put("long text of tea and saffron", 4), store.put("saffron", 5)
    weights = {"saffron": 5.0, "tea": 0.5}
    assert best(store, weights) == [both, rare, *common]
    assert best(store, {"tea": 0.5}) == [*common, both]
    # The index ignores how often a text contains a term; the ranking weighs that.
    often = store.put("tea tea tea tea tea tea", 6)
    assert best(store, {"tea": 0.5})[-1] == often
    assert best(store, {"snow": 1.0}) == best(store, {}) == []


def test_a_scope_is_a_project_or_one_of_its_entities(store: MemoryFixture) -> None:
    butler = store.entity("butler", EntityType.AGENT)
    mine = store.put("tea", 1)
    ours = store.put("tea", 2, "bob", agent_key=butler, agent_id="butler")
    other = store.beside()
    theirs = other.put("tea", 3)
    scopes = {
        store.tenant.project_id: [mine, ours],
        store.entity("alice"): [mine],
        store.entity("bob"): [ours],
        butler: [ours],
        other.tenant.project_id: [theirs],
        other.entity("alice"): [theirs],
        store.tenant.organization_id: [],
    }
    for scope, ids in scopes.items():
        assert best(store, {"tea": 1.0}, scope=scope) == ids


def test_a_text_cannot_imitate_a_scope(store: MemoryFixture) -> None:
    """Ids are not secret, so a text may contain them as the index writes them."""
    mine = store.put("tea", 1)
    other = store.beside()
    tokens = [scope_token(store.tenant.project_id), scope_token(store.entity("alice"))]
    said = [" ".join(terms(f"tea {token}")) for token in tokens]
    strays = [other.put(text, 2 + n) for n, text in enumerate(said)]
    for scope in (store.tenant.project_id, store.entity("alice")):
        assert best(store, {"tea": 1.0}, scope=scope) == [mine]
    # A query does not find a scope by its name either.
    asked = {term: 1.0 for token in tokens for term in terms(token)}
    assert best(store, asked) == []
    assert sorted(best(other, asked)) == sorted(strays)


def test_a_window_filters_by_the_time_of_the_event(store: MemoryFixture) -> None:
    """The end is exclusive; the timestamp has priority over the creation time."""
    told = store.put("tea", 500, timestamp=at(10))
    first, second, third = (store.put("tea", second) for second in (100, 200, 300))
    assert best(store, {"tea": 1.0}, within=(at(100), at(300))) == [first, second]
    assert best(store, {"tea": 1.0}, within=(at(0), at(100))) == [told]
    assert best(store, {"tea": 1.0}, within=(at(300), at(300))) == []
    last = at(300) + timedelta(microseconds=1)
    assert best(store, {"tea": 1.0}, within=(at(300), last)) == [third]


def test_a_query_may_have_many_terms(store: MemoryFixture) -> None:
    """As many as the longest query, or the longest memory in a search for related ones."""
    id = store.put("x60000 x17", 1)
    store.put("snow", 2)
    for number in (400, 5_000, 65_000):
        assert best(store, {f"x{n}": 1.0 for n in range(number)}) == [id]


# ---------------------------------------------------------------- what terms are made of


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(codec="utf-8"), max_size=100))
def test_no_term_can_be_taken_for_syntax(said: str) -> None:
    for term in terms(said):
        assert re.fullmatch("[a-z0-9]+", term), term
        assert len(term) <= 2 + 2 * MAX_TERM_LENGTH


LONGEST_TEXTS = {
    "one letter words": " ".join("abcdefgh" * 4_096),
    "one word": "x" * 65_536,
    "Chinese": "".join(random.Random(1).choices([*map(chr, range(0x4E00, 0x9FFF))], k=65_536)),
    "rare Chinese": "".join(
        random.Random(1).choices([*map(chr, range(0x20000, 0x2A6DF))], k=65_536)
    ),
    "emoji": "🦊" * 65_536,
}


@pytest.mark.parametrize("said", LONGEST_TEXTS.values(), ids=LONGEST_TEXTS)
def test_the_index_accepts_the_longest_texts(store: MemoryFixture, said: str) -> None:
    row = store.row(said, at(1))
    made = embedded_text(said)
    keywords = keywords_of(Utterance(said, None))
    found = keywords.terms.split()
    store.db.write_now(
        lambda tx: tx.memories.add([row], "m", [replace(made, keywords=keywords)], store.author)
    )
    for term in {*found[:3], *found[-3:]}:
        assert best(store, {term: 1.0}) == [row.id]


# ---------------------------------------------------------------- kept with the rows


def index_of(store: MemoryFixture, term: str) -> int:
    """Return the number of index entries for a term, independently of the rows."""
    with store.db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            statement = "SELECT count(*) FROM ft_memory_keywords WHERE ft_memory_keywords MATCH :q"
            return int(connection.execute(text(statement), {"q": f'"{term}"'}).scalar_one())
        statement = "SELECT count(*) FROM memory_keywords WHERE terms LIKE :q"
        return int(connection.execute(text(statement), {"q": f"%{term}%"}).scalar_one())


def is_readable(store: MemoryFixture, term: str) -> bool:
    """Return whether the blocks of SQLite's index contain a term."""
    with store.db.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            return False
        blocks = connection.execute(text("SELECT block FROM ft_memory_keywords_data")).scalars()
        # A block stores a term without the prefix that it shares with the one before it.
        return any(term[6:].encode() in block for block in blocks)


def term_of(store: MemoryFixture, name: str) -> str:
    """Return a term that is unique in this database."""
    return f"{store.tenant.project_id[-12:]}{name}"


def test_a_change_removes_the_previous_words(store: MemoryFixture) -> None:
    former, later = term_of(store, "former"), term_of(store, "later")
    id = store.put(f"tea {former}", 1)
    assert (index_of(store, former), best(store, {former: 1.0})) == (1, [id])
    store.change(id, 2, text=f"tea {later}")
    assert (index_of(store, former), index_of(store, later)) == (0, 1)
    assert (best(store, {former: 1.0}), best(store, {later: 1.0})) == ([], [id])
    store.change(id, 3, metadata={"n": 1})
    assert (index_of(store, later), best(store, {"tea": 1.0})) == (1, [id])


def test_a_deletion_removes_the_words(store: MemoryFixture) -> None:
    gone, kept = term_of(store, "gone"), term_of(store, "kept")
    ids = [store.put(f"tea {gone}", n) for n in range(3)]
    stays = store.put(f"tea {kept}", 4)
    store.delete(5, *ids)
    assert (index_of(store, gone), index_of(store, kept)) == (0, 1)
    assert best(store, {"tea": 1.0, gone: 1.0}) == [stays]


def test_the_erasure_of_an_entity_leaves_no_readable_words(store: MemoryFixture) -> None:
    gone, kept = term_of(store, "gone"), term_of(store, "kept")
    alice = store.entity("alice")
    for n in range(3):
        store.put(f"tea {gone}", n)
    deleted = store.put(f"milk {gone}deleted", 4)
    store.delete(5, deleted)
    stays = store.put(f"tea {kept}", 6, "bob")
    if store.db.engine.dialect.name == "sqlite":
        assert is_readable(store, gone)
    store.erase(7)
    assert (index_of(store, gone), index_of(store, kept)) == (0, 1)
    assert not is_readable(store, gone)
    assert best(store, {"tea": 1.0}) == [stays]
    assert best(store, {"tea": 1.0}, scope=alice) == []


def test_the_deletion_of_a_project_leaves_no_readable_words(store: MemoryFixture) -> None:
    gone, kept = term_of(store, "gone"), term_of(store, "kept")
    for n in range(5):
        store.put(f"tea {gone}", n)
    other = store.beside()
    stays = other.put(f"tea {kept}", 6)
    project = store.tenant.project_id

    def erase(tx: Transaction) -> int:
        return tx.erasure.erase_some(project, 2)

    while store.db.write_now(erase):
        pass
    store.db.write_now(lambda tx: tx.erasure.erase_project(project))
    assert (index_of(store, gone), index_of(store, kept)) == (0, 1)
    assert not is_readable(store, gone)
    assert (best(store, {"tea": 1.0}), best(other, {"tea": 1.0})) == ([], [stays])


def test_a_rolled_back_transaction_adds_no_words(store: MemoryFixture) -> None:
    stays = store.put("tea", 1)
    never = term_of(store, "never")
    row = store.row(f"tea {never}", at(2))

    def work(tx: Transaction) -> None:
        tx.memories.add([row], "m", [embedded_text(row.text)], store.author)
        memory = tx.memories.find_for_update([stays], store.actor)[stays]
        changes = {"text": f"snow {never}"}
        tx.memories.rewrite(
            memory, changes, "m", embedded_text(changes["text"]), store.author, at(3)
        )
        assert tx.keywords.best(store.tenant.project_id, {never: 1.0}, 10) == [stays, row.id]
        raise RuntimeError("something else goes wrong")

    with pytest.raises(RuntimeError, match="something else"):
        store.db.write_now(work)
    assert (index_of(store, never), best(store, {never: 1.0})) == (0, [])
    assert best(store, {"tea": 1.0}) == [stays]
