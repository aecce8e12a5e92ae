"""Storing the facts of a conversation as memories, in one transaction: read, plan, apply.

See `resolvers.ingestion.consolidation_plan` for the decisions and their reasons.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.enums import AddOutcome
from language.claims.claim import Claim
from providers.extraction import VerdictKind
from resolvers.ingestion.consolidation_plan import (
    Decision,
    Extension,
    Insertion,
    Replacement,
    Situation,
    claim_in,
    may_judge,
    plan_consolidation,
)
from resolvers.ingestion.deduplication import Draft
from resolvers.ingestion.echoes import find_echoes
from resolvers.ingestion.insertion import (
    Entry,
    Inserted,
    add_sources,
    extend_expiry,
    insert_again,
    insert_memories,
)
from resolvers.ingestion.reasons import ECHO, Settled, settled
from resolvers.ingestion.requests import AddRequest
from resolvers.memories.creation import Place, memory_row
from storage.log.history import Author
from storage.memories.rows import MemoryRow
from storage.memories.uniqueness import text_hash
from storage.operations.store import OperationRow
from storage.transaction import Transaction

Subject = tuple[tuple[str, str | None], ...]


class StaleComparison(Exception):
    """A memory that a draft was compared with has changed since: compare again."""


@dataclass(frozen=True, slots=True)
class Consolidation:
    """Drafts to store.

    `model` names the embedding model, `asks_model` is whether a chat model judged the drafts, and
    `with_concepts` is whether the concepts of the facts are stored.
    """

    operation: OperationRow
    request: AddRequest
    drafts: Sequence[Draft]
    model: str
    asks_model: bool
    with_concepts: bool

    @property
    def project_id(self) -> str:
        """The project that the memories belong to."""
        return self.operation.project_id


def consolidate(tx: Transaction, consolidation: Consolidation, moment: datetime) -> list[Settled]:
    """Store drafts and the changes that follow; return the outcome of each draft.

    Raises `StaleComparison`, with nothing written, when a memory that a draft repeats has changed.
    """
    project_id, names = consolidation.project_id, consolidation.request.new.entities
    echoes = find_echoes(tx, project_id, names, consolidation.drafts)
    drafts = [draft for at, draft in enumerate(consolidation.drafts) if at not in echoes]
    others = iter(_store(tx, replace(consolidation, drafts=drafts), moment) if drafts else ())
    return [
        _echo(tx, consolidation, draft, echoes[at], moment) if at in echoes else next(others)
        for at, draft in enumerate(consolidation.drafts)
    ]


def _echo(
    tx: Transaction,
    consolidation: Consolidation,
    draft: Draft,
    memory: MemoryRow,
    moment: datetime,
) -> Settled:
    """Return the outcome of a draft that only repeats a memory."""
    new, entry = consolidation.request.new, _entry(draft, {})
    place = Place(consolidation.project_id, {}, draft.names)
    row = memory_row(place, draft.turn, entry.text, new, entry.happened, moment)
    row = replace(row, categories=list(entry.categories))
    return Settled(memory.id, AddOutcome.ALREADY_KNOWN, row, memory, ECHO)


def _store(tx: Transaction, consolidation: Consolidation, moment: datetime) -> list[Settled]:
    """Store drafts that are not echoes; return the outcome of each."""
    author = Author(consolidation.operation.actor, consolidation.operation.id)
    new, drafts = consolidation.request.new, consolidation.drafts
    _lock_claims(tx, consolidation)
    compared = _read_compared(tx, drafts)
    entries = [_entry(draft, compared) for draft in drafts]
    inserted = insert_memories(
        tx, consolidation.project_id, entries, new, consolidation.model, author, moment
    )
    if consolidation.with_concepts and inserted.stored:
        names = {row.id: drafts[at].fact.concepts for at, row in inserted.stored.items()}
        tx.concepts.link(consolidation.project_id, names, moment)
    situation = _read_situation(tx, consolidation, compared, inserted, moment)
    decisions = plan_consolidation(situation)

    def insert(position: int) -> MemoryRow:
        row, entry = inserted.rows[position], entries[position]
        turns = [each.turn for each in entries]
        row = insert_again(tx, row, entry, turns, consolidation.model, author)
        if consolidation.with_concepts:
            names = {row.id: drafts[position].fact.concepts}
            tx.concepts.link(consolidation.project_id, names, moment)
        return row

    before = _rows_of(situation)
    apply_decisions(tx, decisions, before, insert, author, moment)
    links = [
        (row.id, turn) for at, row in inserted.stored.items() for turn in drafts[at].fact.turns
    ]
    stored = {row.id: at for at, row in inserted.stored.items()}
    for at, (draft, decision) in enumerate(zip(drafts, decisions, strict=True)):
        again = [each.memory_id for each in decision.changes if isinstance(each, Insertion)]
        stored |= dict.fromkeys(again, at)
        links += [(id, turn) for id in (*again, decision.memory_id) for turn in draft.fact.turns]
    received_at = consolidation.operation.created_at
    messages = add_sources(
        tx, consolidation.project_id, consolidation.request.turns, new, received_at, links
    )
    tx.origins.add(
        (id, messages[drafts[at].position], alone)
        for id, at in stored.items()
        if (alone := drafts[at].embedded.alone)
    )
    created = {row.id for row in inserted.stored.values()}
    created |= {row.id for row in situation.reserves.values()}
    return [
        settled(draft, decision, row, before, created)
        for draft, decision, row in zip(drafts, decisions, inserted.rows, strict=True)
    ]


def apply_decisions(
    tx: Transaction,
    decisions: Iterable[Decision],
    rows: Mapping[str, MemoryRow],
    insert: Callable[[int], MemoryRow],
    author: Author,
    moment: datetime,
) -> None:
    """Write the changes of decisions in order; `rows` are the affected memories by id.

    `insert` stores the reserved memory of a position and returns it. Raises `RowMoved` when a row
    has changed since it was read.
    """
    current = dict(rows)
    for decision in decisions:
        for change in decision.changes:
            if isinstance(change, Insertion):
                current[change.memory_id] = insert(change.position)
                continue
            row = current[change.memory_id]
            match change:
                case Replacement(id, state, successor_id):
                    changed = tx.memories.mark_replaced(row, state, successor_id, author, moment)
                case Extension(id, until):
                    changed = extend_expiry(tx, row, until, author, moment)
            current[id] = changed


def _lock_claims(tx: Transaction, consolidation: Consolidation) -> None:
    """Serialize the transactions that resolve claims about the same entities."""
    if not consolidation.asks_model:
        names = [draft.names for draft in consolidation.drafts if draft.embedded.keywords.attribute]
        tx.claims.lock(consolidation.project_id, names)


def _read_compared(tx: Transaction, drafts: Sequence[Draft]) -> dict[str, MemoryRow]:
    """Lock the memories that drafts were compared with; return their current rows by id."""
    ids = {row.id for draft in drafts for row in (draft.duplicate_of, draft.judged_memory) if row}
    tx.memories.lock(ids)
    found = tx.memories.get_unscoped(ids)
    for draft in drafts:
        read = draft.duplicate_of
        if read is not None and (read.id not in found or found[read.id].version != read.version):
            raise StaleComparison
    return found


def _entry(draft: Draft, compared: Mapping[str, MemoryRow]) -> Entry:
    judged = draft.judged_memory
    extends = draft.verdict is VerdictKind.EXTENDS and may_judge(draft, compared)
    fact = draft.fact
    return Entry(
        names=draft.names,
        turn=draft.turn,
        text=fact.text,
        embedded=draft.embedded,
        happened=fact.happened,
        categories=fact.categories,
        extends_id=judged.id if judged is not None and extends else None,
    )


def _read_situation(
    tx: Transaction,
    consolidation: Consolidation,
    compared: Mapping[str, MemoryRow],
    inserted: Inserted,
    moment: datetime,
) -> Situation:
    claimants: dict[str, list[MemoryRow]] = {}
    reserves = _reserves(consolidation, inserted)
    if not consolidation.asks_model:
        rows = [*inserted.stored.values(), *reserves.values()]
        claimants = _read_claimants(tx, consolidation.project_id, rows)
    ids = sorted({row.id for rows in claimants.values() for row in rows})
    said_at = tx.sources.last_message_times(ids) if ids else {}
    for at, row in (*inserted.stored.items(), *reserves.items()):
        if (said := consolidation.drafts[at].said_at) is not None:
            said_at[row.id] = said
    return Situation(
        drafts=consolidation.drafts,
        memories=inserted.memories,
        stored=inserted.stored,
        compared=compared,
        claimants=claimants,
        said_at=said_at,
        until=consolidation.request.new.expiration_date,
        today=moment.date(),
        asks_model=consolidation.asks_model,
        reserves=reserves,
        corrected=_read_corrected(tx, consolidation),
    )


def _read_corrected(tx: Transaction, consolidation: Consolidation) -> dict[int, list[MemoryRow]]:
    """Return the memories with the words that drafts correct, by the position of the draft."""
    hashes = {
        at: text_hash(draft.fact.corrects)
        for at, draft in enumerate(consolidation.drafts)
        if draft.fact.corrects
    }
    if not hashes:
        return {}
    names = consolidation.request.new.entities
    rows = tx.repeats.find(consolidation.project_id, set(hashes.values()), names)
    return {at: [row for row in rows if row.hash == hash] for at, hash in hashes.items()}


def _reserves(consolidation: Consolidation, inserted: Inserted) -> dict[int, MemoryRow]:
    """Return the rows of drafts whose words a memory has that this request may replace."""
    stored = inserted.stored
    repeats = [at for at in range(len(inserted.rows)) if at not in stored]
    if consolidation.asks_model:
        drafts = [consolidation.drafts[at] for at in stored]
        superseded = {
            draft.judged_memory.id
            for draft in drafts
            if draft.judged_memory and draft.verdict is VerdictKind.SUPERSEDES
        }
        return {at: inserted.rows[at] for at in repeats if inserted.memories[at].id in superseded}
    claimed = {_claimed(row) for row in stored.values()} - {None} if repeats else set()
    rows = {at: inserted.rows[at] for at in repeats if claimed}
    return {at: row for at, row in rows.items() if _claimed(row) in claimed}


def _claimed(row: MemoryRow) -> tuple[Subject, str] | None:
    """Return the subject and the attribute of the claim of a memory, or None."""
    claim = claim_in(row)
    return None if claim is None else (row.subject, claim.attribute)


def _read_claimants(
    tx: Transaction, project_id: str, stored: Sequence[MemoryRow]
) -> dict[str, list[MemoryRow]]:
    """Return for each stored memory with a claim the memories that claim the same attribute."""
    claims = {row.id: claim for row in stored if (claim := claim_in(row))}
    by_subject: defaultdict[Subject, list[MemoryRow]] = defaultdict(list)
    for row in stored:
        if row.id in claims:
            by_subject[row.subject].append(row)
    return {
        id: rows
        for group in by_subject.values()
        for id, rows in _claimants_of(tx, project_id, group, claims).items()
    }


def _claimants_of(
    tx: Transaction, project_id: str, rows: Sequence[MemoryRow], claims: Mapping[str, Claim]
) -> dict[str, list[MemoryRow]]:
    """Return the claimants of memories about the same entities, read in one statement."""
    attributes = sorted({claims[row.id].attribute for row in rows})
    by_attribute: defaultdict[str, list[MemoryRow]] = defaultdict(list)
    for attribute, memory in tx.claims.find(project_id, attributes, rows[0]):
        by_attribute[attribute].append(memory)
    return {row.id: by_attribute[claims[row.id].attribute] for row in rows}


def _rows_of(situation: Situation) -> dict[str, MemoryRow]:
    """Return the rows, as read, of all memories that a plan may change, by id."""
    claiming = [row for rows in situation.claimants.values() for row in rows]
    corrected = [row for rows in situation.corrected.values() for row in rows]
    rows = {row.id: row for row in [*corrected, *claiming, *situation.memories]}
    return rows | dict(situation.compared)
