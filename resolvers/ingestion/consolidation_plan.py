"""Planning how inferred memories are merged with the existing ones, without a database.

A near duplicate is merged with the memory it repeats, and the more detailed of the two stays. A
memory that contradicts an earlier one supersedes it. Nothing is erased: each change is an event of
the log, and `restoreMemory` reverts it.

The plan is made draft by draft, and each draft sees the decisions for the ones before it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from core.enums import AddOutcome, MemoryState
from language.claims.claim import Claim, claim_of, supersedes
from language.likeness import covers, index_of_fuller
from language.names import without_speaker
from providers.extraction import VerdictKind
from resolvers.ingestion.deduplication import Draft, is_about, may_mean_same_days
from resolvers.ingestion.insertion import is_outlasted
from resolvers.ingestion.known_memories import is_current
from storage.memories.rows import MemoryRow


@dataclass(frozen=True, slots=True)
class Situation:
    """The data that was read before planning, all of it in one transaction.

    `memories` has for each draft the memory with its words, `stored` those that were created for a
    draft, by its position. `compared` has the memories that drafts were compared with, by id.
    `claimants` has, by the id of a stored memory, those that claim the same attribute of its
    entities. `said_at` is when memories were last said, where that is known. `until` is the
    expiration date of the request. `asks_model` is whether a model judged the drafts. `reserves`
    has rows that can still be stored for drafts whose words another memory has, by position: they
    are if an earlier draft of the request replaces that memory. `corrected` has the memories with
    the words that a draft corrects, by position, oldest first.
    """

    drafts: Sequence[Draft]
    memories: Sequence[MemoryRow]
    stored: Mapping[int, MemoryRow]
    compared: Mapping[str, MemoryRow]
    claimants: Mapping[str, Sequence[MemoryRow]]
    said_at: Mapping[str, datetime]
    until: date | None
    today: date
    asks_model: bool
    reserves: Mapping[int, MemoryRow] = field(default_factory=dict)
    corrected: Mapping[int, Sequence[MemoryRow]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Insertion:
    """The reserved memory of the draft at a position is stored."""

    memory_id: str
    position: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """An active memory becomes MERGED or SUPERSEDED, with another one as its successor."""

    memory_id: str
    state: MemoryState
    successor_id: str


@dataclass(frozen=True, slots=True)
class Extension:
    """A memory expires later, or never."""

    memory_id: str
    until: date | None


Change = Insertion | Replacement | Extension


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on one draft: the memory that represents it, and the changes, in order."""

    memory_id: str
    outcome: AddOutcome
    changes: tuple[Change, ...] = ()


def plan_consolidation(situation: Situation) -> list[Decision]:
    """Return one decision per draft, in order. The changes must be made in the same order."""
    plan = _Plan(situation)
    return [plan.decide(position) for position in range(len(situation.drafts))]


def claim_in(memory: MemoryRow) -> Claim | None:
    """Return the claim of a memory about its speaker, or None.

    A claim is about an attribute that has only one true value at a time.
    """
    return claim_of(without_speaker(memory.text, memory.speaker))


def may_judge(draft: Draft, memories: Mapping[str, MemoryRow]) -> bool:
    """Return whether the model's verdict counts: its memory is unchanged and may be changed."""
    judged = draft.judged_memory
    if judged is None:
        return False
    current = memories.get(judged.id)
    return current is not None and current.version == judged.version and not current.immutable


