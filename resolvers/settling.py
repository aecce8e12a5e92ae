"""Storing what was drawn from a conversation, in one transaction.

A twin is not stored again, a near duplicate becomes one with the fuller of both, what contradicts a
memory takes its place. Nothing is ever erased by it: each step is an event of the log, and
`restoreMemory` undoes it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.graph import AddOutcome, EntityType, MemoryState
from language.claims import Claim, claim_of, supersedes
from language.likeness import covers, fuller_of
from language.names import without_speaker
from providers.extraction import VerdictKind
from resolvers.add_requests import AddRequest
from resolvers.additions import prolonged, source_of
from resolvers.consolidation import Draft, is_about
from resolvers.memories import Place, memory_row
from resolvers.shown import holds
from storage.history import Author
from storage.memory_rows import MemoryRow
from storage.operations import OperationRow
from storage.slots import slot_of
from storage.transaction import Transaction

_Claiming = tuple[MemoryRow, Claim]


class Moved(Exception):
    """A memory that a fact was compared with has changed since: compare again."""


@dataclass(frozen=True, slots=True)
class Settling:
    """Drafts that are to be stored. `model` is the embedder's, `asks_model` whether one judged."""

    operation: OperationRow
    request: AddRequest
    drafts: Sequence[Draft]
    model: str
    asks_model: bool
    with_concepts: bool

    def write(self, tx: Transaction, moment: datetime) -> list[dict[str, str]]:
        """Store the drafts; return their outcomes, as operations keep them.

        Raises `Moved` when nothing was written because the comparison is out of date.
        """
        return _Writing(self, tx, moment).run()


