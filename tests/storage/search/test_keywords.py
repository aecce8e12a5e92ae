"""The keyword index: the same order on both databases, kept by the transaction of the row.

What there should be is computed here in plain Python, so that each database is held to one truth.
Memories have vectors here that no embedder made: nothing searches them.
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
from tests.support.fixtures.shelf import MemoryFixture, at, embedded_text

pytestmark = pytest.mark.every_database

WORDS = [f"word{n}" for n in range(40)]
# The first words are everywhere, the last nearly nowhere, as in any language.
COMMON = [1 / (n + 1) for n in range(40)]
SEEDS = range(3)


def best(
    shelf: MemoryFixture, terms: dict[str, float], limit: int = 1000, **options: Any
) -> list[str]:
    """Return what the index gives of a scope, the project unless `scope` says otherwise."""
    scope = options.pop("scope", shelf.tenant.project_id)
    return shelf.db.read_now(lambda tx: tx.keywords.best(scope, terms, limit, **options))


def fill(shelf: MemoryFixture, seed: int) -> list[MemoryRow]:
    """Store memories of any words, of two users, an hour apart each."""
    chosen = random.Random(seed)
    rows = [
        shelf.row(
            " ".join(chosen.choices(WORDS, COMMON, k=chosen.randint(1, 12))),
            at(3600 * n),
            chosen.choice(["alice", "bob"]),
        )
        for n in range(150)
    ]
    shelf.add(*rows)
    return rows


def wanted(rows: list[MemoryRow], terms: dict[str, float]) -> list[str]:
    """Return the ids of what has a term: by what its terms tell, then by length, then by id."""
    found = []
    for row in rows:
        words = row.text.split()
        telling = sum(weight for term, weight in terms.items() if term in words)
        if telling:
            found.append((-round(telling, 9), len(words), row.id))
    return [id for *_, id in sorted(found)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_is_what_the_terms_tell(shelf: MemoryFixture, seed: int) -> None:
    rows = fill(shelf, seed)
    alice = shelf.entity("alice")
    hers = [row for row in rows if row.user_key == alice]
    assert 0 < len(hers) < len(rows)
    chosen = random.Random(seed + 100)
    for _ in range(20):
        asked = {
            word: chosen.uniform(0.01, 8) for word in chosen.sample(WORDS, chosen.randint(1, 8))
        }
        there = wanted(rows, asked)
        assert best(shelf, asked) == there
        assert best(shelf, asked, scope=alice) == wanted(hers, asked)
        for limit in (1, 7):
            assert best(shelf, asked, limit) == there[:limit]
        since, until = at(3600 * 30), at(3600 * 60)
        within = [row for row in rows if since <= row.created_at < until]
        assert best(shelf, asked, within=(since, until)) == wanted(within, asked)


def test_rare_terms_come_first_then_short_texts_then_old_ids(shelf: MemoryFixture) -> None:
    common = [shelf.put(f"tea {filler}", n) for n, filler in enumerate(("", "cup", "cup"))]
    both, rare = shelf.put("long text of tea and saffron", 4), shelf.put("saffron", 5)
    weights = {"saffron": 5.0, "tea": 0.5}
    assert best(shelf, weights) == [both, rare, *common]
    assert best(shelf, {"tea": 0.5}) == [*common, both]
    # How often a text has a term is for the ranking to weigh; here it has it or not.
    often = shelf.put("tea tea tea tea tea tea", 6)
    assert best(shelf, {"tea": 0.5})[-1] == often
    assert best(shelf, {"snow": 1.0}) == best(shelf, {}) == []


def test_a_scope_is_a_project_or_one_of_its_entities(shelf: MemoryFixture) -> None:
    butler = shelf.entity("butler", EntityType.AGENT)
    mine = shelf.put("tea", 1)
    ours = shelf.put("tea", 2, "bob", agent_key=butler, agent_id="butler")
    other = shelf.beside()
    theirs = other.put("tea", 3)
    scopes = {
        shelf.tenant.project_id: [mine, ours],
        shelf.entity("alice"): [mine],
        shelf.entity("bob"): [ours],
        butler: [ours],
        other.tenant.project_id: [theirs],
        other.entity("alice"): [theirs],
        shelf.tenant.organization_id: [],
    }
    for scope, ids in scopes.items():
        assert best(shelf, {"tea": 1.0}, scope=scope) == ids


def test_a_text_cannot_pass_for_a_member_of_a_scope(shelf: MemoryFixture) -> None:
    """Ids are no secret, and whoever knows how the index writes them may write so too."""
    mine = shelf.put("tea", 1)
    other = shelf.beside()
    tokens = [scope_token(shelf.tenant.project_id), scope_token(shelf.entity("alice"))]
    said = [" ".join(terms(f"tea {token}")) for token in tokens]
    strays = [other.put(text, 2 + n) for n, text in enumerate(said)]
    for scope in (shelf.tenant.project_id, shelf.entity("alice")):
        assert best(shelf, {"tea": 1.0}, scope=scope) == [mine]
    # Nor does a query find a scope by its name.
    asked = {term: 1.0 for token in tokens for term in terms(token)}
    assert best(shelf, asked) == []
    assert sorted(best(other, asked)) == sorted(strays)


def test_a_window_is_about_when_it_happened(shelf: MemoryFixture) -> None:
    """From its first moment until before its second; the timestamp counts before the creation."""
    told = shelf.put("tea", 500, timestamp=at(10))
    first, second, third = (shelf.put("tea", second) for second in (100, 200, 300))
    assert best(shelf, {"tea": 1.0}, within=(at(100), at(300))) == [first, second]
    assert best(shelf, {"tea": 1.0}, within=(at(0), at(100))) == [told]
    assert best(shelf, {"tea": 1.0}, within=(at(300), at(300))) == []
    last = at(300) + timedelta(microseconds=1)
    assert best(shelf, {"tea": 1.0}, within=(at(300), last)) == [third]


def test_many_terms_may_be_asked_for_at_once(shelf: MemoryFixture) -> None:
    """As many as the longest query has, and the longest memory that others are related to."""
    id = shelf.put("x60000 x17", 1)
    shelf.put("snow", 2)
    for number in (400, 5_000, 65_000):
        assert best(shelf, {f"x{n}": 1.0 for n in range(number)}) == [id]


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
def test_the_longest_texts_have_room_in_the_index(shelf: MemoryFixture, said: str) -> None:
    row = shelf.row(said, at(1))
    made = embedded_text(said)
    keywords = keywords_of(Utterance(said, None))
    found = keywords.terms.split()
    shelf.db.write_now(
        lambda tx: tx.memories.add([row], "m", [replace(made, keywords=keywords)], shelf.author)
    )
    for term in {*found[:3], *found[-3:]}:
        assert best(shelf, {term: 1.0}) == [row.id]


# ---------------------------------------------------------------- kept with the rows


def index_of(shelf: MemoryFixture, term: str) -> int:
    """Return how many entries the index itself has for a term, whatever the rows say."""
    with shelf.db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            statement = "SELECT count(*) FROM ft_memory_keywords WHERE ft_memory_keywords MATCH :q"
            return int(connection.execute(text(statement), {"q": f'"{term}"'}).scalar_one())
        statement = "SELECT count(*) FROM memory_keywords WHERE terms LIKE :q"
        return int(connection.execute(text(statement), {"q": f"%{term}%"}).scalar_one())


def is_readable(shelf: MemoryFixture, term: str) -> bool:
    """Tell whether a term stands anywhere in the blocks of SQLite's index."""
    with shelf.db.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            return False
        blocks = connection.execute(text("SELECT block FROM ft_memory_keywords_data")).scalars()
        # A block leaves out what a term has in common with the one before it.
        return any(term[6:].encode() in block for block in blocks)


