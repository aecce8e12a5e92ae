"""Projects in which names collide on purpose, and what erasing one of their entities must leave.

A user, an agent, an app and a run may have one name, which is also a role, a speaker, a word of a
text and a value in metadata. Every action says a word of its own, so what is left of it is found.
"""

import asyncio
import itertools
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Text, or_, select

from core.enums import EntityType
from core.ids import uuid7
from storage.tables.metadata import METADATA
from tests.client import Client
from tests.deployment import Deployment
from tests.exchange import at, fresh_id
from tests.exporting import created
from tests.factories import Tenant
from tests.importing import send

NAMES = ("assistant", "user", "alice")
ROLES = ("user", "assistant")
FIELDS = {type: f"{type.value.lower()}Id" for type in EntityType}
ADD = """
mutation ($input: AddMemoriesInput!) {
  addMemories(input: $input) {
    operation { id status } results { memory { id } } userErrors { code message }
  }
}
"""
UPDATE = """
mutation ($id: ID!, $text: String!) {
  updateMemory(id: $id, input: {text: $text}) { memory { id } userErrors { code message } }
}
"""
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code message } } }"
FEEDBACK = """
mutation ($id: ID!, $reason: String!) {
  setMemoryFeedback(memoryId: $id, value: POSITIVE, reason: $reason) {
    memory { id } userErrors { code message }
  }
}
"""
SEARCH = """
query ($query: String!, $filter: MemoryFilter) {
  searchMemories(query: $query, filter: $filter) { operationId hits { score } }
}
"""
SUMMARIZE = """
mutation ($filter: MemoryFilter) {
  summarizeMemories(filter: $filter) { operation { id } userErrors { code message } }
}
"""

Entity = tuple[EntityType, str]
Row = dict[str, Any]
# The rows that a project has besides, by the column that leads to their memory or to themselves.
TABLES = {
    "memories": "id",
    "memory_versions": "id",
    "history": "memory_id",
    "memory_keywords": "memory_id",
    "memory_vectors": "memory_id",
    "memory_feedback": "memory_id",
    "memory_sources": "memory_id",
    "memory_concepts": "memory_id",
}


@dataclass
class Said:
    """One action: the word it says, the entities that it names by their kind, and what it made."""

    word: str
    names: frozenset[Entity]
    operation_id: str | None = None
    memory_ids: list[str] = field(default_factory=list)


class World:
    """A project that random actions fill."""

    def __init__(self, tenant: Tenant, seed: int) -> None:
        self.tenant = tenant
        self.client: Client = tenant.owner
        self.random = random.Random(seed)
        self.tag = uuid7()[-6:]
        self.numbers = itertools.count()
        self.actions: list[Said] = []

    def name(self) -> str:
        """Return one of the few names."""
        return self.random.choice(NAMES)

    def scope(self) -> dict[str, str]:
        """Return one or two entities as a call names them."""
        types = self.random.sample(list(EntityType), self.random.choice((1, 1, 2)))
        return {FIELDS[type]: self.name() for type in types}

    def word(self) -> str:
        """Return a word that nobody else says."""
        return f"zq{self.tag}x{next(self.numbers):04}"

    async def add(self, *, infer: bool, wait: bool = True, named: Entity | None = None) -> Said:
        """Add a conversation of one or two messages."""
        word = self.word()
        scope = self.scope() if named is None else {FIELDS[named[0]]: named[1]}
        content = f"My friend {word} keeps bees for the {self.name()} of {self.name()}."
        messages = [{"role": "user", "name": self.name(), "content": content}]
        if not infer:
            messages[0]["role"] = self.random.choice(ROLES)
        elif self.random.random() < 0.5:
            messages.append({"role": "assistant", "content": self.name()})
        asked = {
            "messages": messages,
            "infer": infer,
            "wait": wait,
            "metadata": {"team": self.name(), "userId": self.name(), "agentId": [self.name()]},
            "idempotencyKey": f"{word} {self.name()}",
            **scope,
        }
        payload = await self.client.do(ADD, input=asked)
        made = Said(word, _entities(scope), payload["operation"]["id"])
        made.memory_ids = [result["memory"]["id"] for result in payload["results"]]
        self.actions.append(made)
        return made

    async def touch(self) -> None:
        """Change, delete or judge a memory that is there."""
        there = [made for made in self.actions if made.memory_ids]
        target = self.random.choice(there)
        (id, word) = (target.memory_ids[0], self.word())
        self.actions.append(Said(word, target.names))
        match self.random.choice(("update", "update", "feedback", "delete")):
            case "update":
                await self.client.do(UPDATE, id=id, text=f"{self.name()} says {word} to it.")
            case "feedback":
                await self.client.do(FEEDBACK, id=id, reason=f"{self.name()} likes {word}")
            case "delete":
                await self.client.do(DELETE, id=id)
                target.memory_ids = []

    async def ask(self) -> None:
        """Search, export or summarize with a filter in which a name stands somewhere."""
        word, (filter, names) = self.word(), self.filter()
        made = Said(word, names)
        match self.random.choice(("search", "export", "summarize")):
            case "search":
                query = f"{self.name()} {word}"
                found = await self.client.ask(SEARCH, query=query, filter=filter)
                made.operation_id = found["searchMemories"]["operationId"]
            case "export":
                export = await created(self.client, filter=filter)
                made.operation_id, made.word = export["operation"]["id"], ""
            case "summarize":
                done = await self.client.do(SUMMARIZE, filter=filter)
                made.operation_id, made.word = done["operation"]["id"], ""
        self.actions.append(made)

    def filter(self) -> tuple[Row, frozenset[Entity]]:
        """Return a filter, and the entities that its conditions name."""
        (key, name), *_ = self.scope().items()
        entity = _entities({key: name})
        other = self.name()
        return self.random.choice(
            [
                ({key: {"eq": name}}, entity),
                ({"or": [{key: {"in": [name, "nobody"]}}, {"appId": {"eq": "else"}}]}, entity),
                ({"not": {"and": [{key: {"eq": name}}, {"text": {"contains": other}}]}}, entity),
                ({"metadata": {"key": "team", "eq": other}}, frozenset()),
                ({"text": {"contains": other}}, frozenset()),
                ({key: {"exists": True}}, frozenset()),
            ]
        )

    async def send_file(self, records: int) -> tuple[str, list[Said]]:
        """Send a file to be imported; return its operation, and what each record says."""
        lines, said = [], []
        for number in range(records):
            word, scope = self.word(), self.scope()
            lines.append(
                {
                    "id": fresh_id(number),
                    "memory": f"{self.name()} keeps {word} in box {number}.",
                    **{_snake(key): name for key, name in scope.items()},
                    "role": self.random.choice(ROLES),
                    "actor_id": self.name(),
                    "metadata": {"user_id": self.name(), "team": self.name()},
                    "created_at": at(-number),
                    "updated_at": at(-number),
                }
            )
            said.append(Said(word, _entities(scope)))
        body = json.dumps({"results": lines}).encode()
        answer = await send(self.client, self.tenant.project_id, body, "application/json")
        assert answer.status_code == 202, answer.text
        return answer.json()["operationId"], said


