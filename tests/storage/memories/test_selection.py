"""The selection of ids for search and deletion: in a scope, by filter and by flags."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from core.enums import EntityType, MemoryState
from core.filters.tree import MOST_CONDITIONS
from core.ids import now, uuid7
from storage.memories.selection import Selection, lock_matching, matching
from storage.sql.statement_cache import MOST_CONDITIONS_KEPT, StatementCache
from storage.tables.fields import table_of
from storage.tables.graph import Entity
from storage.tables.memory import Memory
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.filters import tree
from tests.support.fixtures.rows import set_columns
from tests.support.servers.deployment import Deployment

pytestmark = pytest.mark.every_database

MEMORIES, ENTITIES = table_of(Memory), table_of(Entity)
TODAY = date(2026, 1, 1)


@dataclass(frozen=True)
class World:
    """A tenant and the ids of its memories by letters, oldest first."""

    tenant: Tenant
    ids: dict[str, str]

    def entity(self, type: EntityType, name: str) -> tuple[EntityType, str]:
        """Return an entity as `matching` takes it."""
        statement = select(ENTITIES.c.id).where(
            ENTITIES.c.project_id == self.tenant.project_id,
            ENTITIES.c.type == type,
            ENTITIES.c.name == name,
        )
        with self.tenant.deployment.services.db.engine.connect() as connection:
            return type, connection.execute(statement).scalar_one()

    def found(
        self,
        selection: Selection | None = None,
        entity: tuple[EntityType, str] | None = None,
        **options: Any,
    ) -> str:
        """Return the letters of the matching memories, in the order of the result."""
        letters = {id: letter for letter, id in self.ids.items()}
        project_id = self.tenant.project_id
        with self.tenant.deployment.counted_statements() as statements:
            found = self.tenant.deployment.services.db.read_now(
                lambda tx: tx.matching(project_id, entity, selection or Selection(), **options)
            )
        assert len([one for one in statements if "FROM memories AS x" in one]) == 1
        return "".join(letters[id] for id in found)


@pytest.fixture
async def world(tenant: Tenant) -> World:
    """Four memories: of a user, of a user in a run, a merged one, and a superseded expired one."""
    added = [
        *await tenant.add("a"),
        *await tenant.add("b", runId="monday", userId="bob"),
        *await tenant.add("c", userId="bob"),
        *await tenant.add("d", expirationDate="2025-12-31"),
    ]
    ids = dict(zip("abcd", (memory["id"] for memory in added), strict=True))
    set_columns(tenant, ids["c"], state=MemoryState.MERGED)
    set_columns(tenant, ids["d"], state=MemoryState.SUPERSEDED)
    await tenant.stranger.do(
        'mutation { addMemories(input: {infer: false, userId: "alice", '
        'messages: [{role: "user", content: "x"}]})'
        " { userErrors { message } } }"
    )
    return World(tenant, ids)


def sorted_of(found: str) -> str:
    return "".join(sorted(found))


async def test_without_a_limit_all_are_found(world: World) -> None:
    assert sorted_of(world.found()) == "abcd"
    assert sorted_of(world.found(Selection(today=TODAY))) == "abc"
    assert sorted_of(world.found(Selection(today=TODAY - timedelta(days=1)))) == "abcd"
    assert sorted_of(world.found(Selection(hide_merged=True))) == "abd"
    assert sorted_of(world.found(Selection(hide_superseded=True))) == "abc"
    everything = Selection(tree({"userId": {"eq": "bob"}}), TODAY, True, True)
    assert world.found(everything) == "b"


async def test_with_a_limit_the_newest_are_found(world: World) -> None:
    assert world.found(limit=2) == "dc"
    assert world.found(limit=100) == "dcba"
    assert world.found(limit=0) == ""
    assert world.found(Selection(tree({"userId": {"in": ["alice"]}})), limit=1) == "d"


async def test_only_an_entitys_memories_are_found(world: World) -> None:
    bob = world.entity(EntityType.USER, "bob")
    monday = world.entity(EntityType.RUN, "monday")
    assert world.found(entity=bob, limit=9) == "cb"
    assert world.found(entity=monday) == "b"
    assert world.found(Selection(hide_merged=True), bob) == "b"
    for name, found in (("bob", "b"), ("alice", "")):
        wanted = Selection(tree({"userId": {"eq": name}}))
        assert world.found(wanted, monday) == found


async def test_only_the_requested_ids_are_found(world: World) -> None:
    ids = world.ids
    assert sorted_of(world.found(ids=[ids["a"], ids["d"], uuid7(), "no id", "\0"])) == "ad"
    assert world.found(ids=[]) == ""
    wanted = Selection(tree({"not": {"ids": [ids["a"]]}}), TODAY)
    assert world.found(wanted, ids=list(ids.values()), limit=9) == "cb"
    bob = world.entity(EntityType.USER, "bob")
    assert world.found(entity=bob, ids=iter([ids["a"], ids["b"]])) == "b"


# ---------------------------------------------------------------- locks


async def test_the_oldest_existing_memories_are_locked(world: World) -> None:
    project_id = world.tenant.project_id
    everybody = tree({"userId": {"exists": True}})

    def locked(until: datetime, limit: int) -> list[str]:
        return world.tenant.deployment.services.db.write_now(
            lambda tx: tx.lock_matching(project_id, everybody, until, limit)
        )

    assert locked(now(), 3) == [world.ids[letter] for letter in "abc"]
    assert locked(now(), 9) == list(world.ids.values())
    assert locked(datetime(2020, 1, 1, tzinfo=UTC), 9) == []


async def test_a_filter_is_evaluated_again_after_locking(world: World) -> None:
    """Another transaction changes a memory, so that it no longer matches, before it is locked."""
    engine = world.tenant.deployment.services.db.engine
    if engine.dialect.name == "sqlite":
        return
    wanted = tree({"userId": {"eq": "bob"}, "metadata": [{"key": "kept", "exists": False}]})
    changed = update(MEMORIES).where(MEMORIES.c.id == world.ids["b"])
    waiting = threading.Event()

    def lock() -> list[str]:
        with engine.connect() as connection:
            waiting.set()
            found = lock_matching(connection, world.tenant.project_id, wanted, now(), 9)
            connection.rollback()
            return found

    with ThreadPoolExecutor(1) as pool, engine.connect() as connection:
        connection.execute(changed.values(metadata={"kept": True}))
        running = pool.submit(lock)
        waiting.wait()
        with pytest.raises(TimeoutError):
            running.result(timeout=0.3)
        connection.commit()
        assert running.result(timeout=10) == [world.ids["c"]]


# ---------------------------------------------------------------- statements


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> StatementCache:
    """A small statement cache that replaces the real one."""
    statements = StatementCache(3)
    monkeypatch.setattr("storage.memories.selection.FILTERED", statements)
    return statements


def names(size: int) -> Selection:
    return Selection(tree({"or": [{"userId": {"eq": str(n)}} for n in range(size)]}))


async def test_statements_are_cached_by_shape_within_a_limit(
    deployment: Deployment, kept: StatementCache
) -> None:
    with deployment.services.db.engine.connect() as connection:
        for _ in range(2):
            for name in ("a", "b", "c"):
                wanted = Selection(tree({"userId": {"in": [name] * (1 + ord(name) % 7)}}))
                matching(connection, uuid7(), None, wanted)
        assert len(kept) == 1
        for size in range(1, 9):
            matching(connection, uuid7(), None, names(size))
        assert len(kept) == 3
        for size in (MOST_CONDITIONS_KEPT, MOST_CONDITIONS_KEPT + 1, MOST_CONDITIONS):
            matching(connection, uuid7(), None, names(size))
        assert len(kept) == 3


async def test_filters_do_not_fill_the_cache_of_the_engine(
    deployment: Deployment, kept: StatementCache
) -> None:
    engine = deployment.services.db.engine
    with engine.connect() as connection:
        before = set(engine._compiled_cache or ())
        for size in (1, MOST_CONDITIONS_KEPT, MOST_CONDITIONS - 1):
            matching(connection, uuid7(), None, names(size))
        assert set(engine._compiled_cache or ()) <= before
        assert len(kept._compiled) == 2


async def test_threads_share_the_statements(deployment: Deployment, kept: StatementCache) -> None:
    def work(size: int) -> list[str]:
        with deployment.services.db.engine.connect() as connection:
            return matching(connection, uuid7(), None, names(1 + size % 7))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(70))) == [[]] * 70
    assert len(kept) == 3
