"""The context of every resolver: the actor and the services."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from math import ceil
from typing import TypeVar

import structlog

from core.access import Actor
from core.api_keys import digest_of
from core.errors import InvalidInput, Unauthenticated, Unavailable
from core.ids import canonical_id, now
from core.limits.settings import Limits
from core.paging import Cursors
from providers.base import Embedder, ProviderError
from providers.extraction import Extractor
from providers.shaping import Shaper
from resolvers.loaders import Loaders
from resolvers.runtime.connections import LiveConnections
from resolvers.runtime.feeds import Feeds
from resolvers.runtime.notifications import Notifications
from resolvers.runtime.pending import Pending
from resolvers.runtime.rates import Rates
from resolvers.runtime.refusals import Refusals
from resolvers.runtime.search_cache import SearchCache
from resolvers.runtime.search_recorder import SearchRecorder
from resolvers.runtime.slots import Slots
from resolvers.runtime.streams import Stream
from resolvers.runtime.token_cache import TokenCache
from resolvers.runtime.usage_recorder import UsageRecorder
from storage.database import Database
from storage.log.history import Author
from storage.search.chroma import VectorIndex
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

T = TypeVar("T")

# A key's last use is written at most this often: it helps people to find unused keys and is not
# an audit trail.
_LAST_USE_EVERY = timedelta(minutes=1)
# Seconds after which to retry a request that a model failed: if the model did not say, and if the
# failure lasts until somebody repairs it. A model may ask for at most `_LONGEST_PAUSE`.
_PAUSE, _PAUSE_FOR_REPAIR, _LONGEST_PAUSE = 5, 60, 3_600


@dataclass(frozen=True, slots=True)
class Services:
    """The services that all requests of one process share."""

    db: Database
    index: VectorIndex
    embedder: Embedder
    extractor: Extractor
    shaper: Shaper | None
    cursors: Cursors
    pepper: bytes
    allowed_hosts: frozenset[str]
    search_cache: SearchCache
    token_cache: TokenCache
    usage_recorder: UsageRecorder
    search_recorder: SearchRecorder
    notifications: Notifications
    feeds: Feeds
    connections: LiveConnections
    limits: Limits
    rates: Rates
    slots: Slots
    pending: Pending
    refusals: Refusals
    invitation_lifetime: timedelta = timedelta(days=7)
    retention: timedelta | None = None
    # Whether errors of validation name similar fields, which tells a stranger the schema.
    suggests: bool = True
    ingest_limit: int = 200_000
    clock: Callable[[], datetime] = now


@dataclass(slots=True)
class Context:
    """One request: the actor, the services, and loaders that live as long as the request.

    A subscription and its transport exchange their state through `stream`.
    """

    actor: Actor
    services: Services
    stream: Stream = field(default_factory=Stream)
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.loaders = Loaders(self.services.db, self.actor)

    @property
    def cursors(self) -> Cursors:
        """The encoder and decoder of cursors."""
        return self.services.cursors

    def author(self, operation_id: str | None = None) -> Author:
        """Return the author to whom the log attributes this request's changes."""
        return Author(self.actor.email, operation_id)

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return self.services.clock()

    def today(self) -> date:
        """Return the current day in UTC."""
        return self.now().date()

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run a read transaction off the event loop."""
        return await self.services.db.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run a write transaction off the event loop, then clear the loaders."""
        result = await self.services.db.write(work)
        self.loaders.clear()
        return result

    async def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Return the embeddings of texts, in order, as the bytes that storage keeps.

        Raises `Unavailable` if the embedder fails.
        """
        return await self.answered(self.services.embedder.embed(texts))

    async def answered(self, work: Awaitable[T]) -> T:
        """Return the result of work that needs a model and that the caller waits for.

        Raises `Unavailable` if a model fails.
        """
        try:
            return await work
        except ProviderError as error:
            # The caller cannot repair it, so whoever runs the server has to find it in the log.
            log.warning("model_unavailable", error=str(error), model=error.model)
            pause = error.retry_after or _PAUSE
            seconds = ceil(min(pause, _LONGEST_PAUSE)) if error.retryable else _PAUSE_FOR_REPAIR
            name = f" (model {error.model})" if error.model else ""
            raise Unavailable(f"{str(error).removesuffix('.')}{name}.", seconds) from error

    def project_id(self, requested: str | None, argument: str = "projectId") -> str:
        """Return the id of the requested project, by default that of the key's default project.

        Raises `InvalidInput`, naming the argument, if there is neither.
        """
        chosen = requested if requested is not None else self.actor.default_project_id
        if chosen is None:
            raise InvalidInput(f"This key has no default project: give {argument}.", argument)
        return canonical_id(chosen)


async def authenticate(services: Services, tokens: Sequence[str]) -> Actor:
    """Return the actor of the first valid key among the tokens.

    Raises `Unauthenticated` if no token is a valid key. The message never reveals whether a key is
    unknown, revoked or expired.
    """
    if not tokens:
        raise Unauthenticated("This needs an API key, as a Bearer token or by HTTP Basic.")
    moment = services.clock()
    digests = [digest_of(token, services.pepper) for token in tokens]
    found = await services.db.read(lambda tx: tx.api_keys.actor_of(digests, moment))
    if found is None:
        raise Unauthenticated("This API key is not valid.")
    actor, last_used = found
    if last_used is None or moment - last_used > _LAST_USE_EVERY:
        await services.db.write(lambda tx: tx.api_keys.change(actor.key_id, last_used_at=moment))
    return actor