class _Claimants:
    """The memories that claim the same attribute as a stored one, as far as they still hold.

    A conversation may claim an attribute a thousand times, of which only the last claim holds. So
    those that have been replaced are not looked at again, and stored ones not before `add`.
    """

    def __init__(
        self, by_memory: Mapping[str, Sequence[MemoryRow]], undecided: Collection[str]
    ) -> None:
        lists = {id(rows): rows for rows in by_memory.values()}
        self._list_of = {memory_id: id(rows) for memory_id, rows in by_memory.items()}
        self._rows = {row.id: row for rows in lists.values() for row in rows}
        self._lists_with: defaultdict[str, list[int]] = defaultdict(list)
        for at, rows in lists.items():
            for row in rows:
                self._lists_with[row.id].append(at)
        self._holding = {
            at: {row.id for row in rows if row.id not in undecided} for at, rows in lists.items()
        }

    def add(self, memory_id: str) -> None:
        """Add a stored memory on which the plan has begun to decide."""
        for at in self._lists_with.get(memory_id, ()):
            self._holding[at].add(memory_id)

    def of(self, memory_id: str, current: Callable[[MemoryRow], MemoryRow]) -> list[MemoryRow]:
        """Return the active claimants of a stored memory, as `current` returns them."""
        at = self._list_of.get(memory_id)
        if at is None:
            return []
        rows = [current(self._rows[id]) for id in self._holding[at]]
        active = [row for row in rows if row.state is MemoryState.ACTIVE]
        self._holding[at] = {row.id for row in active}
        return active