def _entities(scope: Mapping[str, str]) -> frozenset[Entity]:
    types = {key: type for type, key in FIELDS.items()}
    return frozenset((types[key], name) for key, name in scope.items())


def _snake(key: str) -> str:
    return key.replace("Id", "_id")


@dataclass(frozen=True)
class Rows:
    """All rows of a project, by table and primary key, and the memories that name an entity."""

    tables: dict[str, dict[tuple[Any, ...], Row]]
    memories: frozenset[str]
    former: frozenset[str]
    messages: frozenset[str]

    def others(self) -> dict[str, dict[tuple[Any, ...], Row]]:
        """Return the rows that have nothing to do with the entity."""
        gone = self.memories | self.former
        found = {
            name: {
                key: _without(row, "previous_id")
                for key, row in self.tables[name].items()
                if row[column] not in gone
            }
            for name, column in TABLES.items()
        }
        found["memory_sources"] = {
            key: row
            for key, row in found["memory_sources"].items()
            if row["message_id"] not in self.messages
        }
        found["source_messages"] = {
            key: row
            for key, row in self.tables["source_messages"].items()
            if row["id"] not in self.messages
        }
        return found


def rows_about(deployment: Deployment, project_id: str, entity: Entity | None = None) -> Rows:
    """Return the rows of a project, told apart by whether they are about an entity."""
    tables = METADATA.tables
    here: dict[str, dict[tuple[Any, ...], Row]] = {}
    memories = select(tables["memories"].c.id).where(tables["memories"].c.project_id == project_id)
    with deployment.services.db.engine.connect() as connection:
        for name in (*TABLES, "source_messages", "operations", "exports"):
            table = tables[name]
            mine = (
                table.c.project_id == project_id
                if "project_id" in table.c
                else table.c.memory_id.in_(memories)
            )
            found = [dict(row._mapping) for row in connection.execute(select(table).where(mine))]
            here[name] = {tuple(row[key.name] for key in table.primary_key): row for row in found}
    if entity is None:
        return Rows(here, frozenset(), frozenset(), frozenset())
    column, name = f"{entity[0].value.lower()}_id", entity[1]
    live = {row["id"] for row in here["memories"].values()}
    about = {row["id"] for row in here["memories"].values() if row[column] == name}
    past = {row["id"] for row in here["memory_versions"].values() if row[column] == name}
    messages = {
        row["message_id"] for row in here["memory_sources"].values() if row["memory_id"] in about
    }
    return Rows(here, frozenset(about), frozenset(past - live), frozenset(messages))


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def words_left(deployment: Deployment, tag: str) -> dict[str, set[str]]:
    """Return the words with a tag that are anywhere in a deployment, each with where it stands.

    That is a table of the database, or the name of a file: the index, and SQLite's own with its
    free pages and its log.
    """
    pattern = re.compile(rf"zq{tag}x\d{{4}}".encode())
    found: dict[str, set[str]] = {}

    def note(place: str, content: bytes) -> None:
        for word in pattern.findall(content.lower()):
            found.setdefault(word.decode(), set()).add(place)

    with deployment.services.db.engine.connect() as connection:
        for table in METADATA.sorted_tables:
            columns = [column.cast(Text) for column in table.c if column.name != "vector"]
            tagged = or_(*(column.ilike(f"%zq{tag}x%") for column in columns))
            for row in connection.execute(select(*columns).where(tagged)):
                note(table.name, repr(tuple(row)).encode())
    url = deployment.services.db.url
    folders = {Path(deployment.settings.data_dir)}
    if deployment.services.db.is_sqlite and url.database:
        folders.add(Path(url.database).parent)
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        note(path.name, path.read_bytes())
    return found


async def ended(client: Client, operation_id: str) -> Row:
    """Return an operation once the workers have finished it."""
    document = "query ($id: ID!) { operation(id: $id) { id status error notes } }"
    for _ in range(600):
        found: Row = (await client.ask(document, id=operation_id))["operation"]
        if found["status"] in ("SUCCEEDED", "FAILED"):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"It did not end: {found}")
