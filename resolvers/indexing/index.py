"""The vector index: synchronization with the SQL database, and rebuilds from it.

A rebuild drops a project's collection and enqueues an index job for every memory. Searches score
memories with pending index jobs exactly, so their results stay complete throughout.
"""

from collections.abc import Callable, Sequence

from core.enums import JobKind
from resolvers.context import Services
from resolvers.memories.embedding import embed_drawn, embed_texts
from resolvers.tenancy.bootstrap import accept_embedder
from storage.operations.jobs import JobRow
from storage.search.documents import Utterance
from storage.transaction import Transaction

_PAGE = 1_000
_EMBED_AT_ONCE = 256


async def index_memories(services: Services, project_id: str, memory_ids: Sequence[str]) -> None:
    """Synchronize the index entries of these memories with the SQL database. Idempotent."""
    rows = await services.db.read(lambda tx: tx.vectors.to_index(memory_ids))
    existing = {row[0] for row in rows}
    gone = [id for id in memory_ids if id not in existing]
    if rows:
        await services.index.upsert(project_id, rows)
    if gone:
        await services.index.delete(project_id, gone)


async def run_index_jobs(services: Services, jobs: Sequence[JobRow]) -> None:
    """Run a batch of index jobs, of one or several projects."""
    by_project: dict[str, list[str]] = {}
    for job in jobs:
        by_project.setdefault(job.project_id, []).append(job.subject)
    for project_id, memory_ids in by_project.items():
        await index_memories(services, project_id, memory_ids)


async def rebuild_indexes(services: Services) -> int:
    """Rebuild the index of every project; return the total number of memories."""
    total = 0
    for project_id in await services.db.read(lambda tx: tx.projects.all_ids()):
        total += await rebuild_index(services, project_id)
    return total


async def rebuild_index(services: Services, project_id: str) -> int:
    """Drop the index of a project and enqueue index jobs; return the number of memories."""
    # Enqueued before the drop, so that no search misses a memory, and again after it, because a
    # worker may already have written the first jobs to the old index.
    await _enqueue_all(services, project_id)
    await services.index.drop(project_id)
    return await _enqueue_all(services, project_id)


async def _enqueue_all(services: Services, project_id: str) -> int:
    after, total = "", 0

    def work(tx: Transaction) -> list[str]:
        ids = tx.vectors.page(project_id, after, _PAGE)
        tx.jobs.put(JobKind.INDEX, ids, project_id, services.clock())
        return ids

    while ids := await services.db.write(work):
        after, total = ids[-1], total + len(ids)
    return total


async def embed_again(services: Services) -> None:
    """Replace every stored vector with one of this process's embedder."""
    for project_id in await services.db.read(lambda tx: tx.projects.all_ids()):
        after = ""
        while ids := await services.db.read(_page_after(project_id, after)):
            after = ids[-1]
            await _embed_page(services, project_id, ids)
    await services.db.write(lambda tx: accept_embedder(tx, services.embedder))


def _page_after(project_id: str, after: str) -> Callable[[Transaction], list[str]]:
    return lambda tx: tx.vectors.page(project_id, after, _EMBED_AT_ONCE)


async def _embed_page(services: Services, project_id: str, ids: Sequence[str]) -> None:
    before = await services.db.read(lambda tx: tx.documents.utterances(ids))
    messages = await services.db.read(lambda tx: tx.origins.texts(ids))
    plain = {id: said for id, said in before.items() if id not in messages}
    drawn = {
        id: (said[0], Utterance(messages[id], said[0].speaker), said[1])
        for id, said in before.items()
        if id in messages
    }
    embedded = dict(zip(plain, await embed_texts(services, list(plain.values())), strict=True))
    embedded |= dict(zip(drawn, await embed_drawn(services, list(drawn.values())), strict=True))

    def work(tx: Transaction) -> None:
        # A text that changed meanwhile already has a current vector. The lock keeps texts from
        # changing between this read and the replacement.
        tx.memories.lock(ids)
        after, searched = tx.documents.utterances(ids), tx.origins.texts(ids)
        same = [
            id
            for id, (current, _) in after.items()
            if id in before and current == before[id][0] and (id in messages) == (id in searched)
        ]
        rows = [(id, embedded[id].vector) for id in same]
        tx.vectors.replace(project_id, services.embedder.model, rows)
        alone = {id: text.vector for id in same if (text := embedded[id].alone)}
        tx.origins.replace_vectors(alone)

    await services.db.write(work)
