"""The vector index: one Chroma collection per project.

The index can be deleted and rebuilt from SQL, and results never depend on it being up to date. The
trap: Chroma's embedded upsert keeps the interpreter lock for the whole call. So writes are small
and come from one thread, which lets the event loop run between them.
"""

import asyncio
import contextlib
import resource
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import chromadb
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from chromadb.errors import NotFoundError

T = TypeVar("T")

# Some batches of 16 block the process for more than 50 milliseconds, hardly any of 8 for 25.
WRITE_BATCH = 8
_OPEN_FILES = 4096
# Raising these later has no effect on a collection that is open in this process.
_CONFIGURATION: Any = {
    "hnsw": {"space": "cosine", "max_neighbors": 32, "ef_construction": 200, "ef_search": 500}
}


class IndexUnavailable(Exception):
    """Chroma cannot be reached or opened; the one-line message says where and why."""


class VectorIndex:
    """The index of one deployment, embedded in a folder or on a Chroma server."""

    def __init__(self, *, path: Path | None = None, url: str | None = None) -> None:
        """Open the index at a path or at a server's URL. Raises `IndexUnavailable`."""
        settings = Settings(anonymized_telemetry=False)
        try:
            if url is not None:
                self._client = _remote(url, settings)
            else:
                self._client = _embedded(str(path), settings)
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            setting = "MNEMOGRAPH_CHROMA_URL" if url else "MNEMOGRAPH_DATA_DIR"
            raise IndexUnavailable(
                f"The vector index {url or path} cannot be opened ({setting}): {reason}"
            ) from error
        self._path = path
        self._collections: dict[str, Collection] = {}
        self._writer = ThreadPoolExecutor(1, "chroma-write")
        self._readers = ThreadPoolExecutor(2, "chroma-read")

    async def upsert(
        self, project_id: str, rows: Sequence[tuple[str, bytes, dict[str, str]]]
    ) -> None:
        """Insert or replace (memory id, vector, entity ids by column) of a project."""
        for start in range(0, len(rows), WRITE_BATCH):
            await self._run(
                self._writer, self._upsert, project_id, rows[start : start + WRITE_BATCH]
            )

    async def delete(self, project_id: str, memory_ids: Sequence[str]) -> None:
        """Delete the vectors of memories; missing ones are ignored."""
        for start in range(0, len(memory_ids), WRITE_BATCH):
            await self._run(
                self._writer,
                self._delete,
                project_id,
                list(memory_ids[start : start + WRITE_BATCH]),
            )

    async def query(
        self, project_id: str, vector: bytes, limit: int, where: dict[str, str] | None = None
    ) -> list[tuple[str, float]]:
        """Return up to `limit` nearest neighbours as (memory id, cosine similarity), best first.

        `where` has one entity column and the id that the memory must have in it. The results are
        candidates: some may have been deleted, so the caller must read them from SQL.
        """
        return await self._run(self._readers, self._query, project_id, vector, limit, where)

    async def drop(self, project_id: str) -> None:
        """Delete the whole index of a project."""
        await self._run(self._writer, self._drop, project_id)

    async def count(self, project_id: str) -> int:
        """Return the number of vectors in the index of a project."""
        collection = await self._run(self._readers, self._existing, project_id)
        return await self._run(self._readers, collection.count) if collection else 0

    async def check(self) -> None:
        """Send a heartbeat; if Chroma does not answer, its error is raised."""
        await self._run(self._readers, self._client.heartbeat)

    def close(self) -> None:
        """Wait for running calls, then close the index."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._client.close()  # type: ignore[attr-defined]

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call, *args)

    def _existing(self, project_id: str) -> Collection | None:
        known = self._collections.get(project_id)
        if known is None:
            try:
                known = self._client.get_collection(project_id, embedding_function=None)
            except NotFoundError:
                return None
            self._collections[project_id] = known
        return known

    def _get_or_create(self, project_id: str) -> Collection:
        known = self._existing(project_id)
        if known is None:
            known = self._client.get_or_create_collection(
                project_id, configuration=_CONFIGURATION, embedding_function=None
            )
            self._collections[project_id] = known
        return known

    def _call_existing(self, project_id: str, call: Callable[[Collection], T], empty: T) -> T:
        """Return the result of a call with the collection, `empty` if there is none.

        A collection that another process has dropped is removed from the cache.
        """
        collection = self._existing(project_id)
        if collection is None:
            return empty
        try:
            return call(collection)
        except NotFoundError:
            self._collections.pop(project_id, None)
            return empty

    def _upsert(self, project_id: str, rows: Sequence[tuple[str, bytes, dict[str, str]]]) -> None:
        matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype="<f4")
        ids = [row[0] for row in rows]
        # A memory always has an entity, and its entities never change, so merging is harmless.
        metadatas: Any = [row[2] for row in rows]
        embeddings = matrix.reshape(len(rows), -1)
        try:
            collection = self._get_or_create(project_id)
            collection.upsert(ids=ids, embeddings=embeddings, metadatas=metadatas)
        except NotFoundError:
            self._collections.pop(project_id, None)
            collection = self._get_or_create(project_id)
            collection.upsert(ids=ids, embeddings=embeddings, metadatas=metadatas)

    def _delete(self, project_id: str, memory_ids: list[str]) -> None:
        self._call_existing(project_id, lambda collection: collection.delete(ids=memory_ids), None)

    def _query(
        self, project_id: str, vector: bytes, limit: int, where: Any
    ) -> list[tuple[str, float]]:
        query = np.frombuffer(vector, dtype="<f4").reshape(1, -1)
        answer = self._call_existing(
            project_id,
            lambda collection: collection.query(
                query_embeddings=query, n_results=limit, where=where, include=["distances"]
            ),
            None,
        )
        if answer is None or answer["distances"] is None:
            return []
        pairs = zip(answer["ids"][0], answer["distances"][0], strict=True)
        return [(id, 1.0 - distance) for id, distance in pairs]

    def _drop(self, project_id: str) -> None:
        self._collections.pop(project_id, None)
        with contextlib.suppress(NotFoundError):
            self._client.delete_collection(project_id)
        if self._path is not None:
            _sweep(self._path)


def _embedded(path: str, settings: Settings) -> ClientAPI:
    # Chroma sizes its cache of open indexes by the limit on open files, which can be millions.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    capped = _OPEN_FILES if soft == resource.RLIM_INFINITY else min(soft, _OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (capped, hard))
    try:
        return chromadb.PersistentClient(path, settings=settings)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _sweep(path: Path) -> None:
    """Delete the folders of vectors that Chroma leaves behind when it deletes a collection.

    Chroma records a segment in its database before it creates the folder, so a folder without a
    record is not in use.
    """
    uri = f"file:{quote(str(path / 'chroma.sqlite3'))}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
        in_use = {row[0] for row in connection.execute("SELECT id FROM segments")}
    for folder in path.iterdir():
        if folder.is_dir() and folder.name not in in_use:
            shutil.rmtree(folder, ignore_errors=True)


def _remote(url: str, settings: Settings) -> ClientAPI:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    return chromadb.HttpClient(parts.hostname or "", port, ssl=secure, settings=settings)