class _Plan:
    """A plan in progress. `_memories` are the rows as they would be after the changes so far.

    `_undecided` are the ids of the stored memories without a decision: of two memories of one
    request, the later one is compared with the earlier one. `_again` has the rows that were stored
    for repeated words, by the id of the memory that had them first.
    """

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._memories = {
            **situation.compared,
            **{row.id: row for row in situation.stored.values()},
        }
        self._undecided = {row.id for row in situation.stored.values()}
        self._claimants = _Claimants(situation.claimants, self._undecided)
        self._said_at = dict(situation.said_at)
        self._again: dict[str, MemoryRow] = {}
        self._changes: list[Change] = []

    def decide(self, position: int) -> Decision:
        self._changes = []
        if position in self._situation.stored:
            row = self._current(self._situation.stored[position])
            memory, outcome = self._consolidate(position, row)
        else:
            memory, outcome = self._repeat(position)
        said_at = self._situation.drafts[position].said_at
        if said_at is not None:
            self._said_at[memory.id] = max(said_at, self._said_order(memory)[0])
        return Decision(memory.id, outcome, tuple(self._changes))

    def _repeat(self, position: int) -> tuple[MemoryRow, AddOutcome]:
        """Decide on a draft whose words a memory has, which may have been replaced meanwhile."""
        first = self._situation.memories[position]
        memory = self._current(self._again.get(first.id, first))
        if memory.state is MemoryState.ACTIVE:
            return self._extend(memory, self._situation.until), AddOutcome.ALREADY_KNOWN
        reserve = self._situation.reserves.get(position)
        if reserve is None:
            successor = self._memories.get(memory.successor_id or "")
            is_merged = memory.state is MemoryState.MERGED and successor is not None
            return (successor if is_merged and successor else memory), AddOutcome.ALREADY_KNOWN
        self._changes.append(Insertion(reserve.id, position))
        self._memories[reserve.id] = self._again[first.id] = reserve
        return self._consolidate(position, reserve)

    def _consolidate(self, position: int, row: MemoryRow) -> tuple[MemoryRow, AddOutcome]:
        draft = self._situation.drafts[position]
        self._undecided.discard(row.id)
        self._claimants.add(row.id)
        if not is_current(row, self._situation.today):
            return row, AddOutcome.ADDED
        duplicate = self._duplicate(draft)
        if duplicate is not None and not row.immutable:
            merged = self._merge(row, duplicate)
            if merged is not None:
                return merged, AddOutcome.MERGED
        outcome = AddOutcome.ADDED
        earlier, later = self._contradictions(draft, row)
        for old in (*self._corrected(position, row, earlier), *earlier):
            self._replace(old, MemoryState.SUPERSEDED, row)
            outcome = AddOutcome.SUPERSEDES
        if later and not row.immutable:
            row = self._replace(row, MemoryState.SUPERSEDED, later[-1])
        return row, outcome

    def _duplicate(self, draft: Draft) -> MemoryRow | None:
        """Return the memory that a draft duplicates, or None."""
        if draft.duplicate_of is not None:
            return self._memories[draft.duplicate_of.id]
        judged = draft.judged_memory
        is_judged = draft.verdict is VerdictKind.DUPLICATE_OF and may_judge(draft, self._memories)
        if judged is not None and is_judged:
            current = self._memories[judged.id]
            is_same = is_about(current, draft.names) and may_mean_same_days(current, draft)
            return current if is_same else None
        if draft.repeats_draft is None:
            return None
        repeated = self._situation.stored.get(draft.repeats_draft)
        return None if repeated is None else self._current(repeated)

    def _merge(self, row: MemoryRow, other: MemoryRow) -> MemoryRow | None:
        """Merge the less detailed of two memories into the other, which is returned.

        Returns None if `other` is not active or a detail would be lost.
        """
        if other.state is not MemoryState.ACTIVE:
            return None
        fuller, lesser = (row, other) if index_of_fuller(other.text, row.text) else (other, row)
        if not covers(fuller.text, lesser.text):
            return None
        self._replace(lesser, MemoryState.MERGED, fuller)
        return self._extend(fuller, lesser.expiration_date)

    def _contradictions(
        self, draft: Draft, row: MemoryRow
    ) -> tuple[list[MemoryRow], list[MemoryRow]]:
        """Return the memories that a stored memory supersedes, and those that supersede it.

        Both lists are in the order in which the memories were said.
        """
        if not self._situation.asks_model:
            return self._claim_contradictions(row)
        judged = draft.judged_memory
        is_judged = draft.verdict is VerdictKind.SUPERSEDES and may_judge(draft, self._memories)
        if judged is None or not is_judged:
            return [], []
        old = self._memories[judged.id]
        is_valid = old.subject == row.subject and is_current(old, self._situation.today)
        return ([old] if is_valid else []), []

    def _corrected(
        self, position: int, row: MemoryRow, others: Sequence[MemoryRow]
    ) -> list[MemoryRow]:
        """Return the memory that a draft corrects, unless it is among the others: the newest."""
        known = {memory.id for memory in others}
        rows = map(self._current, self._situation.corrected.get(position, ()))
        found = [
            memory
            for memory in rows
            if self._may_contradict(memory, row) and memory.subject == row.subject
        ]
        return [memory for memory in found[-1:] if memory.id not in known]

    def _claim_contradictions(self, row: MemoryRow) -> tuple[list[MemoryRow], list[MemoryRow]]:
        claim = claim_in(row)
        if claim is None:
            return [], []
        earlier, later = [], []
        again = [memory for memory in self._again.values() if memory.subject == row.subject]
        claimants = [*self._claimants.of(row.id, self._current), *again]
        others = {memory.id: self._current(memory) for memory in claimants}.values()
        for other in sorted(others, key=self._said_order):
            other_claim = claim_in(other) if self._may_contradict(other, row) else None
            if other_claim is None:
                continue
            if self._said_order(other) < self._said_order(row):
                earlier += [other] if supersedes(claim, other_claim) else []
            else:
                later += [other] if supersedes(other_claim, claim) else []
        return earlier, later

    def _may_contradict(self, other: MemoryRow, row: MemoryRow) -> bool:
        return (
            other.id != row.id
            and other.id not in self._undecided
            and other.speaker == row.speaker
            and not other.immutable
            and is_current(other, self._situation.today)
        )

    def _said_order(self, memory: MemoryRow) -> tuple[datetime, datetime, str]:
        # The time of saying differs from the time of the event and from the time of storing.
        said = self._said_at.get(memory.id) or memory.timestamp or memory.created_at
        return said, memory.created_at, memory.id

    def _current(self, memory: MemoryRow) -> MemoryRow:
        return self._memories.get(memory.id, memory)

    def _replace(self, old: MemoryRow, state: MemoryState, by: MemoryRow) -> MemoryRow:
        self._changes.append(Replacement(old.id, state, by.id))
        return self._record_change(replace(old, state=state, successor_id=by.id))

    def _extend(self, memory: MemoryRow, until: date | None) -> MemoryRow:
        if not is_outlasted(memory, until):
            return memory
        self._changes.append(Extension(memory.id, until))
        return self._record_change(replace(memory, expiration_date=until))

    def _record_change(self, memory: MemoryRow) -> MemoryRow:
        # The version rises as in the database, so that a verdict on an old version does not count.
        self._memories[memory.id] = replace(memory, version=memory.version + 1)
        return self._memories[memory.id]
