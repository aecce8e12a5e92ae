"""Why a draft is stored, merged or superseded: sentences for people, read off a decision.

They are derived from the decision that is carried out, so they cannot say anything else.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.enums import AddOutcome, MemoryState
from language.claims.claim import claim_of
from language.names import without_speaker
from resolvers.ingestion.consolidation_plan import Decision, Replacement
from resolvers.ingestion.deduplication import Draft
from storage.memories.rows import MemoryRow

SAME_WORDS = "A memory of the same entities has the same text."
ECHO = "The message quotes a memory that exists already, among other things."
_SAME_MEANING = "It says the same as another memory; the fuller one of the two stays."
_LATER_HOLDS = "A later statement already supersedes it."


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of a draft: the memory that represents it, and why.

    `memory` is the row that is stored for the draft, or would be if its words were new. `affected`
    is the existing memory that stands for it, or that it replaces, as it was before.
    """

    memory_id: str
    outcome: AddOutcome
    memory: MemoryRow
    affected: MemoryRow | None
    reason: str


def settled(
    draft: Draft,
    decision: Decision,
    memory: MemoryRow,
    before: Mapping[str, MemoryRow],
    created: Collection[str],
) -> Settled:
    """Return the outcome of a decision.

    `memory` is the row of the draft, `before` are the rows as they were before the request, and
    `created` are the ids of those that the request has stored.
    """
    replaced = [each for each in decision.changes if isinstance(each, Replacement)]
    pairs = [(each.memory_id, each.successor_id) for each in replaced]
    others = [id for pair in pairs for id in pair if memory.id in pair and id != memory.id]
    ended = any(each.memory_id == memory.id for each in replaced)
    affected: str | None = None
    match decision.outcome:
        case AddOutcome.ALREADY_KNOWN:
            affected, reason = decision.memory_id, SAME_WORDS
        case AddOutcome.MERGED:
            affected = others[0] if others else None
            is_judged = draft.duplicate_of is None and draft.judged_memory is not None
            reason = _judged("says the same as another memory") if is_judged else _SAME_MEANING
        case AddOutcome.SUPERSEDES:
            supersedes = MemoryState.SUPERSEDED
            ids = [e.memory_id for e in replaced if e.state is supersedes and e.memory_id in others]
            affected, reason = (ids[-1] if ids else None), _superseding(draft)
        case _:
            reason = _LATER_HOLDS if ended else ""
    row = None if affected in created else before.get(affected or "")
    return Settled(decision.memory_id, decision.outcome, memory, row, reason)


def _superseding(draft: Draft) -> str:
    if draft.judged_memory is not None:
        return _judged("makes another memory outdated")
    claim = claim_of(without_speaker(draft.fact.text, draft.speaker))
    about = f" ({claim.attribute})" if claim else ""
    return f"It is a later claim about the same attribute{about}."


def _judged(verdict: str) -> str:
    return f"The chat model judged that it {verdict}."
