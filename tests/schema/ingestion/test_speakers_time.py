"""Time belongs to the speaker: which day a text means, and when the same words are another memory.

Every case is tried on both doors.
"""

from typing import Any

import pytest

from tests.support.documents.doors import DOORS, add, add_or_fail
from tests.support.documents.refusals import unchanged
from tests.support.fixtures.factories import Tenant

OFFSETS = """
{ memories(first: 9) { nodes { text sources { timestamp utcOffsetMinutes } } } }
"""
DENTIST = "I have a dentist appointment tomorrow."
JANUARY, JUNE = "2026-01-05T12:00:00Z", "2026-06-05T12:00:00Z"

# A text said in January and in June: whether it is another memory in June.
SAID_TWICE = {
    DENTIST: True,
    "I must pay the invoice before Friday.": True,
    "My parcel ships on Friday.": True,
    "I fly to Rome next week and to Oslo on Friday.": True,
    "Anna visits me on the 3rd.": True,
    "Ich habe morgen einen Termin beim Zahnarzt.": True,
    "明日は歯医者の予約があります。": True,
    "I am vegan.": False,
    "I play tennis every Tuesday.": False,
    "I moved to Porto in May 2024.": False,
    "I was born on 5 May 1990.": False,
    "I finished my thesis two years ago.": False,
}


def spoken(text: str, timestamp: Any = None) -> dict[str, Any]:
    return {"role": "user", "content": text, **({"timestamp": timestamp} if timestamp else {})}


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_the_same_words_on_another_day(tenant: Tenant, door: str, infer: bool) -> None:
    for said_at in (JANUARY, JUNE, JUNE):
        stored = await add(tenant, door, list(SAID_TWICE), infer=infer, timestamp=said_at)
    for text, is_dated in SAID_TWICE.items():
        found = [memory for memory in stored.memories if memory["text"] == text]
        assert [memory["state"] for memory in found] == ["ACTIVE"] * (1 + is_dated), text


@pytest.mark.parametrize("infer", [True, False])
@pytest.mark.parametrize("door", DOORS)
async def test_the_same_words_on_two_days_of_one_call(
    tenant: Tenant, door: str, infer: bool
) -> None:
    said = [spoken(text, when) for when in (JANUARY, JUNE) for text in (DENTIST, "I am vegan.")]
    stored = await add(tenant, door, said, infer=infer)
    assert sorted(stored.texts) == ["I am vegan.", DENTIST, DENTIST]
    assert len(stored.active) == 3


@pytest.mark.parametrize("door", DOORS)
async def test_near_duplicates_of_another_day_are_not_merged(tenant: Tenant, door: str) -> None:
    one = "I play tennis with Ben tomorrow."
    other = "I play tennis with Ben tomorrow evening."
    for text, said_at in ((one, JANUARY), (other, JUNE), (one, JUNE)):
        stored = await add(tenant, door, [spoken(text, said_at)])
    assert len(stored.active) == 2
    days = {m["timestamp"][:10] for m in stored.memories if m["state"] == "ACTIVE"}
    assert days == {"2026-01-06", "2026-06-06"}


# The timestamp of a message or of the call, the time zone, a text: the day that it means.
DAYS: dict[str, tuple[Any, str | None, str, str]] = {
    "the evening in Los Angeles": (
        "2026-03-11T23:30:00-08:00",
        None,
        "I arrived yesterday.",
        "2026-03-10",
    ),
    "the morning in Tokyo": (
        "2026-03-12T01:00:00+09:00",
        None,
        "I arrived yesterday.",
        "2026-03-11",
    ),
    "an offset beats the time zone": (
        "2026-03-12T01:00:00+09:00",
        "America/Los_Angeles",
        "I arrived yesterday.",
        "2026-03-11",
    ),
    "no offset, a time zone": (
        "2026-03-11T23:30:00",
        "America/Los_Angeles",
        "I arrived yesterday.",
        "2026-03-10",
    ),
    "no seconds": ("2024-05-10T12:00Z", None, "I moved to Porto yesterday.", "2024-05-09"),
    "a weekday": ("2026-03-11T12:00:00Z", None, "My parcel ships on Friday.", "2026-03-13"),
    "a visit": ("2026-03-11T12:00:00Z", None, "Anna visits me on Sunday.", "2026-03-15"),
    "an exam": ("2026-03-11T12:00:00Z", None, "My exam is on the 5th of May.", "2026-05-05"),
    "the past": ("2026-03-11T12:00:00Z", None, "Anna visited me on Sunday.", "2026-03-08"),
}


@pytest.mark.parametrize("place", ["message", "call"])
@pytest.mark.parametrize("door", DOORS)
async def test_the_day_is_that_of_the_speaker(tenant: Tenant, door: str, place: str) -> None:
    for n, (timestamp, timezone, text, day) in enumerate(DAYS.values()):
        options = {"user_id": f"user {n}", **({"timezone": timezone} if timezone else {})}
        if place == "call":
            options["timestamp"] = timestamp
        said = spoken(text, timestamp if place == "message" else None)
        stored = await add(tenant, door, [said], **options)
        (memory,) = [each for each in stored.memories if each["userId"] == f"user {n}"]
        found = (memory["text"], memory["timestamp"][:10], memory["timestampPrecision"])
        assert found == (text, day, "DAY")


async def test_seconds_are_in_the_time_zone(tenant: Tenant) -> None:
    """Clients of mem0 send seconds since 1970, which have no offset: 07:30 in UTC."""
    options = {"timestamp": 1_773_300_600, "timezone": "America/Los_Angeles"}
    stored = await add(tenant, "mem0", ["I arrived yesterday."], **options)
    assert stored.days == [("2026-03-11", "DAY")]
    stored = await add(tenant, "mem0", ["I left yesterday."], timestamp=1_773_300_600)
    assert stored.days[1] == ("2026-03-11", "DAY")


@pytest.mark.every_database
@pytest.mark.parametrize("infer", [True, False])
async def test_the_offset_is_kept_with_the_message(tenant: Tenant, infer: bool) -> None:
    said = [
        spoken("I own a canoe.", "2026-03-11T23:30:00-08:00"),
        spoken("I own a kayak.", "2026-03-11T23:30:00Z"),
        spoken("I own a tandem."),
    ]
    await add(tenant, "graphql", said, infer=infer)
    found = (await tenant.owner.ask(OFFSETS))["memories"]["nodes"]
    sources = {memory["text"]: memory["sources"] for memory in found}
    assert sources == {
        "I own a canoe.": [{"timestamp": "2026-03-12T07:30:00.000000Z", "utcOffsetMinutes": -480}],
        "I own a kayak.": [{"timestamp": "2026-03-11T23:30:00.000000Z", "utcOffsetMinutes": 0}],
        "I own a tandem.": [{"timestamp": None, "utcOffsetMinutes": None}],
    }


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "timezone", ["Mars/Olympus", "", "../etc/passwd", "Europe", "\0", "+02:00"]
)
async def test_an_unknown_time_zone_is_named(tenant: Tenant, door: str, timezone: str) -> None:
    with unchanged(tenant.deployment):
        found = await add_or_fail(tenant, door, ["I own a canoe."], timezone=timezone)
    assert found == ("INVALID_INPUT", ["timezone"])
