"""Memories put straight into storage, at moments that a test chooses and in any conversation."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core.access import Actor, ApiKeyPermission, ApiKeyReach
from core.entity_names import ENTITY_KEYS
from core.enums import EntityType, MemoryState
from core.ids import uuid7
from core.paging import Order, Page
from storage.log.history import Author
from storage.memories.as_of import PAST_MEMORIES_OF_ENTITY, PAST_MEMORIES_OF_PROJECT
from storage.memories.rows import MEMORY_ORDERS, MemoryRow
from storage.memories.store import Derived
from storage.memories.uniqueness import text_hash
from storage.search.keywords import Keywords
from storage.transaction import Transaction
from tests.factories import Tenant, make_tenant

START = datetime(2025, 5, 1, 12, tzinfo=UTC)
OLDEST_FIRST = MEMORY_ORDERS["created_at", False]


def at(second: float) -> datetime:
    """Return a moment so many seconds after the start of the story."""
    return START + timedelta(seconds=second)


def derived(text: str) -> Derived:
    """Return something in the place of what is computed from a text."""
    terms = " ".join(text.lower().split())
    return Derived(b"\0\0\0\0", Keywords(terms, len(text.split()), False, False))


@dataclass
class Shelf:
    """The memories of a tenant's first project, as its owner writes them."""

    tenant: Tenant
    others: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.db = self.tenant.deployment.services.db
        self.actor = self.actor_of(self.tenant.owner_email)
        self.author = Author(self.tenant.owner_email)

    def beside(self) -> "Shelf":
        """Return the memories of a fresh tenant."""
        other = Shelf(make_tenant(self.tenant.deployment))
        self.others.append(other.tenant.project_id)
        return other

    def actor_of(self, email: str) -> Actor:
        """Return the actor that an account's key of the whole account makes."""
        account = self.db.read_now(lambda tx: tx.accounts.by_email(email))
        assert account is not None
        permission, reach = ApiKeyPermission.ADMIN, ApiKeyReach.ACCOUNT
        return Actor(account.id, email, uuid7(), "", permission, reach, None, None)

    def entity(self, name: str, type: EntityType = EntityType.USER) -> str:
        """Return the id of an entity, which comes into being."""
        project = self.tenant.project_id
        found = self.db.write_now(lambda tx: tx.entities.obtain(project, {type: name}, START))
        return found[type]

    def row(self, text: str, moment: datetime, name: str = "alice", **values: Any) -> MemoryRow:
        """Return a memory of a user that is not stored yet."""
        happened = values.get("timestamp") or moment
        other = {kind: None for key in ENTITY_KEYS.values() for kind in (key, key[:-3] + "id")}
        row: dict[str, Any] = {
            "id": uuid7(),
            "project_id": self.tenant.project_id,
            "text": text,
            # Tests store the same text again and again, which the API refuses to do.
            "hash": text_hash(f"{text} {uuid7()}"),
            **other,
            "user_key": self.entity(name),
            "user_id": name,
            "actor": None,
            "role": "user",
            "metadata": {},
            "categories": [],
            "state": MemoryState.ACTIVE,
            "immutable": False,
            "version": 1,
            "timestamp": None,
            "timestamp_until": None,
            "timestamp_precision": None,
            "happened_at": happened,
            "expiration_date": None,
            "previous_id": None,
            "successor_id": None,
            "extends_id": None,
            "created_at": moment,
            "updated_at": moment,
        }
        return MemoryRow(**(row | values))

    def add(self, *rows: MemoryRow) -> None:
        """Store memories."""

        def work(tx: Transaction) -> None:
            tx.memories.add(rows, "m", [derived(row.text) for row in rows], self.author)

        self.db.write_now(work)

    def put(self, text: str, second: float, name: str = "alice", **values: Any) -> str:
        """Store a memory of a user at a moment; return its id."""
        row = self.row(text, at(second), name, **values)
        self.add(row)
        return row.id

    def get(self, id: str) -> MemoryRow:
        """Return a memory as it is."""
        return self.db.read_now(lambda tx: tx.memories.get(id, self.actor))

    def change(self, id: str, second: float, **changes: Any) -> MemoryRow:
        """Change a memory at a moment; return it."""
        said = derived(changes["text"]) if "text" in changes else None

        def work(tx: Transaction) -> MemoryRow:
            memory = tx.memories.find_to_change([id], self.actor)[id]
            return tx.memories.rewrite(memory, changes, "m", said, self.author, at(second))

        return self.db.write_now(work)

    def delete(self, second: float, *ids: str) -> None:
        """Delete memories at a moment, in one transaction."""

        def work(tx: Transaction) -> None:
            found = tx.memories.find_to_delete(ids, self.actor)
            tx.memories.delete([found[id] for id in ids], self.author, at(second))

        self.db.write_now(work)

    def erase(self, second: float, name: str = "alice", type: EntityType = EntityType.USER) -> None:
        """Erase an entity at a moment."""
        id, project = self.entity(name, type), self.tenant.project_id

        def work(tx: Transaction) -> None:
            tx.entities.lock(id)
            tx.memory_erasure.erase_entity(type, id, project, self.author, at(second))
            tx.entities.delete(id)

        self.db.write_now(work)

    def past(
        self,
        second: float,
        order: Order = OLDEST_FIRST,
        entity: tuple[EntityType, str] | None = None,
        actor: Actor | None = None,
        size: int = 100,
    ) -> list[MemoryRow]:
        """Return what there was at a moment, of the project or of one entity (type, id).

        Pages of a size are asked for one after the other; the total is compared on the way.
        """
        listing = PAST_MEMORIES_OF_ENTITY[entity[0]] if entity else PAST_MEMORIES_OF_PROJECT
        parents = [entity[1] if entity else self.tenant.project_id]
        by, filters = actor or self.actor, {"as_of": at(second)}
        rows: list[MemoryRow] = []
        after: tuple[Any, ...] | None = None

        def read(tx: Transaction) -> Any:
            page = Page(order, size, True, after)
            (found,) = tx.pages(listing, parents, page, by, filters) or [None]
            (count,) = tx.counts(listing, parents, by, filters) or [None]
            return found, count

        while True:
            found, count = self.db.read_now(read)
            rows += found.rows
            if not found.has_next:
                assert len(rows) == count
                return rows
            after = tuple(getattr(rows[-1], key) for key in order.keys)