class _Writing:
    """One run of a transaction. `live` has the memories concerned, as they are by then.

    `said` has the moments at which those that are stored here were said, `waiting` those of them
    that have not been consolidated yet: of two the latter looks at the former.
    """

    def __init__(self, asked: Settling, tx: Transaction, moment: datetime) -> None:
        self._asked = asked
        self._tx = tx
        self._moment = moment
        self._project_id = asked.operation.project_id
        self._author = Author(asked.operation.actor, asked.operation.id)
        self._live: dict[str, MemoryRow] = {}
        self._links: dict[tuple[str, int], None] = {}
        self._said: dict[str, datetime] = {}
        self._waiting: set[str] = set()

    def run(self) -> list[dict[str, str]]:
        """Do all of it."""
        drafts = self._asked.drafts
        self._hold_claims()
        self._read_compared()
        rows = self._rows()
        held = self._tx.memories.holders(rows, self._moment.date())
        stored: dict[int, MemoryRow] = {}
        known: dict[int, str] = {}
        for position, row in enumerate(rows):
            slot = slot_of(row)
            if slot in held:
                known[position] = slot
            else:
                held[slot] = stored[position] = row
        self._store(stored)
        outcomes = []
        for position, draft in enumerate(drafts):
            if position in known:
                memory, outcome = held[known[position]], AddOutcome.ALREADY_KNOWN
                memory = self._live.get(memory.id, memory)
                memory = self._prolong(memory, rows[position])
            else:
                echoed = stored.get(draft.echoed) if draft.echoed is not None else None
                memory, outcome = self._consolidate(draft, stored[position].id, echoed)
            self._link(draft, memory.id)
            outcomes.append({"memoryId": memory.id, "outcome": outcome.value})
        self._write_links()
        return outcomes

    def _hold_claims(self) -> None:
        """Let those who settle claims about the same do so one after the other."""
        if not self._asked.asks_model:
            drafts = self._asked.drafts
            about = [draft.names for draft in drafts if draft.derived.keywords.attribute]
            self._tx.claims.hold(self._project_id, about)

    def _read_compared(self) -> None:
        drafts = self._asked.drafts
        compared = [row for draft in drafts for row in (draft.like, draft.shown) if row]
        ids = {row.id for row in compared}
        self._tx.memories.hold(ids)
        self._live = self._tx.memories.there(ids)
        for draft in drafts:
            if draft.like is not None and not self._is_as_read(draft.like):
                raise Moved

    def _is_as_read(self, memory: MemoryRow) -> bool:
        found = self._live.get(memory.id)
        return found is not None and found.version == memory.version

    def _rows(self) -> list[MemoryRow]:
        """Return the memories that the drafts would make."""
        request, rows = self._asked.request, []
        places: dict[tuple[tuple[EntityType, str], ...], Place] = {}
        for draft in self._asked.drafts:
            at = tuple(draft.names.items())
            if at not in places:
                keys = self._tx.entities.obtain(self._project_id, draft.names, self._moment)
                places[at] = Place(self._project_id, keys, draft.names)
            fact = draft.fact
            row = memory_row(
                places[at], draft.turn, fact.text, request.new, fact.happened, self._moment
            )
            extended = draft.shown if draft.verdict is VerdictKind.EXTENDS else None
            if extended is not None and self._may_judge(draft):
                row = replace(row, extends_id=extended.id)
            rows.append(replace(row, categories=list(fact.categories)))
        return rows

    def _store(self, stored: dict[int, MemoryRow]) -> None:
        if not stored:
            return
        drafts = self._asked.drafts
        # Each follows the one before, the first what was said last in the run.
        last = self._tx.documents.last_said(self._project_id, drafts[min(stored)].names)
        previous_id = last and last[0]
        for position, row in stored.items():
            stored[position] = replace(row, previous_id=previous_id)
            previous_id = row.id
        rows = list(stored.values())
        derived = [drafts[position].derived for position in stored]
        self._tx.memories.add(rows, self._asked.model, derived, self._author)
        self._live |= {row.id: row for row in rows}
        self._said = {row.id: self._said_at(drafts[at]) for at, row in stored.items()}
        self._waiting = set(self._said)
        if self._asked.with_concepts:
            names = {row.id: drafts[at].fact.concepts for at, row in stored.items()}
            self._tx.concepts.link(self._project_id, names, self._moment)
        for position, row in stored.items():
            self._link(drafts[position], row.id)

    def _prolong(self, memory: MemoryRow, other: MemoryRow) -> MemoryRow:
        """Let a memory last as long as another that it stands for."""
        memory = prolonged(self._tx, memory, other.expiration_date, self._author, self._moment)
        self._live[memory.id] = memory
        return memory

    def _consolidate(
        self, draft: Draft, id: str, echoed: MemoryRow | None
    ) -> tuple[MemoryRow, AddOutcome]:
        """Return the memory that stands for a stored draft in the end, and what became of it."""
        row = self._live[id]
        self._waiting.discard(id)
        if not holds(row, self._moment.date()):
            return row, AddOutcome.ADDED
        same = self._same_as(draft, echoed)
        if same is not None and not row.immutable:
            merged = self._merge(row, same)
            if merged is not None:
                return merged, AddOutcome.MERGED
        outcome = AddOutcome.ADDED
        earlier, later = self._contradictions(draft, row)
        for old in earlier:
            self._replace(old, MemoryState.SUPERSEDED, row)
            outcome = AddOutcome.SUPERSEDES
        if later and not row.immutable:
            row = self._replace(row, MemoryState.SUPERSEDED, later[-1])
        return row, outcome

    def _same_as(self, draft: Draft, echoed: MemoryRow | None) -> MemoryRow | None:
        """Return the memory that a draft is to be one with, as it is by then."""
        if draft.like is not None:
            return self._live[draft.like.id]
        if draft.verdict is VerdictKind.DUPLICATE_OF and draft.shown and self._may_judge(draft):
            shown = self._live[draft.shown.id]
            return shown if is_about(shown, draft.names) else None
        return None if echoed is None else self._live[echoed.id]

    def _may_judge(self, draft: Draft) -> bool:
        """Tell whether what a model said of a memory may be heeded."""
        if draft.shown is None or not self._is_as_read(draft.shown):
            return False
        return not self._live[draft.shown.id].immutable

    def _merge(self, row: MemoryRow, other: MemoryRow) -> MemoryRow | None:
        """Let the fuller of two stand for both, unless it would lose something; return it."""
        if other.state is not MemoryState.ACTIVE:
            return None
        fuller, lesser = (row, other) if fuller_of(other.text, row.text) else (other, row)
        if not covers(fuller.text, lesser.text):
            return None
        self._replace(lesser, MemoryState.MERGED, fuller)
        return self._prolong(fuller, lesser)

    def _contradictions(
        self, draft: Draft, row: MemoryRow
    ) -> tuple[list[MemoryRow], list[MemoryRow]]:
        """Return the memories that a stored draft contradicts, and those that contradict it.

        Both in the order in which they were said: the former before the draft, the latter after it.
        """
        if not self._asked.asks_model:
            claim, earlier, later = self._claims(row)
            return (
                [memory for memory, other in earlier if claim and supersedes(claim, other)],
                [memory for memory, other in later if claim and supersedes(other, claim)],
            )
        old = draft.shown
        if old is None or draft.verdict is not VerdictKind.SUPERSEDES or not self._may_judge(draft):
            return [], []
        old = self._live[old.id]
        is_so = _lasting(old) == _lasting(row) and holds(old, self._moment.date())
        return ([old] if is_so else []), []

    def _claims(self, row: MemoryRow) -> tuple[Claim | None, list[_Claiming], list[_Claiming]]:
        """Return what a memory claims of its speaker, and the others that claim such a thing.

        These come in the order in which they were said, parted into earlier and later ones.
        """
        claim = _claim_of(row)
        if claim is None:
            return None, [], []
        about = self._tx.claims.about(self._project_id, [claim.attribute], row)
        others = [
            (memory, other)
            for memory in (memory for _, memory in about)
            if memory.id != row.id
            and memory.id not in self._waiting
            and memory.speaker == row.speaker
            and not memory.immutable
            and holds(memory, self._moment.date())
            and (other := _claim_of(memory))
        ]
        said = self._tx.sources.last_said([memory.id for memory, _ in others]) | self._said

        def order(memory: MemoryRow) -> tuple[datetime, datetime, str]:
            # When it was said is not when it happened, nor when there was time to store it.
            moment = said.get(memory.id) or memory.timestamp or memory.created_at
            return moment, memory.created_at, memory.id

        others.sort(key=lambda pair: order(pair[0]))
        earlier = sum(order(memory) < order(row) for memory, _ in others)
        return claim, others[:earlier], others[earlier:]

    def _replace(self, old: MemoryRow, state: MemoryState, by: MemoryRow) -> MemoryRow:
        changed = self._tx.memories.replaced(old, state, by.id, self._author, self._moment)
        self._live[old.id] = changed
        return changed

    def _said_at(self, draft: Draft) -> datetime:
        given = draft.turn.timestamp or self._asked.request.new.timestamp
        return given or self._asked.operation.created_at

    def _link(self, draft: Draft, memory_id: str) -> None:
        self._links |= {(memory_id, turn): None for turn in draft.fact.turns}

    def _write_links(self) -> None:
        by_turn: defaultdict[int, list[str]] = defaultdict(list)
        for memory_id, turn in self._links:
            by_turn[turn].append(memory_id)
        messages, links = [], []
        for turn, memory_ids in sorted(by_turn.items()):
            said = self._asked.request.turns[turn]
            heard = self._asked.operation.created_at
            message = source_of(self._project_id, said, self._asked.request.new, heard)
            messages.append(message)
            links += [(memory_id, message.id) for memory_id in memory_ids]
        self._tx.sources.add(messages, links)


def _claim_of(memory: MemoryRow) -> Claim | None:
    return claim_of(without_speaker(memory.text, memory.speaker))


def _lasting(memory: MemoryRow) -> tuple[str | None, ...]:
    """Return whom a memory is about beyond the run in which it was said."""
    return (memory.user_key, memory.agent_key, memory.app_key)
