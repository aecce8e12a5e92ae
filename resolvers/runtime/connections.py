"""Who is connected for longer than a request: counted by key, and shown out when the right ends.

Keys are revoked and members removed in other processes too, so all who are here are looked at
together, every few seconds, by two statements.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from core.access import Actor
from core.errors import LimitExceeded, NotFound, Unauthenticated
from resolvers.runtime.streams import Stream
from storage.database import Database

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0

# What is called with the reason, None when the server stops.
Disconnect = Callable[[Unauthenticated | NotFound | None], None]


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One connection or one subscription, and what is called when it must end."""

    actor: Actor
    disconnect: Disconnect
    stream: Stream = field(default_factory=Stream)


class LiveConnections:
    """All that is connected to one process."""

    def __init__(self, db: Database, clock: Callable[[], datetime], most_per_key: int) -> None:
        self._db = db
        self._clock = clock
        self._most = most_per_key
        self._stays: set[LiveConnection] = set()
        self._by_key: Counter[str] = Counter()
        self._looking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._stays)

    def open(self, actor: Actor, leave: Disconnect) -> LiveConnection:
        """Return a stay, which lasts until `close`.

        Raises `LimitExceeded` when the key has as many as it may.
        """
        if self._by_key[actor.key_id] >= self._most:
            raise LimitExceeded(
                f"A key can have {self._most:,} connections and subscriptions at once "
                "(MNEMOGRAPH_LIVE_LIMIT)."
            )
        stay = LiveConnection(actor, leave)
        self._stays.add(stay)
        self._by_key[actor.key_id] += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return stay

    def close(self, stay: LiveConnection) -> None:
        """End a stay; one that is over stays so."""
        if stay not in self._stays:
            return
        self._stays.remove(stay)
        self._by_key[stay.actor.key_id] -= 1
        if not self._by_key[stay.actor.key_id]:
            del self._by_key[stay.actor.key_id]
        if not self._stays and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def close_all(self) -> None:
        """Ask everybody to leave, because the server stops."""
        for stay in list(self._stays):
            stay.disconnect(None)

    async def revalidate(self) -> None:
        """Ask those to leave whose key is dead, or who do not see their project any more."""
        # Which project a stay is shown may become known while the database is asked.
        stays = [(stay, stay.actor.key_id, stay.stream.project_id) for stay in self._stays]
        moment = self._clock()
        keys = {key for _, key, _ in stays}
        pairs = {(key, project) for _, key, project in stays if project is not None}
        living, seen = await self._db.read(
            lambda tx: (tx.presence.living_keys(keys, moment), tx.presence.visible_pairs(pairs))
        )
        for stay, key, project in stays:
            if key not in living:
                stay.disconnect(Unauthenticated("This API key is not valid any more."))
            elif project is not None and (key, project) not in seen:
                stay.disconnect(NotFound("project", project, "projectId"))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.revalidate()
            except Exception:
                log.exception("connections_not_looked_at")
