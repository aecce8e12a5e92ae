"""Keeping the vector index in step with SQL, and rebuilding it from there.

A rebuild drops a project's collection and promises every memory again. Until they are done, search
scores them exactly, as it does with anything that waits, so answers stay complete throughout.
"""

from collections.abc import Callable, Sequence

from core.enums import JobKind
from resolvers.context import Services
from resolvers.memories.embedding import embed_texts
from resolvers.tenancy.bootstrap import accept_embedder
from storage.operations.jobs import JobRow
from storage.transaction import Transaction

_PAGE = 1_000
_EMBED_AT_ONCE = 256


async def index_memories(services: Services, project_id: str, memory_ids: Sequence[str]) -> None:
    """Bring the index to what SQL has of these memories. Safe to run twice."""
    rows = await services.db.read(lambda tx: tx.vectors.to_index(memory_ids))
    kept = {row[0] for row in rows}
    gone = [id for id in memory_ids if id not in kept]
    if rows:
        await services.index.upsert(project_id, rows)
    if gone:
        await services.index.delete(project_id, gone)


async def run_index_jobs(services: Services, jobs: Sequence[JobRow]) -> None:
    """Do a batch of index jobs, whatever projects they belong to."""
    by_project: dict[str, list[str]] = {}
    for job in jobs:
        by_project.setdefault(job.project_id, []).append(job.subject)
    for project_id, memory_ids in by_project.items():
        await index_memories(services, project_id, memory_ids)


async def rebuild_indexes(services: Services) -> int:
    """Drop the index of every project and promise its memories again; return how many there are."""
    total = 0
    for project_id in await services.db.read(lambda tx: tx.projects.all_ids()):
        total += await rebuild_index(services, project_id)
    return total


async def rebuild_index(services: Services, project_id: str) -> int:
    """Drop the index of a project and promise its memories again; return how many there are."""
    # Promised before the drop, so that no search misses them, and after it, because somebody may
    # have kept the first promise in the old index.
    await _promise(services, project_id)
    await services.index.drop(project_id)
    return await _promise(services, project_id)


async def _promise(services: Services, project_id: str) -> int:
    after, total = "", 0

    def work(tx: Transaction) -> list[str]:
        ids = tx.vectors.page(project_id, after, _PAGE)
        tx.jobs.put(JobKind.INDEX, ids, project_id, services.clock())
        return ids

    while ids := await services.db.write(work):
        after, total = ids[-1], total + len(ids)
    return total


async def embed_again(services: Services) -> None:
    """Replace every stored vector by one of this process's embedder."""
    for project_id in await services.db.read(lambda tx: tx.projects.all_ids()):
        after = ""
        while ids := await services.db.read(_page_after(project_id, after)):
            after = ids[-1]
            await _embed_page(services, project_id, ids)
    await services.db.write(lambda tx: accept_embedder(tx, services.embedder))


def _page_after(project_id: str, after: str) -> Callable[[Transaction], list[str]]:
    return lambda tx: tx.vectors.page(project_id, after, _EMBED_AT_ONCE)


async def _embed_page(services: Services, project_id: str, ids: Sequence[str]) -> None:
    said = await services.db.read(lambda tx: tx.documents.utterances(ids))
    derived = dict(zip(said, await embed_texts(services, list(said.values())), strict=True))

    def work(tx: Transaction) -> None:
        # A text that was changed meanwhile has a vector of its own already, and none may change
        # between this look and the replacement.
        tx.memories.lock(ids)
        there = tx.documents.utterances(ids)
        same = [id for id, (now, _) in there.items() if id in said and now == said[id][0]]
        rows = [(id, derived[id].vector) for id in same]
        tx.vectors.replace(project_id, services.embedder.model, rows)

    await services.db.write(work)
