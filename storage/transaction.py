"""One transaction, with one store per kind of row, all on its one connection.

`finish` runs just before commit. It writes the log last: taking a project's next sequence numbers
locks that project until commit, and the lock must be short.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import Connection

from core.access import Actor
from core.enums import EntityType, JobKind
from core.filters.tree import Filter
from core.paging import Page, Slice
from storage.erasure.memories import MemoryErasureStore
from storage.erasure.mentions import MentionStore
from storage.erasure.projects import ErasureStore
from storage.erasure.receipts import ReceiptStore
from storage.exchange.belongings import ExchangeStore
from storage.exchange.exports import ExportStore
from storage.exchange.import_records import ImportRecordStore
from storage.exchange.importing import ImportStore
from storage.exchange.profiles import ProfileStore
from storage.log.follow import LogStore
from storage.log.history import HistoryStore
from storage.log.pruning import PruningStore
from storage.memories.categories import CategoryStore
from storage.memories.claims import ClaimStore
from storage.memories.concepts import ConceptStore
from storage.memories.entities import EntityStore
from storage.memories.feedback import FeedbackStore
from storage.memories.repeats import RepeatStore
from storage.memories.selection import Selection, lock_matching, matching
from storage.memories.sources import SourceStore
from storage.memories.store import MemoryStore
from storage.nodes import kinds_of
from storage.operations.jobs import JobStore
from storage.operations.store import OperationStore
from storage.search.documents import DocumentStore
from storage.search.keywords import KeywordStore
from storage.search.origins import OriginStore
from storage.search.usage import TouchStore
from storage.search.vectors import VectorStore
from storage.server_state import StateStore
from storage.sql.listing import Listing, Source
from storage.tenancy.accounts import AccountStore
from storage.tenancy.api_keys import ApiKeyStore
from storage.tenancy.audit_log import AuditStore
from storage.tenancy.invitations import InvitationStore
from storage.tenancy.members import MemberStore
from storage.tenancy.organizations import OrganizationStore
from storage.tenancy.presence import PresenceStore
from storage.tenancy.projects import ProjectStore
from storage.tenancy.statistics import StatisticsStore
from storage.webhooks.deliveries import DeliveryStore
from storage.webhooks.store import WebhookStore

S = TypeVar("S")
T = TypeVar("T")


def _store(make: Callable[[Connection], S]) -> cached_property[S]:
    """Return an attribute of `Transaction` that holds a store of its connection."""
    return cached_property(lambda transaction: make(transaction._connection))


class Transaction:
    """The stores of one transaction, each built when it is first used.

    Only `Database` makes a transaction, and only it commits.
    """

    state = _store(StateStore)
    accounts = _store(AccountStore)
    organizations = _store(OrganizationStore)
    members = _store(MemberStore)
    invitations = _store(InvitationStore)
    projects = _store(ProjectStore)
    api_keys = _store(ApiKeyStore)
    presence = _store(PresenceStore)
    entities = _store(EntityStore)
    history = _store(HistoryStore)
    log = _store(LogStore)
    jobs = _store(JobStore)
    sources = _store(SourceStore)
    concepts = _store(ConceptStore)
    categories = _store(CategoryStore)
    claims = _store(ClaimStore)
    repeats = _store(RepeatStore)
    vectors = _store(VectorStore)
    origins = _store(OriginStore)
    keywords = _store(KeywordStore)
    documents = _store(DocumentStore)
    touches = _store(TouchStore)
    receipts = _store(ReceiptStore)
    feedback = _store(FeedbackStore)
    audit = _store(AuditStore)
    statistics = _store(StatisticsStore)
    pruning = _store(PruningStore)
    webhooks = _store(WebhookStore)
    deliveries = _store(DeliveryStore)
    exports = _store(ExportStore)
    profiles = _store(ProfileStore)
    exchange = _store(ExchangeStore)
    import_records = _store(ImportRecordStore)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def operations(self) -> OperationStore:
        """The operations; their jobs are enqueued and cancelled with them."""
        return OperationStore(self._connection, self.jobs)

    @cached_property
    def memories(self) -> MemoryStore:
        """The memories; each change is logged and enqueues its index job."""
        return MemoryStore(self._connection, self.history, self.jobs)

    @cached_property
    def erasure(self) -> ErasureStore:
        """Erases projects."""
        return ErasureStore(self._connection, self.receipts)

    @cached_property
    def memory_erasure(self) -> MemoryErasureStore:
        """Erases memories."""
        return MemoryErasureStore(self._connection, self.history, self.jobs)

    @cached_property
    def mentions(self) -> MentionStore:
        """Finds and removes the rows that name an erased entity."""
        return MentionStore(self._connection, self.operations)

    @cached_property
    def importing(self) -> ImportStore:
        """Stores imported memories with their history."""
        return ImportStore(self._connection, self.history, self.jobs)

    def find(self, source: Source[T], ids: Iterable[str], actor: Actor) -> dict[str, T]:
        """Return the rows of any kind that the actor can see among the ids, by id."""
        return source.find(self._connection, ids, actor)

    def pages(
        self,
        listing: Listing[T],
        parents: Sequence[str],
        page: Page,
        actor: Actor,
        filters: Mapping[str, Any],
        where: Filter | None = None,
    ) -> list[Slice[T]]:
        """Return one page of children for each parent, in one statement."""
        return listing.pages(self._connection, parents, page, actor, filters, where)

    def counts(
        self,
        listing: Listing[Any],
        parents: Sequence[str],
        actor: Actor,
        filters: Mapping[str, Any],
        where: Filter | None = None,
    ) -> list[int]:
        """Return the number of children of each parent, in one statement."""
        return listing.counts(self._connection, parents, actor, filters, where)

    def matching(
        self,
        project_id: str,
        entity: tuple[EntityType, str] | None,
        selection: Selection,
        limit: int | None = None,
        ids: Iterable[str] | None = None,
    ) -> list[str]:
        """Return the ids of the selected memories of a project, or of one entity (type, id) in it.

        With `limit`, only the newest that many; with `ids`, only those among them. The caller has
        checked that the viewer can see the project.
        """
        return matching(self._connection, project_id, entity, selection, limit, ids)

    def lock_matching(
        self, project_id: str, where: Filter, until: datetime, limit: int
    ) -> list[str]:
        """Lock up to `limit` matching memories of a project created by `until`; return their ids.

        The memories with the lowest ids come first. Other transactions cannot change these rows
        until this one ends.
        """
        return lock_matching(self._connection, project_id, where, until, limit)

    def kinds_of(self, ids: Iterable[str]) -> dict[str, Source[Any]]:
        """Return the source of each id that exists, by id, in one statement."""
        return kinds_of(self._connection, ids)

    def finish(self) -> None:
        """Write the jobs and changes collected during the transaction. Called by `Database` only.

        Active webhooks that subscribe to the changes get a delivery job.
        """
        self.jobs.flush()
        changes = self.history.pending()
        self.history.flush()
        if changes:
            # The lock that `flush` takes excludes the concurrent creation of a webhook, so the
            # webhooks are read after it.
            for webhook_id, project_id in self.webhooks.subscribed(changes):
                moment = changes[project_id][-1].created_at
                self.jobs.put(JobKind.DELIVER, [webhook_id], project_id, moment)
            self.jobs.flush()
