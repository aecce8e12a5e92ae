"""The memories that a model is shown with a conversation: those most similar to its turns."""

from collections.abc import Mapping
from datetime import date

import numpy as np

from core.entity_names import ENTITY_FIELDS
from core.enums import EntityType, MemoryState
from resolvers.context import Services
from resolvers.ingestion.requests import AddRequest
from resolvers.runtime.search_cache import ScopeKey
from storage.memories.rows import MemoryRow
from storage.operations.store import OperationRow
from storage.transaction import Transaction

# Only the last turns are compared: they state the outcome of a conversation.
_MOST_TURNS = 16


async def shown_memories(
    services: Services, operation: OperationRow, request: AddRequest, limit: int
) -> list[MemoryRow]:
    """Return up to `limit` current memories that are nearest to any turn, nearest first."""
    texts = [turn.content for turn in request.turns if not turn.is_context][-_MOST_TURNS:]
    if not texts:
        return []
    queries = np.stack([np.frombuffer(v, "<f4") for v in await services.embedder.embed(texts)])
    today = services.clock().date()

    def work(tx: Transaction) -> list[MemoryRow]:
        near: dict[str, float] = {}
        for key in scopes_of(tx, operation.project_id, request.new.entities):
            with services.search_cache.vectors(tx, key) as vectors:
                for vector in queries:
                    for id, cosine in vectors.cosines(vector, 2 * limit):
                        near[id] = max(cosine, near.get(id, -1.0))
        best = sorted(near, key=lambda id: (-near[id], id))[: 4 * limit]
        rows = tx.memories.get_unscoped(best)
        existing = (rows[id] for id in best if id in rows)
        return [row for row in existing if is_current(row, today)][:limit]

    return await services.db.read(work)


def scopes_of(tx: Transaction, project_id: str, names: Mapping[EntityType, str]) -> list[ScopeKey]:
    """Return the scopes that memories about entities belong to.

    These are the scopes of the user and the agent, or else of the first other entity.
    """
    keys = tx.entities.ids_by_name(project_id, names)
    people = [type for type in (EntityType.USER, EntityType.AGENT) if type in keys]
    others = [type for type in ENTITY_FIELDS if type in keys]
    return [ScopeKey(project_id, (type, keys[type])) for type in people or others[:1]]


def is_current(memory: MemoryRow, today: date) -> bool:
    """Return whether a memory is active and has not expired."""
    return memory.state is MemoryState.ACTIVE and not memory.is_expired(today)
