"""Filters in SQL compared with filters in plain Python, for random rows and filters.

The evaluation in Python is independent of the filter trees and follows the descriptions of the
schema. Each generated filter runs on both databases, in each kind of statement that the application
builds.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, false, insert, select

from core.enums import EntityType, MemoryState
from core.ids import now, uuid7
from harness.postgres import fresh_postgres
from storage.database import Database
from storage.memories.selection import Selection, matching
from storage.sql.filters import filter_clause, read_filter
from storage.tables.fields import table_of
from storage.tables.graph import Entity, Organization, Project
from storage.tables.memory import Memory
from storage.tables.metadata import METADATA
from tests.conftest import BACKENDS
from tests.support.fixtures.filters import tree

pytestmark = pytest.mark.every_database

MEMORIES = table_of(Memory)
MOMENT = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)
# Dotted and dotless i, both forms of the small sigma, sharp and long s, emoji, and characters
# that are special in LIKE, JSON and paths.
ALPHABET = "aAbIiİ\u0131ßẞ\u017f\u03c3ςΣ🦊👍%_*'\"\\.{}$ \u0301\u0001"
NAMES = ["a", "A", "İ", "\u0131", "ẞ", "%", "_", "'", "\\", "🦊", "a b"]
KINDS = {"userId": EntityType.USER, "runId": EntityType.RUN}
COLUMNS = {
    "userId": "user_id",
    "runId": "run_id",
    "createdAt": "created_at",
    "updatedAt": "updated_at",
    "timestamp": "timestamp",
    "expirationDate": "expiration_date",
}

Row = dict[str, Any]
Given = dict[str, Any]


# ---------------------------------------------------------------- evaluation in Python


def matches(row: Row, given: Given) -> bool:
    """Return whether a row matches a filter by the descriptions of the schema."""
    return all(holds(row, name, value) for name, value in given.items())


def holds(row: Row, name: str, value: Any) -> bool:
    if name == "and":
        return all(matches(row, item) for item in value)
    if name == "or":
        return any(matches(row, item) for item in value)
    if name == "not":
        return not matches(row, value)
    if name == "ids":
        return row["id"] in value
    if name == "state":
        return row["state"] in value
    if name == "text":
        return all(text_holds(row["text"], *item) for item in value.items())
    if name == "categories":
        return all(categories_hold(row["categories"], *item) for item in value.items())
    if name == "metadata":
        return all(
            metadata_holds(found_at(row["metadata"], item["key"]), *pair)
            for item in value
            for pair in item.items()
            if pair[0] != "key"
        )
    return all(value_holds(row[COLUMNS[name]], *item) for item in value.items())


def value_holds(value: Any, operator: str, operand: Any) -> bool:
    if operator == "ne":
        return not value_holds(value, "eq", operand)
    if operator == "exists":
        return (value is not None) is operand
    if value is None:
        return False
    return bool(
        {
            "eq": lambda: value == operand,
            "in": lambda: value in operand,
            "gt": lambda: value > operand,
            "gte": lambda: value >= operand,
            "lt": lambda: value < operand,
            "lte": lambda: value <= operand,
        }[operator]()
    )


def lowered(text: str) -> str:
    return "".join("\u03c3" if character in "Σς" else character.lower() for character in text)


def text_holds(text: str, operator: str, operand: str) -> bool:
    if operator == "contains":
        return operand in text
    return lowered(operand) in lowered(text)


def categories_hold(categories: list[str], operator: str, operand: Any) -> bool:
    if operator == "in":
        return bool({*categories} & {*operand})
    if operator == "exists":
        return bool(categories) is operand
    return any(lowered(operand) in lowered(category) for category in categories)


ABSENT = object()


def found_at(metadata: dict[str, Any], key: str) -> Any:
    if key in metadata:
        return metadata[key]
    value: Any = metadata
    for step in key.split("."):
        if not isinstance(value, dict) or step not in value:
            return ABSENT
        value = value[step]
    return value


def canonical(value: Any) -> Any:
    """Return a value that compares equal exactly for values that are equal as JSON."""
    if isinstance(value, bool) or value is None:
        return ("constant", value)
    if isinstance(value, int | float):
        return ("number", Fraction(repr(value)))
    if isinstance(value, str):
        return ("text", value)
    if isinstance(value, list):
        return ("list", tuple(canonical(item) for item in value))
    return ("object", frozenset((key, canonical(item)) for key, item in value.items()))


def metadata_holds(value: Any, operator: str, operand: Any) -> bool:
    if operator == "ne":
        return not metadata_holds(value, "eq", operand)
    if operator == "exists":
        return (value is not ABSENT and value is not None) is operand
    if value is ABSENT:
        return False
    if operator == "in":
        return canonical(value) in [canonical(item) for item in operand]
    if operator == "contains":
        if isinstance(value, str):
            return isinstance(operand, str) and operand in value
        items = value if isinstance(value, list) else []
        return canonical(operand) in [canonical(item) for item in items]
    kind, one = canonical(value)
    other_kind, other = canonical(operand)
    if operator != "eq" and (kind != other_kind or kind not in ("number", "text")):
        return False
    if operator == "eq":
        return (kind, one) == (other_kind, other)
    return value_holds(one, operator, other)


# ---------------------------------------------------------------- rows and filters to try

texts = st.text(ALPHABET, max_size=6)
names = st.sampled_from(NAMES)
keys = st.sampled_from(["a", "b", "", "0", "a.b", "a.b.c", "🦊", "'", '"', "\\", "%", "\u0131"])
paths = keys | st.lists(keys, min_size=2, max_size=3).map(".".join)
moments = st.integers(-2, 2).map(lambda n: MOMENT + timedelta(microseconds=n))
days = st.integers(-2, 2).map(lambda n: MOMENT.date() + timedelta(days=n))
states = st.sampled_from(MemoryState)
categories = st.lists(st.sampled_from(["food", "FOOD", "İş", "100%", "Σας"]), max_size=3)
numbers = st.sampled_from(
    [0, 1, -1, 10, 2**53, 2**53 + 1, 2**63, 0.0, -0.0, 0.5, 1.0, 1e22, 5e-324, float(2**53)]
)
scalars = st.booleans() | numbers | texts
json = st.recursive(
    st.none() | scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
metadata = st.dictionaries(keys, json, max_size=3)
rows = st.fixed_dictionaries(
    {
        "text": texts,
        "user_id": st.none() | names,
        "run_id": st.none() | names,
        "metadata": metadata,
        "categories": categories,
        "state": states,
        "created_at": moments,
        "updated_at": moments,
        "timestamp": st.none() | moments,
        "expiration_date": st.none() | days,
    }
)


def some(**operators: st.SearchStrategy[Any]) -> st.SearchStrategy[Given]:
    """Return one or two of the operators."""
    chosen = st.lists(st.sampled_from(sorted(operators)), min_size=1, max_size=2, unique=True)
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({name.rstrip("_"): operators[name] for name in names})
    )


def values(one: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return {"eq": one, "ne": one, "in_": st.lists(one, max_size=3), "exists": st.booleans()}


def ranges(one: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return dict.fromkeys(("gt", "gte", "lt", "lte"), one)


present = json.filter(lambda value: value is not None)
metadata_conditions = some(**values(present), **ranges(scalars), contains=present).flatmap(
    lambda operators: paths.map(lambda key: {"key": key, **operators})
)
leaves: st.SearchStrategy[Given] = st.one_of(
    *(
        st.fixed_dictionaries({name: one})
        for name, one in {
            "userId": some(**values(names)),
            "runId": some(**values(names)),
            "text": some(contains=texts, icontains=texts),
            "categories": some(
                in_=categories,
                contains=st.sampled_from(["oo", "i", "%", "ΣΑΣ"]),
                exists=st.booleans(),
            ),
            "state": st.lists(states, max_size=2),
            "createdAt": some(**values(moments), **ranges(moments)),
            "timestamp": some(**values(moments), **ranges(moments)),
            "expirationDate": some(**values(days), **ranges(days)),
            "metadata": st.lists(metadata_conditions, max_size=2),
            # Ids are assigned by position, so that filters can contain them.
            "ids": st.lists(st.sampled_from(["0", "1", "2", "none"]), max_size=3),
        }.items()
    )
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        *(st.fixed_dictionaries({name: st.lists(inner, max_size=3)}) for name in ("and", "or")),
        st.fixed_dictionaries({"not": inner}),
        st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
    ),
    max_leaves=6,
)


# ---------------------------------------------------------------- both databases


@dataclass(frozen=True)
class Place:
    """A database with one project, where each name is an entity of each type."""

    database: Database
    project_id: str
    keys: dict[tuple[EntityType, str], str] = field(repr=False)

    @contextlib.contextmanager
    def filled(self, rows: list[Row]) -> Iterator[tuple[Connection, list[Row]]]:
        """Yield a connection that sees some rows, and the rows with their ids; roll back after."""
        engine = self.database.engine
        with engine.connect().execution_options(mnemograph_write=True) as connection:
            stored = [self._stored(row) for row in rows]
            if stored:
                connection.execute(insert(MEMORIES), stored)
            yield connection, stored
            connection.rollback()

    def _stored(self, row: Row) -> Row:
        keys = {
            f"{kind.value.lower()}_key": self.keys.get((kind, row[COLUMNS[field]]))
            for field, kind in KINDS.items()
        }
        return {
            "id": uuid7(),
            "project_id": self.project_id,
            "hash": "",
            "immutable": False,
            "version": 1,
            "happened_at": row["timestamp"] or row["created_at"],
            **row,
            **keys,
        }


def make_place(database: Database) -> Place:
    METADATA.create_all(database.engine)
    moment, organization_id, project_id = now(), uuid7(), uuid7()
    times = {"created_at": moment, "updated_at": moment}
    ids = {(kind, name): uuid7() for kind in KINDS.values() for name in NAMES}
    switches = dict.fromkeys(("enable_graph", "multilingual", "decay"), False)
    totals = {"version": 1, "sequence": 0, "pruned_sequence": 0, "total_memories": 0}
    with database.engine.connect().execution_options(mnemograph_write=True) as connection:
        organization = {"id": organization_id, "name": "Home", **times}
        connection.execute(insert(table_of(Organization)), organization)
        project = {"id": project_id, "organization_id": organization_id, "name": "First"}
        connection.execute(
            insert(table_of(Project)),
            {**project, **switches, **totals, "custom_categories": [], **times},
        )
        connection.execute(
            insert(table_of(Entity)),
            [
                {"id": id, "project_id": project_id, "type": kind, "name": name, "metadata": {}}
                | {"total_memories": 0, **times}
                for (kind, name), id in ids.items()
            ],
        )
        connection.commit()
    return Place(database, project_id, ids)


@pytest.fixture(scope="module", params=BACKENDS)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{tmp_path_factory.mktemp('filters') / 'test.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_test_{worker_id}_filters"))
        database = Database(url)
        yield make_place(database)
        database.close()


def with_ids(given: Any, rows: list[Row]) -> Any:
    """Return a filter with the positions of rows replaced by their ids."""
    if isinstance(given, list):
        return [with_ids(item, rows) for item in given]
    replaced = {}
    for name, value in given.items():
        if name == "ids":
            known = {str(position): row["id"] for position, row in enumerate(rows)}
            replaced[name] = [known.get(item, item) for item in value]
        elif name in ("and", "or", "not"):
            replaced[name] = with_ids(value, rows)
        else:
            replaced[name] = value
    return replaced


def found(connection: Connection, place: Place, given: Given) -> list[set[str]]:
    """Return the matching ids of each kind of statement."""
    dialect = connection.dialect.name
    wanted = tree(given)
    read = read_filter(wanted, dialect)
    # Past and current rows are joined by a union, so their columns need the same names.
    ever = select(MEMORIES).union_all(select(MEMORIES).where(false())).subquery("ever")
    plain = [
        select(rows.c.id).where(filter_clause(read.shape, rows, dialect))
        for rows in (MEMORIES.alias("x"), ever)
    ]
    return [
        set(matching(connection, place.project_id, None, Selection(wanted))),
        *({*connection.execute(statement, read.values).scalars()} for statement in plain),
    ]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(rows, max_size=5), given=filters)
def test_sql_matches_the_descriptions_of_the_schema(
    place: Place, rows: list[Row], given: Given
) -> None:
    with place.filled(rows) as (connection, stored):
        wanted = with_ids(given, stored)
        expected = {row["id"] for row in stored if matches(row, wanted)}
        assert found(connection, place, wanted) == [expected] * 3
        assert (
            found(connection, place, {"not": wanted})
            == [{row["id"] for row in stored} - expected] * 3
        )
