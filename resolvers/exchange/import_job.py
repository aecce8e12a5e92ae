"""The job behind an import: it stores the received records in batches, one transaction each.

Each transaction stores its records, deletes them from the pending ones and updates the progress. So
after a worker is killed the next one continues where it stopped, and nothing is stored twice.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from core.enums import MemoryState, OperationStatus
from providers.base import ProviderError
from resolvers.context import Services
from resolvers.erasure.receipts import open_erasures
from resolvers.exchange.import_rows import (
    ImportRows,
    Record,
    addition_change,
    entity_from_record,
    feedback_columns,
    original_id,
    utterance_in,
)
from resolvers.exchange.staging import is_erased
from resolvers.memories.embedding import embed_texts
from resolvers.operations.attempts import run_attempt, start_attempt
from storage.exchange.import_records import count_records
from storage.exchange.importing import Imported, event_key
from storage.log.history import Author, Change
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import uniqueness_key
from storage.operations.store import OperationRow, counts_of, outcomes_of
from storage.search.documents import Utterance
from storage.search.origins import EmbeddedText
from storage.transaction import Transaction

log = structlog.get_logger(__name__)

BATCH = 100
# How long the received records of a failed import are kept, so that it can be retried.
RECORD_RETENTION = timedelta(days=1)
_PIECE = 25
_MOST_BYTES = 4_000_000

Staged = Sequence[tuple[int, Record]]


async def import_records(
    services: Services,
    operation_id: str,
    attempts: int,
    heartbeat: Callable[[], Awaitable[Any]],
) -> None:
    """Store the records of an operation.

    `heartbeat` is called after each batch, to renew the lease of the job. Safe to run twice. Raises
    as `run_attempt` does.
    """
    run: _ImportRun | None = None

    async def work(operation: OperationRow) -> None:
        nonlocal run
        run = _ImportRun(services, operation_id, operation.project_id)
        while not await run.store(await services.db.read(lambda tx: _next(tx, operation_id))):
            await heartbeat()

    await run_attempt(
        services,
        operation_id,
        attempts,
        start=lambda tx: start_attempt(tx, services, operation_id),
        work=work,
        describe=lambda error: _reason_of(error, run.at if run else None),
    )


def _reason_of(error: Exception, at: int | None) -> str:
    """Return why an attempt failed, with the position of the record that could not be stored."""
    reason = str(error) if isinstance(error, ProviderError) else type(error).__name__
    return reason if at is None else f"Record {at} of the file could not be stored: {reason}"


def _next(tx: Transaction, operation_id: str) -> Staged:
    """Return the next batch of records, limited in number and size."""
    batch: list[tuple[int, Record]] = []
    size = 0
    while len(batch) < BATCH and size < _MOST_BYTES:
        piece = tx.import_records.first(operation_id, _PIECE, len(batch))
        batch += piece
        size += sum(len(orjson.dumps(record)) for _, record in piece)
        if len(piece) < _PIECE:
            break
    return batch


@dataclass(slots=True)
class _ImportRun:
    """An attempt at an import; `at` is the position of the record that is being stored alone."""

    services: Services
    operation_id: str
    project_id: str
    at: int | None = None

    async def store(self, batch: Staged) -> bool:
        """Store a batch; return whether it was the last one."""
        try:
            return await self.services.db.write(await self._prepare(batch))
        except Exception as error:
            # A bad record must not block the other records of its batch, and it must be identified.
            if not batch or (isinstance(error, ProviderError) and error.retryable):
                raise
            kind = type(error).__name__
            log.warning("import_batch_failed", operation=self.operation_id, error=kind)
        is_over = False
        for record in batch:
            self.at = record[0]
            is_over = await self.services.db.write(await self._prepare([record]))
        self.at = None
        return is_over

    async def _prepare(self, batch: Staged) -> Callable[[Transaction], bool]:
        """Embed the texts of a batch; return the transaction that stores it."""
        utterances = await self.services.db.read(lambda tx: self._utterances(tx, batch))
        items = [(text, before) for _, text, before in utterances]
        texts = await embed_texts(self.services, items) if items else []
        embedded = {at: text for (at, _, _), text in zip(utterances, texts, strict=True)}
        return _storing_transaction(
            self.services, self.operation_id, self.project_id, batch, embedded
        )

    def _utterances(
        self, tx: Transaction, batch: Staged
    ) -> list[tuple[int, Utterance, Utterance | None]]:
        """Return the utterances of the memories that do not exist yet, each with the previous one.

        They are triples (position of the record, utterance, previous utterance or None).
        """
        live = [(at, record) for at, record in batch if record["type"] == "memory"]
        rows = ImportRows(tx, self.project_id, [record for _, record in live], "")
        known = {original_id(record): utterance_in(record["memory"]) for _, record in live}
        fresh = [item for item in live if rows.ids[original_id(item[1])] not in rows.retained_ids]
        formers = {record["memory"]["previousId"] for _, record in fresh} - known.keys()
        names = {rows.memory_id(id) or "": id for id in formers if id}
        for row in tx.memories.get_unscoped(names).values():
            if row.project_id == self.project_id:
                known[names[row.id]] = Utterance(row.text, row.speaker)
        return [
            (at, known[original_id(record)], known.get(record["memory"]["previousId"]))
            for at, record in fresh
        ]


def _storing_transaction(
    services: Services,
    operation_id: str,
    project_id: str,
    batch: Staged,
    embedded: Mapping[int, EmbeddedText],
) -> Callable[[Transaction], bool]:
    """Return the transaction that stores a batch; it returns whether that was the last one."""

    def work(tx: Transaction) -> bool:
        # The lock orders this against an erasure: either it finds these memories, or this finds it.
        tx.memories.lock_order(project_id)
        operation = tx.operations.lock_unfinished(operation_id)
        if operation is None or tx.projects.settings(operation.project_id) is None:
            return True
        if _remove_erased(tx, operation, batch):
            return False
        # Another worker may have stored the same records, and an erasure may have removed one.
        if not tx.import_records.delete_stored(operation.id, [at for at, _ in batch]):
            return False
        moment = services.clock()
        counts = counts_of(operation.outcomes)
        counts.update(_store(tx, operation, batch, embedded, services.embedder.model, moment))
        counts["records"] += count_records(at for at, _ in batch)
        outcomes = outcomes_of(counts)
        if tx.import_records.first(operation.id, 1):
            total = max(1, operation.input.get("records", 1))
            progress = min(1.0, counts["records"] / total)
            tx.operations.change(operation.id, progress=progress, outcomes=outcomes)
            return False
        tx.operations.finish(
            operation,
            OperationStatus.SUCCEEDED,
            moment,
            progress=1.0,
            error=None,
            outcomes=outcomes,
            notes=[import_summary(counts)],
        )
        return True

    return work


def _store(
    tx: Transaction,
    operation: OperationRow,
    batch: Staged,
    embedded: Mapping[int, EmbeddedText],
    model: str,
    moment: datetime,
) -> Counter[str]:
    """Store the records of a batch; return the number of records by outcome."""
    project_id, counts = operation.project_id, Counter[str]()
    entities = [record for _, record in batch if record["type"] == "entity"]
    tx.importing.get_or_create_entities(
        project_id, [entity_from_record(project_id, record) for record in entities]
    )
    about = [(at, record) for at, record in batch if record["type"] != "entity"]
    rows = ImportRows(tx, project_id, [record for _, record in about], operation.actor)
    seen, fresh = set(rows.retained_ids), []
    for at, record in about:
        id = rows.ids[original_id(record)]
        if record["type"] == "event":
            fresh.append((at, record))
            continue
        if is_erased(record):
            continue
        if id in seen or (record["type"] == "memory" and at not in embedded):
            counts["there"] += 1
        else:
            fresh.append((at, record))
        seen.add(id)
    rows.prepare([record for _, record in fresh], moment)
    by = Author(operation.actor, operation.id, imported_by=operation.actor)
    items = [_item(rows, record, embedded.get(at), by, moment) for at, record in fresh]
    items, duplicates = _without_duplicates(tx, items, moment)
    items = _without_known_events(tx, project_id, items)
    counts["twins"] += duplicates
    counts["memories"] += sum(item.memory is not None for item in items)
    counts["deleted"] += sum(item.memory is None and not item.is_later for item in items)
    tx.importing.store(project_id, items, model, moment)
    return counts


def _without_known_events(
    tx: Transaction, project_id: str, items: Sequence[Imported]
) -> list[Imported]:
    """Return the items without later events that must not be stored.

    A later event is stored if this batch stores its memory, or an import has stored it before and
    the log neither has the event nor has lost it by pruning: a file may be sent again after an
    import that failed.
    """
    stored = {item.changes[0].memory_id for item in items if item.changes and not item.is_later}
    later = {item.changes[0].memory_id for item in items if item.is_later} - stored
    known = tx.importing.events_of_imported(later)
    pruned = tx.pruning.pruned([project_id]).get(project_id) if known else None
    until = pruned.until if pruned else None

    def is_missing(change: Change) -> bool:
        id = change.memory_id
        is_lost = id in known and event_key(change) not in known[id]
        return is_lost and (until is None or change.created_at >= until)

    return [
        item
        for item in items
        if not item.is_later or item.changes[0].memory_id in stored or is_missing(item.changes[0])
    ]


def _item(
    rows: ImportRows, record: Record, embedded: EmbeddedText | None, by: Author, moment: datetime
) -> Imported:
    changes, versions = rows.changes(record), rows.versions(record)
    if record["type"] != "memory":
        return Imported(None, None, changes, versions, is_later=record["type"] == "event")
    memory = rows.memory(record, record["memory"])
    return Imported(
        memory,
        embedded,
        changes or [addition_change(memory, by, moment)],
        versions,
        record["concepts"],
        rows.sources(record),
        feedback_columns(record),
    )


def _remove_erased(tx: Transaction, operation: OperationRow, batch: Staged) -> int:
    """Remove the records of a batch that name a subject of an erasure; return their number."""
    removed = 0
    for receipt, subject in open_erasures(tx, operation):
        naming = [at for at, record in batch if subject.is_named_by(record)]
        count = tx.import_records.remove(operation.id, naming)
        if count:
            tx.receipts.count(receipt.id, {"importRecords": count})
            removed += count
    if removed:
        tx.operations.count_removed(operation.id, removed)
    return removed


def _without_duplicates(
    tx: Transaction, items: Sequence[Imported], moment: datetime
) -> tuple[list[Imported], int]:
    """Return the items that do not duplicate an active memory, and the number of duplicates."""
    today = moment.date()

    def is_active(memory: MemoryRow | None) -> bool:
        return (
            memory is not None
            and memory.state is MemoryState.ACTIVE
            and not memory.is_expired(today)
        )

    active = [item.memory for item in items if item.memory and is_active(item.memory)]
    keys = set(tx.memories.find_by_uniqueness_key(active, today)) if active else set()
    unique = []
    for item in items:
        if item.memory is not None and is_active(item.memory):
            key = uniqueness_key(item.memory)
            if key in keys:
                continue
            keys.add(key)
        unique.append(item)
    return unique, len(items) - len(unique)


def import_summary(counts: Counter[str]) -> str:
    """Return the result of an import as one sentence, from its counts by outcome."""
    parts = [f"Imported {counts['memories']:,} {_plural('memory', counts['memories'])}"]
    if counts["deleted"]:
        parts[0] += f" and {counts['deleted']:,} deleted {_plural('one', counts['deleted'])}"
    if counts["there"]:
        parts.append(f"{counts['there']:,} {_was(counts['there'])} already present")
    if counts["twins"]:
        parts.append(f"{counts['twins']:,} {_plural('duplicate', counts['twins'])} skipped")
    if counts["removed"]:
        parts.append(
            f"{counts['removed']:,} {_was(counts['removed'])} removed because what "
            f"{'it names' if counts['removed'] == 1 else 'they name'} was erased meanwhile"
        )
    return "; ".join(parts) + "."


def _plural(noun: str, n: int) -> str:
    if n == 1:
        return noun
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def _was(n: int) -> str:
    return "was" if n == 1 else "were"
