"""Long-lived connections: counted by key, and disconnected when their access ends.

Other processes also revoke keys and remove members. All connections are therefore revalidated
together every few seconds, with two statements.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from core.access import Actor
from core.errors import LimitExceeded, NotFound, Unauthenticated
from core.limits.settings import Limits
from resolvers.runtime.streams import Stream
from storage.database import Database

log = structlog.get_logger(__name__)

_REVALIDATE_SECONDS = 2.0
# When a client that has too many connections may try again.
_RETRY_SECONDS = 10

# A callback that receives the reason, or None when the server stops.
Disconnect = Callable[[Unauthenticated | NotFound | None], None]


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One connection or subscription, and the callback that ends it."""

    actor: Actor
    disconnect: Disconnect
    stream: Stream = field(default_factory=Stream)


class LiveConnections:
    """The connections and subscriptions of one process."""

    def __init__(
        self, db: Database, clock: Callable[[], datetime], most_per_key: int, limits: Limits
    ) -> None:
        self._db = db
        self._clock = clock
        self._most = most_per_key
        self._limits = limits
        self._documents: dict[str, Counter[str]] = {}
        self._connections: set[LiveConnection] = set()
        self._by_key: Counter[str] = Counter()
        self._revalidation: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def open(self, actor: Actor, disconnect: Disconnect) -> LiveConnection:
        """Register and return a connection, which counts until `close`.

        Raises `LimitExceeded` if the key has reached its limit.
        """
        if self._by_key[actor.key_id] >= self._most:
            raise LimitExceeded(
                f"A key can have {self._most:,} connections and subscriptions at once "
                "(MNEMOGRAPH_LIVE_LIMIT).",
                limit="connections",
                requested=self._most + 1,
                allowed=self._most,
                retry_after=_RETRY_SECONDS,
            )
        connection = LiveConnection(actor, disconnect)
        self._connections.add(connection)
        self._by_key[actor.key_id] += 1
        if self._revalidation is None:
            self._revalidation = asyncio.create_task(self._revalidate_regularly())
        return connection

    def close(self, connection: LiveConnection) -> None:
        """Unregister a connection. Closing it again has no effect."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        self._by_key[connection.actor.key_id] -= 1
        if not self._by_key[connection.actor.key_id]:
            del self._by_key[connection.actor.key_id]
        if not self._connections and self._revalidation is not None:
            self._revalidation.cancel()
            self._revalidation = None

    @contextmanager
    def subscribed(self, key_id: str, document: str) -> Iterator[None]:
        """Count a subscription of a key, and its document, while a block runs.

        Raises `LimitExceeded` if the key has reached its limit of subscriptions, or of different
        documents among them.
        """
        documents = self._documents.setdefault(key_id, Counter())
        most, most_documents = (
            self._limits.max_subscriptions,
            self._limits.max_subscription_documents,
        )
        if documents.total() >= most:
            raise LimitExceeded(
                f"A key can have {most:,} subscriptions at once.",
                limit="subscriptions",
                requested=most + 1,
                allowed=most,
            )
        if document not in documents and len(documents) >= most_documents:
            raise LimitExceeded(
                f"The subscriptions of a key can have {most_documents:,} different documents at "
                "once: use variables for what differs.",
                limit="subscriptionDocuments",
                requested=most_documents + 1,
                allowed=most_documents,
            )
        documents[document] += 1
        try:
            yield
        finally:
            documents[document] -= 1
            if not documents[document]:
                del documents[document]
            if not documents:
                self._documents.pop(key_id, None)

    def close_all(self) -> None:
        """Disconnect all clients because the server stops."""
        for connection in list(self._connections):
            connection.disconnect(None)

    async def revalidate(self) -> None:
        """Disconnect clients whose key is no longer valid or whose project is no longer visible."""
        # A connection may learn its project while the database is read, so compare with a snapshot.
        snapshot = [
            (connection, connection.actor.key_id, connection.stream.project_id)
            for connection in self._connections
        ]
        moment = self._clock()
        keys = {key for _, key, _ in snapshot}
        pairs = {(key, project) for _, key, project in snapshot if project is not None}
        valid_keys, visible = await self._db.read(
            lambda tx: (tx.presence.living_keys(keys, moment), tx.presence.visible_pairs(pairs))
        )
        for connection, key, project in snapshot:
            if key not in valid_keys:
                connection.disconnect(Unauthenticated("This API key is no longer valid."))
            elif project is not None and (key, project) not in visible:
                connection.disconnect(NotFound("project", project, "projectId"))

    async def _revalidate_regularly(self) -> None:
        while True:
            await asyncio.sleep(_REVALIDATE_SECONDS)
            try:
                await self.revalidate()
            except Exception:
                log.exception("connections_not_looked_at")
