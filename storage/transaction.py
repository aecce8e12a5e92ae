"""One transaction, with a store per noun on its one connection.

`finish` runs just before commit. It writes the log last, because taking a project's next sequence
numbers locks that project until commit, and the shorter it is held the better.
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
from storage.accounts import AccountStore
from storage.api_keys import ApiKeyStore
from storage.audit import AuditStore
from storage.claims import ClaimStore
from storage.concepts import ConceptStore
from storage.deliveries import DeliveryStore
from storage.documents import DocumentStore
from storage.entities import EntityStore
from storage.erasure import ErasureStore
from storage.exchange import ExchangeStore
from storage.exports import ExportStore
from storage.feedback import FeedbackStore
from storage.history import HistoryStore
from storage.import_records import ImportRecordStore
from storage.importing import ImportStore
from storage.jobs import JobStore
from storage.keywords import KeywordStore
from storage.log import LogStore
from storage.members import MemberStore
from storage.memories import MemoryStore
from storage.memory_erasure import MemoryErasureStore
from storage.memory_filters import Selection, lock_matching, matching
from storage.mentions import MentionStore
from storage.nodes import kinds_of
from storage.operations import OperationStore
from storage.organizations import OrganizationStore
from storage.presence import PresenceStore
from storage.profiles import ProfileStore
from storage.projects import ProjectStore
from storage.pruning import PruningStore
from storage.receipts import ReceiptStore
from storage.rows import Listing, Source
from storage.sources import SourceStore
from storage.state import StateStore
from storage.statistics import StatisticsStore
from storage.touches import TouchStore
from storage.vector_rows import VectorStore
from storage.webhooks import WebhookStore

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
    projects = _store(ProjectStore)
    api_keys = _store(ApiKeyStore)
    presence = _store(PresenceStore)
    entities = _store(EntityStore)
    history = _store(HistoryStore)
    log = _store(LogStore)
    jobs = _store(JobStore)
    sources = _store(SourceStore)
    concepts = _store(ConceptStore)
    claims = _store(ClaimStore)
    vectors = _store(VectorStore)
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
        """The operations, whose jobs are put and cancelled with them."""
        return OperationStore(self._connection, self.jobs)

    @cached_property
    def memories(self) -> MemoryStore:
        """The memories, which log their changes and put their index jobs."""
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
        """Finds and removes what names an erased entity."""
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
        """Return for each parent how many children it has, in one statement."""
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

        All of them, or the newest `limit`; with `ids`, only these are looked at. The caller has
        made sure that the viewer can see the project.
        """
        return matching(self._connection, project_id, entity, selection, limit, ids)

    def lock_matching(
        self, project_id: str, where: Filter, until: datetime, limit: int
    ) -> list[str]:
        """Return the ids of the first memories of a project that match and were there at a moment.

        Others cannot change these rows until the end.
        """
        return lock_matching(self._connection, project_id, where, until, limit)

    def kinds_of(self, ids: Iterable[str]) -> dict[str, Source[Any]]:
        """Return which kind of node each id belongs to, in one statement."""
        return kinds_of(self._connection, ids)

    def finish(self) -> None:
        """Write what waits for the end of the transaction. Called by `Database` only."""
        self.jobs.flush()
        changes = self.history.pending()
        self.history.flush()
        if changes:
            # Only the lock that writing the log takes makes sure that no webhook is being made.
            for webhook_id, project_id in self.webhooks.interested(changes):
                moment = changes[project_id][-1].created_at
                self.jobs.put(JobKind.DELIVER, [webhook_id], project_id, moment)
            self.jobs.flush()
