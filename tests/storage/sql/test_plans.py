"""Query plans of a frontend's queries on memories: they use an index and never scan the table.

The table has twelve projects of a thousand memories. SQLite has no statistics, as in production;
PostgreSQL has fresh ones.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from core.access import Actor, ApiKeyPermission, ApiKeyReach, Role
from core.enums import EntityType, MemoryState
from core.filters.tree import Filter
from core.ids import uuid7
from core.paging import Page
from harness.postgres import fresh_postgres
from storage.database import Database
from storage.memories.rows import MEMORIES_OF_ENTITY, MEMORIES_OF_PROJECT, MEMORY_ORDERS
from storage.memories.selection import Selection, lock_matching, matching
from storage.tables.fields import table_of
from storage.tables.graph import Account, Entity, Organization, OrganizationMember, Project
from storage.tables.memory import Memory
from storage.tables.metadata import METADATA
from tests.conftest import BACKENDS
from tests.support.fixtures.filters import tree
from tests.support.fixtures.pairs import parametrize_pairs

pytestmark = pytest.mark.every_database

PROJECTS, MEMORIES, USERS = 12, 1_000, 50
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = {"created_at": MOMENT, "updated_at": MOMENT}
SELECTION = Selection(today=date(2026, 1, 1), hide_superseded=True, hide_merged=True)

PAGE, UPDATED = "ix_memories_page", "ix_memories_updated"
HAPPENED, USER = "ix_memories_happened", "ix_memories_user"
OF_ORDER = {"created_at": PAGE, "updated_at": UPDATED, "happened_at": HAPPENED}
KEY = {"sqlite": "sqlite_autoindex_memories_1", "postgresql": "memories_pkey"}

Work = Callable[[Connection], object]


@dataclass(frozen=True)
class Place:
    """A filled database, and one of its projects."""

    database: Database
    actor: Actor
    project_id: str
    user: tuple[EntityType, str]
    memory_ids: list[str]

    @property
    def dialect(self) -> str:
        return self.database.engine.dialect.name

    def plan(self, work: Work) -> list[str]:
        """Return the lines of the query plan of the work's only statement on memories."""
        engine = self.database.engine
        ran: list[tuple[str, Any]] = []

        def note(_c: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
            if "memories AS x" in statement:
                ran.append((statement, values))

        with engine.connect() as connection:
            event.listen(engine, "before_cursor_execute", note)
            try:
                work(connection)
            finally:
                event.remove(engine, "before_cursor_execute", note)
            ((statement, values),) = ran
            asked = "EXPLAIN QUERY PLAN" if self.database.is_sqlite else "EXPLAIN"
            rows = connection.exec_driver_sql(f"{asked} {statement}", values).all()
        return [str(row[-1]) for row in rows]

    def indexes(self, work: Work) -> set[str]:
        """Return the indexes that a plan uses for memories; fails if it scans the table."""
        plan = self.plan(work)
        if self.dialect == "sqlite":
            found = [line for line in plan if re.match(r"(SCAN|SEARCH) (x|t|memories)\b", line)]
            led = [
                re.fullmatch(r"SEARCH \w+ USING (?:COVERING )?INDEX (\w+) \(.+\)", line)
                for line in found
            ]
        else:
            lines = "\n".join(line.strip() for line in plan)
            assert "Seq Scan on memories" not in lines, lines
            led = [
                # An index without a condition would be read completely.
                re.match(r"(\w+).*\nIndex Cond:", part)
                for part in re.split(r"Scan (?:Backward )?(?:using|on) (?=\w*memories_)", lines)[1:]
            ]
        assert led, plan
        assert all(led), plan
        return {match[1] for match in led if match}


def fill(database: Database) -> Place:
    METADATA.create_all(database.engine)
    organization_id, account_id = uuid7(), uuid7()
    projects = [uuid7() for _ in range(PROJECTS)]
    users = {project: [uuid7() for _ in range(USERS)] for project in projects}
    switches = dict.fromkeys(("enable_graph", "multilingual", "decay", "immutable"), False)
    rows: dict[type[Any], list[dict[str, Any]]] = {
        Organization: [{"id": organization_id, "name": "Home"}],
        Account: [{"id": account_id, "email": "owner@example.com"}],
        OrganizationMember: [
            {"id": uuid7(), "organization_id": organization_id, "account_id": account_id}
            | {"role": Role.OWNER, "joined_at": MOMENT}
        ],
        Project: [
            {"id": id, "organization_id": organization_id, "name": "P", "custom_categories": []}
            | {"version": 1, "sequence": 0, "pruned_sequence": 0, "total_memories": MEMORIES}
            for id in projects
        ],
        Entity: [
            {"id": id, "project_id": project, "type": EntityType.USER, "name": f"user {n}"}
            | {"metadata": {}, "total_memories": MEMORIES // USERS}
            for project, ids in users.items()
            for n, id in enumerate(ids)
        ],
        Memory: [
            _memory(project, ids[n % USERS], f"user {n % USERS}", n)
            for n in range(MEMORIES)
            for project, ids in users.items()
        ],
    }
    engine = database.engine
    with engine.connect().execution_options(mnemograph_write=True) as connection:
        for model, values in rows.items():
            table = table_of(model)
            others = {**switches, **TIMES}
            known = {name: value for name, value in others.items() if name in table.c}
            connection.execute(insert(table), [{**known, **row} for row in values])
        connection.commit()
    if not database.is_sqlite:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    project_id = projects[5]
    memory_ids = [row["id"] for row in rows[Memory] if row["project_id"] == project_id]
    key = (ApiKeyPermission.ADMIN, ApiKeyReach.ACCOUNT, project_id, organization_id)
    actor = Actor(account_id, "owner@example.com", uuid7(), "", *key)
    user = (EntityType.USER, users[project_id][7])
    return Place(database, actor, project_id, user, memory_ids)


def _memory(project_id: str, user_key: str, user_id: str, n: int) -> dict[str, Any]:
    moment = MOMENT + timedelta(minutes=n)
    return {
        "id": uuid7(),
        "project_id": project_id,
        "text": f"Tea {n}",
        "hash": "",
        "user_key": user_key,
        "user_id": user_id,
        "metadata": {"n": n, "kind": n % 10},
        "categories": ["food"] if n % 3 else [],
        "state": MemoryState.ACTIVE,
        "happened_at": moment,
        "created_at": moment,
        "updated_at": moment,
        "version": 1,
    }


@pytest.fixture(scope="module", params=BACKENDS)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path_factory.mktemp('plans') / 'test.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_test_{worker_id}_plans"))
        database = Database(url)
        yield fill(database)
        database.close()


LATE = {"createdAt": {"gte": MOMENT + timedelta(minutes=MEMORIES - 20)}}
ALICE: dict[str, Any] = {"userId": {"eq": "user 3"}}
# The indexes used for these filters instead of the index of the order.
FILTERS: dict[str, tuple[dict[str, Any] | None, str | None]] = {
    "nothing": (None, None),
    "a user": (ALICE, USER),
    "users": ({"userId": {"in": ["user 3", "user 4"]}}, USER),
    "a user and more": ({"and": [{"text": {"contains": "1"}}, ALICE], **LATE}, USER),
    "a time": (LATE, PAGE),
    "ids": ({"ids": ["?"]}, "ids"),
    "ids of a user": ({"ids": ["?"], **ALICE}, "ids or user"),
    "a state": ({"state": [MemoryState.ACTIVE]}, None),
    "categories": ({"categories": {"in": ["food", "music"]}}, None),
    "metadata": ({"metadata": [{"key": "kind", "eq": 3}]}, None),
    "texts": ({"text": {"icontains": "tea"}}, None),
    "no user": ({"userId": {"ne": "user 3"}}, None),
}
# Filters for which PostgreSQL expects few rows, which it sorts afterwards.
SORTED = {"a time", "metadata"}
every_filter = pytest.mark.parametrize("name", FILTERS)
FIELDS = sorted({field for field, _ in MEMORY_ORDERS})


def asked(place: Place, name: str) -> tuple[Filter | None, set[str]]:
    """Return a filter and the index it must use, or None if any index of the project will do."""
    given, led = FILTERS[name]
    if given is None:
        return None, set()
    if "ids" in given:
        given = {**given, "ids": place.memory_ids[3:6]}
    if led and "ids" in led:
        return tree(given), {KEY[place.dialect], *([USER] if "user" in led else [])}
    return tree(given), {led} if led else set()


def beside_key(place: Place, indexes: set[str]) -> set[str]:
    """Return indexes without the primary key, which SQLite uses to read the rows of a page."""
    return indexes - {KEY[place.dialect]} if len(indexes) > 1 else indexes


@parametrize_pairs(name=FILTERS, field=FIELDS, descending=(True, False), forward=(True, False))
def test_a_projects_list(
    place: Place, name: str, field: str, descending: bool, forward: bool
) -> None:
    where, led = asked(place, name)
    flags = dict(SELECTION.flags)
    page = Page(MEMORY_ORDERS[field, descending], 20, forward)

    def work(connection: Connection) -> object:
        parents = [place.project_id]
        return MEMORIES_OF_PROJECT.pages(connection, parents, page, place.actor, flags, where)

    indexes = beside_key(place, place.indexes(work))
    if name in SORTED:
        assert indexes <= {*OF_ORDER.values()}
    else:
        assert indexes <= (led or {OF_ORDER[field]}), place.plan(work)


@every_filter
def test_a_projects_total(place: Place, name: str) -> None:
    where, led = asked(place, name)
    flags = dict(SELECTION.flags)

    def work(connection: Connection) -> object:
        parents = [place.project_id]
        return MEMORIES_OF_PROJECT.counts(connection, parents, place.actor, flags, where)

    assert place.indexes(work) <= (led or {*OF_ORDER.values()})


@parametrize_pairs(name=FILTERS, field=FIELDS, descending=(True, False))
def test_an_entitys_list(place: Place, name: str, field: str, descending: bool) -> None:
    """An entity has few memories, so they may be sorted after the lookup."""
    where, _ = asked(place, name)
    flags = dict(SELECTION.flags)
    listing = MEMORIES_OF_ENTITY[EntityType.USER]
    page = Page(MEMORY_ORDERS[field, descending], 20, True)

    def work(connection: Connection) -> object:
        return listing.pages(connection, [place.user[1]], page, place.actor, flags, where)

    assert place.indexes(work) <= {USER, KEY[place.dialect]}


@parametrize_pairs(
    name=FILTERS, limit=(None, 100), among=(False, True), scope=("project", "entity")
)
def test_queries_of_search(
    place: Place, name: str, limit: int | None, among: bool, scope: str
) -> None:
    where, led = asked(place, name)
    selection = Selection(where, SELECTION.today, True, True)
    entity = place.user if scope == "entity" else None
    ids = place.memory_ids[:30] if among else None

    def work(connection: Connection) -> object:
        return matching(connection, place.project_id, entity, selection, limit, ids)

    narrow = {USER, KEY[place.dialect]}
    if among or entity:
        led = narrow | ({PAGE} if name == "a time" else set())
    assert place.indexes(work) <= (led or {*OF_ORDER.values()})


@pytest.mark.parametrize(
    ("given", "led"),
    [
        (ALICE, {USER}),
        ({"userId": {"in": ["user 3", "user 4"]}}, {USER}),
        ({"or": [ALICE, {"userId": {"eq": "user 4"}}]}, {USER, *OF_ORDER.values()}),
        ({"userId": {"exists": True}, "metadata": [{"key": "n", "lt": 3}]}, {*OF_ORDER.values()}),
        ({"ids": ["?"]}, {"ids"}),
    ],
    ids=["a user", "users", "one of two", "any user", "ids"],
)
def test_queries_of_deletion(place: Place, given: dict[str, Any], led: set[str]) -> None:
    where = tree({**given, "ids": place.memory_ids[:9]} if "ids" in given else given)
    until = MOMENT + timedelta(days=999)

    def work(connection: Connection) -> object:
        return lock_matching(connection, place.project_id, where, until, 500)

    assert place.indexes(work) <= {KEY[place.dialect] if index == "ids" else index for index in led}