def term_of(shelf: MemoryFixture, name: str) -> str:
    """Return a term that nobody else has in this database."""
    return f"{shelf.tenant.project_id[-12:]}{name}"


def test_a_change_leaves_nothing_of_the_former_words(shelf: MemoryFixture) -> None:
    former, later = term_of(shelf, "former"), term_of(shelf, "later")
    id = shelf.put(f"tea {former}", 1)
    assert (index_of(shelf, former), best(shelf, {former: 1.0})) == (1, [id])
    shelf.change(id, 2, text=f"tea {later}")
    assert (index_of(shelf, former), index_of(shelf, later)) == (0, 1)
    assert (best(shelf, {former: 1.0}), best(shelf, {later: 1.0})) == ([], [id])
    shelf.change(id, 3, metadata={"n": 1})
    assert (index_of(shelf, later), best(shelf, {"tea": 1.0})) == (1, [id])


def test_a_deletion_leaves_nothing(shelf: MemoryFixture) -> None:
    gone, kept = term_of(shelf, "gone"), term_of(shelf, "kept")
    ids = [shelf.put(f"tea {gone}", n) for n in range(3)]
    stays = shelf.put(f"tea {kept}", 4)
    shelf.delete(5, *ids)
    assert (index_of(shelf, gone), index_of(shelf, kept)) == (0, 1)
    assert best(shelf, {"tea": 1.0, gone: 1.0}) == [stays]


