"""The outcomes of inferred memories, planned without a database."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.enums import AddOutcome, EntityType, MemoryState
from core.ids import uuid7
from core.turn import Speaker, Turn
from language.claims.claim import Claim
from providers.extraction import Fact, VerdictKind
from resolvers.ingestion.consolidation_plan import (
    Decision,
    Extension,
    Replacement,
    Situation,
    claim_in,
    plan_consolidation,
)
from resolvers.ingestion.deduplication import Draft
from resolvers.memories.creation import NewMemories, Place, memory_row
from storage.memories.rows import MemoryRow
from storage.search.keywords import Keywords
from storage.search.origins import EmbeddedText

NAMES = {EntityType.USER: "alice"}
NOON = datetime(2026, 3, 11, 12, tzinfo=UTC)
TODAY = NOON.date()
NOTHING = EmbeddedText(b"", Keywords("", 0, False, False))


def memory(text: str, minutes: int = 0, **values: Any) -> MemoryRow:
    """A memory of Alice, stored some minutes after noon."""
    moment = NOON + timedelta(minutes=minutes)
    place = Place("project", {EntityType.USER: "key"}, NAMES)
    row = memory_row(place, Turn("user", text), text, NewMemories(NAMES), None, moment)
    return replace(row, **values)


def draft(text: str, **values: Any) -> Draft:
    fact = Fact(text, Speaker.USER, (0,))
    return Draft(fact, Turn("user", text), NAMES, NOTHING, **values)


def plan(
    drafts: Sequence[Draft],
    memories: Sequence[MemoryRow],
    *,
    known: Sequence[int] = (),
    compared: Sequence[MemoryRow] = (),
    claimants: Mapping[str, Sequence[MemoryRow]] | None = None,
    said_at: Mapping[str, datetime] | None = None,
    until: date | None = None,
    asks_model: bool = False,
) -> list[Decision]:
    """Plan for drafts and their memories; those at the `known` positions already exist."""
    stored = {at: row for at, row in enumerate(memories) if at not in known}
    return plan_consolidation(
        Situation(
            drafts=drafts,
            memories=memories,
            stored=stored,
            compared={row.id: row for row in compared},
            claimants=claimants or {},
            said_at=said_at or {},
            until=until,
            today=TODAY,
            asks_model=asks_model,
        )
    )


def test_a_memory_without_similar_ones_is_added() -> None:
    row = memory("I play the cello.")
    assert plan([draft(row.text)], [row]) == [Decision(row.id, AddOutcome.ADDED)]


def test_an_exact_duplicate_exists_and_its_expiry_is_extended() -> None:
    day = timedelta(days=1)
    for ends, until, changes in (
        (None, TODAY, False),
        (TODAY, None, True),
        (TODAY, TODAY + day, True),
        (TODAY + day, TODAY, False),
    ):
        row = memory("I play the cello.", expiration_date=ends)
        extended = (Extension(row.id, until),) if changes else ()
        expected = [Decision(row.id, AddOutcome.ALREADY_KNOWN, extended)]
        assert plan([draft(row.text)], [row], known=[0], until=until) == expected
        fixed = replace(row, immutable=True)
        assert plan([draft(row.text)], [fixed], known=[0], until=until) == expected


def test_the_more_detailed_near_duplicate_stays() -> None:
    short, long = memory("I play the cello."), memory("I play the cello in a quartet.")
    for row, other in ((short, long), (long, short)):
        decisions = plan([draft(row.text, duplicate_of=other)], [row], compared=[other])
        merged = Replacement(short.id, MemoryState.MERGED, long.id)
        assert decisions == [Decision(long.id, AddOutcome.MERGED, (merged,))]


def test_the_remaining_duplicate_gets_the_later_expiry() -> None:
    short = memory("I play the cello.")
    long = memory("I play the cello in a quartet.", expiration_date=TODAY)
    (decision,) = plan([draft(short.text, duplicate_of=long)], [short], compared=[long])
    assert decision.changes == (
        Replacement(short.id, MemoryState.MERGED, long.id),
        Extension(long.id, None),
    )


def test_a_detail_is_never_lost_by_merging() -> None:
    other = memory("I ran 5 miles in the park with my dog.")
    row = memory("I ran 7 miles.")
    decisions = plan([draft(row.text, duplicate_of=other)], [row], compared=[other])
    assert decisions == [Decision(row.id, AddOutcome.ADDED)]


def test_two_drafts_of_one_request_are_merged() -> None:
    rows = [memory("I play the cello."), memory("I play the cello in a quartet.", 1)]
    drafts = [draft(rows[0].text), draft(rows[1].text, repeats_draft=0)]
    merged = Replacement(rows[0].id, MemoryState.MERGED, rows[1].id)
    assert plan(drafts, rows) == [
        Decision(rows[0].id, AddOutcome.ADDED),
        Decision(rows[1].id, AddOutcome.MERGED, (merged,)),
    ]


def test_immutable_and_expired_memories_are_unchanged() -> None:
    other = memory("I play the cello in a quartet.")
    for values in ({"immutable": True}, {"expiration_date": TODAY - timedelta(days=1)}):
        row = memory("I play the cello.", **values)
        decisions = plan([draft(row.text, duplicate_of=other)], [row], compared=[other])
        assert decisions == [Decision(row.id, AddOutcome.ADDED)]


def test_the_later_of_two_contradicting_claims_counts() -> None:
    old, row = memory("I live in Porto.", 0), memory("I live in Lisbon.", 1)
    claimants = {row.id: [old, row]}
    superseded = Replacement(old.id, MemoryState.SUPERSEDED, row.id)
    assert plan([draft(row.text)], [row], claimants=claimants) == [
        Decision(row.id, AddOutcome.SUPERSEDES, (superseded,))
    ]
    # The earlier claim is outdated as soon as it is stored.
    said_at = {row.id: NOON - timedelta(days=1), old.id: NOON}
    outdated = Replacement(row.id, MemoryState.SUPERSEDED, old.id)
    assert plan([draft(row.text)], [row], claimants=claimants, said_at=said_at) == [
        Decision(row.id, AddOutcome.ADDED, (outdated,))
    ]


def test_each_claim_of_one_request_is_compared_with_those_before_it() -> None:
    """A memory that was superseded in this request is not superseded again."""
    old = memory("I live in Porto.", 0)
    rows = [memory("I live in Lisbon.", 1), memory("I live in Madrid.", 2)]
    claimants = {row.id: [old, *rows] for row in rows}
    assert plan([draft(row.text) for row in rows], rows, claimants=claimants) == [
        Decision(
            rows[0].id,
            AddOutcome.SUPERSEDES,
            (Replacement(old.id, MemoryState.SUPERSEDED, rows[0].id),),
        ),
        Decision(
            rows[1].id,
            AddOutcome.SUPERSEDES,
            (Replacement(rows[0].id, MemoryState.SUPERSEDED, rows[1].id),),
        ),
    ]


def test_claims_of_other_speakers_and_immutable_ones_are_unchanged() -> None:
    row = memory("I live in Lisbon.", 1)
    for values in ({"actor": "Bo"}, {"immutable": True}, {"state": MemoryState.SUPERSEDED}):
        old = memory("I live in Porto.", 0, **values)
        decisions = plan([draft(row.text)], [row], claimants={row.id: [old, row]})
        assert decisions == [Decision(row.id, AddOutcome.ADDED)]


def test_a_verdict_counts_only_for_the_judged_version() -> None:
    old, row = memory("The cat is called Tom."), memory("The cat is called Pixel.", 1)
    judged = draft(row.text, verdict=VerdictKind.SUPERSEDES, judged_memory=old)
    superseded = Replacement(old.id, MemoryState.SUPERSEDED, row.id)
    for current, changes in (
        ([old], (superseded,)),
        ([replace(old, version=2)], ()),
        ([replace(old, immutable=True)], ()),
        ([replace(old, user_key="other")], ()),
        ([], ()),
    ):
        (decision,) = plan([judged], [row], compared=current, asks_model=True)
        assert decision.changes == changes
    # With a model, the rules are not used, even if the texts contradict each other.
    home, moved = memory("I live in Porto."), memory("I live in Lisbon.", 1)
    decisions = plan([draft(moved.text)], [moved], claimants={moved.id: [home]}, asks_model=True)
    assert decisions == [Decision(moved.id, AddOutcome.ADDED)]


def test_a_verdict_counts_once() -> None:
    """The second draft was judged against a version that the first one has replaced."""
    old = memory("The cat is called Tom.")
    rows = [memory("The cat is called Pixel.", 1), memory("The cat is called Rex.", 2)]
    drafts = [draft(row.text, verdict=VerdictKind.SUPERSEDES, judged_memory=old) for row in rows]
    first, second = plan(drafts, rows, compared=[old], asks_model=True)
    assert first.changes == (Replacement(old.id, MemoryState.SUPERSEDED, rows[0].id),)
    assert second == Decision(rows[1].id, AddOutcome.ADDED)


def test_a_duplicate_that_a_model_names_is_about_the_same_entities() -> None:
    row = memory("I play the cello.")
    for user, changes in (("alice", True), ("bob", False)):
        old = memory("I play the cello in a quartet.", id=uuid7(), user_id=user)
        judged = draft(row.text, verdict=VerdictKind.DUPLICATE_OF, judged_memory=old)
        (decision,) = plan([judged], [row], compared=[old], asks_model=True)
        merged = (Replacement(row.id, MemoryState.MERGED, old.id),)
        assert decision.changes == (merged if changes else ())


def test_each_claim_is_compared_with_those_that_still_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who moves a hundred times in one message: the work grows with the moves, not their square."""
    rows = [memory(f"I live in {chr(65 + n // 26)}{chr(97 + n % 26)}do.", n) for n in range(100)]
    claimants = dict.fromkeys([row.id for row in rows], rows)
    compared = 0

    def counted(memory: MemoryRow) -> Claim | None:
        nonlocal compared
        compared += 1
        return claim_in(memory)

    monkeypatch.setattr("resolvers.ingestion.consolidation_plan.claim_in", counted)
    decisions = plan([draft(row.text) for row in rows], rows, claimants=claimants)
    replaced = [change for decision in decisions for change in decision.changes]
    assert replaced == [
        Replacement(old.id, MemoryState.SUPERSEDED, new.id) for old, new in itertools.pairwise(rows)
    ]
    assert compared <= 3 * len(rows)
