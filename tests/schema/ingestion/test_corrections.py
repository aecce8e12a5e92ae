"""A correction in a later call replaces what it corrects."""

import pytest

from tests.support.documents.doors import DOORS, add
from tests.support.fixtures.factories import Tenant

WEDNESDAY = "2026-03-11T12:00:00+00:00"
EXAM = "My exam is on Monday."

# What was said, its correction in another call, and the day that holds then.
CORRECTIONS = {
    "a coming day": (EXAM, "Sorry, I meant Tuesday.", "2026-03-17"),
    "a past day": ("I met Anna on Monday.", "Oops, I meant Sunday.", "2026-03-08"),
    "a date": ("My exam is on the 5th of May.", "Make that the 6th of May.", "2026-05-06"),
    "a year": ("I moved to Rome in 2019.", "My mistake, I meant 2018.", "2018-01-01"),
    "a name": ("I met Anna on Monday.", "I meant Hanna.", "2026-03-09"),
    "labelled": (EXAM, "Correction: Tuesday.", "2026-03-17"),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", CORRECTIONS)
async def test_a_correction_replaces_what_it_corrects(tenant: Tenant, door: str, case: str) -> None:
    said, correction, day = CORRECTIONS[case]
    before = await add(tenant, door, [said], timestamp=WEDNESDAY)
    assert before.active == [said]
    after = await add(tenant, door, [correction], timestamp=WEDNESDAY)
    assert after.active == [f"{said} {correction}"]
    old, new = after.memories
    assert (old["text"], old["state"]) == (said, "SUPERSEDED")
    assert new["timestamp"][:10] == day


async def test_a_correction_changes_nothing_of_others(tenant: Tenant) -> None:
    await add(tenant, "graphql", [EXAM], user_id="bob", timestamp=WEDNESDAY)
    await add(tenant, "graphql", [EXAM], user_id="alice", timestamp=WEDNESDAY)
    stored = await add(
        tenant, "graphql", ["Sorry, I meant Tuesday."], user_id="alice", timestamp=WEDNESDAY
    )
    states = [(each["userId"], each["state"]) for each in stored.memories]
    assert states == [("bob", "ACTIVE"), ("alice", "SUPERSEDED"), ("alice", "ACTIVE")]


async def test_an_immutable_memory_stays_beside_its_correction(tenant: Tenant) -> None:
    await add(tenant, "graphql", [EXAM], immutable=True)
    stored = await add(tenant, "graphql", ["Sorry, I meant Tuesday."])
    assert stored.active == [EXAM, f"{EXAM} Sorry, I meant Tuesday."]