def test_the_erasure_of_an_entity_leaves_nothing_to_read(shelf: MemoryFixture) -> None:
    gone, kept = term_of(shelf, "gone"), term_of(shelf, "kept")
    alice = shelf.entity("alice")
    for n in range(3):
        shelf.put(f"tea {gone}", n)
    deleted = shelf.put(f"milk {gone}deleted", 4)
    shelf.delete(5, deleted)
    stays = shelf.put(f"tea {kept}", 6, "bob")
    if shelf.db.engine.dialect.name == "sqlite":
        assert is_readable(shelf, gone)
    shelf.erase(7)
    assert (index_of(shelf, gone), index_of(shelf, kept)) == (0, 1)
    assert not is_readable(shelf, gone)
    assert best(shelf, {"tea": 1.0}) == [stays]
    assert best(shelf, {"tea": 1.0}, scope=alice) == []


def test_the_deletion_of_a_project_leaves_nothing_to_read(shelf: MemoryFixture) -> None:
    gone, kept = term_of(shelf, "gone"), term_of(shelf, "kept")
    for n in range(5):
        shelf.put(f"tea {gone}", n)
    other = shelf.beside()
    stays = other.put(f"tea {kept}", 6)
    project = shelf.tenant.project_id

    def erase(tx: Transaction) -> int:
        return tx.erasure.erase_some(project, 2)

    while shelf.db.write_now(erase):
        pass
    shelf.db.write_now(lambda tx: tx.erasure.erase_project(project))
    assert (index_of(shelf, gone), index_of(shelf, kept)) == (0, 1)
    assert not is_readable(shelf, gone)
    assert (best(shelf, {"tea": 1.0}), best(other, {"tea": 1.0})) == ([], [stays])


def test_what_is_rolled_back_was_never_there(shelf: MemoryFixture) -> None:
    stays = shelf.put("tea", 1)
    never = term_of(shelf, "never")
    row = shelf.row(f"tea {never}", at(2))

    def work(tx: Transaction) -> None:
        tx.memories.add([row], "m", [embedded_text(row.text)], shelf.author)
        memory = tx.memories.find_for_update([stays], shelf.actor)[stays]
        changes = {"text": f"snow {never}"}
        tx.memories.rewrite(
            memory, changes, "m", embedded_text(changes["text"]), shelf.author, at(3)
        )
        assert tx.keywords.best(shelf.tenant.project_id, {never: 1.0}, 10) == [stays, row.id]
        raise RuntimeError("something else goes wrong")

    with pytest.raises(RuntimeError, match="something else"):
        shelf.db.write_now(work)
    assert (index_of(shelf, never), best(shelf, {never: 1.0})) == (0, [])
    assert best(shelf, {"tea": 1.0}) == [stays]
