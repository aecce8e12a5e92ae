"""One transaction, with a store per noun on its one connection.

`finish` runs just before commit. It writes the log last, because taking a project's next sequence
numbers locks that project until commit, and the shorter it is held the better.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from core.access import Actor
from core.filters import Filter
from core.graph import EntityType, JobKind
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

T = TypeVar("T")


class Transaction:
    """The stores of one transaction. Only `Database` makes one, and only it commits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.state = StateStore(connection)
        self.accounts = AccountStore(connection)
        self.organizations = OrganizationStore(connection)
        self.members = MemberStore(connection)
        self.projects = ProjectStore(connection)
        self.api_keys = ApiKeyStore(connection)
        self.presence = PresenceStore(connection)
        self.entities = EntityStore(connection)
        self.history = HistoryStore(connection)
        self.log = LogStore(connection)
        self.jobs = JobStore(connection)
        self.operations = OperationStore(connection, self.jobs)
        self.memories = MemoryStore(connection, self.history, self.jobs)
        self.sources = SourceStore(connection)
        self.concepts = ConceptStore(connection)
        self.claims = ClaimStore(connection)
        self.vectors = VectorStore(connection)
        self.keywords = KeywordStore(connection)
        self.documents = DocumentStore(connection)
        self.touches = TouchStore(connection)
        self.receipts = ReceiptStore(connection)
        self.erasure = ErasureStore(connection, self.receipts)
        self.memory_erasure = MemoryErasureStore(connection, self.history, self.jobs)
        self.mentions = MentionStore(connection, self.operations)
        self.feedback = FeedbackStore(connection)
        self.audit = AuditStore(connection)
        self.statistics = StatisticsStore(connection)
        self.pruning = PruningStore(connection)
        self.webhooks = WebhookStore(connection)
        self.deliveries = DeliveryStore(connection)
        self.exports = ExportStore(connection)
        self.profiles = ProfileStore(connection)
        self.exchange = ExchangeStore(connection)
        self.import_records = ImportRecordStore(connection)
        self.importing = ImportStore(connection, self.history, self.jobs)

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
