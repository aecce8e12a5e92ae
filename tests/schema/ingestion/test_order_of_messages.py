"""Messages of one call are settled one after the other, as those of separate calls would be."""

from typing import Any

import pytest

from tests.support.documents.doors import DOORS, Stored, add
from tests.support.fixtures.factories import Tenant

MUNICH, BERLIN, ROME = "I live in Munich.", "I live in Berlin.", "I live in Rome."
TEA = "I like green tea."

# What is stored by calls of their own, the messages of one call, the claims that hold afterwards.
CALLS: dict[str, tuple[list[str], list[str], list[str]]] = {
    "back to what was stored": ([MUNICH], [BERLIN, MUNICH], [MUNICH]),
    "there and back": ([], [MUNICH, BERLIN, MUNICH], [MUNICH]),
    "there and back twice": ([], [MUNICH, BERLIN, MUNICH, BERLIN], [BERLIN]),
    "back and said again": ([], [MUNICH, BERLIN, MUNICH, MUNICH], [MUNICH]),
    "back over three": ([MUNICH], [BERLIN, ROME, MUNICH, BERLIN], [BERLIN]),
    "stored and replaced": ([MUNICH], [MUNICH, BERLIN], [BERLIN]),
    "with other facts between": ([MUNICH], [TEA, BERLIN, TEA, MUNICH], [TEA, MUNICH]),
    "ended and begun again": (
        ["I use Spotify."],
        ["I no longer use Spotify.", "I use Spotify."],
        ["I use Spotify."],
    ),
}


def truths(stored: Stored) -> list[tuple[str, str]]:
    """Return the texts and states of all memories, oldest first."""
    return [(memory["text"], memory["state"]) for memory in stored.memories]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", CALLS)
async def test_the_last_message_holds(tenant: Tenant, door: str, case: str) -> None:
    before, call, hold = CALLS[case]
    for text in before:
        await add(tenant, door, [text])
    stored = await add(tenant, door, call)
    assert sorted(text for text in stored.active if "no longer" not in text) == sorted(hold)
    # Each in a call of its own gives the same memories.
    for text in (*before, *call):
        apart = await add(tenant, door, [text], user_id="apart")
    others = apart._replace(memories=[m for m in apart.memories if m["userId"] == "apart"])
    assert sorted(truths(stored)) == sorted(truths(others))


@pytest.mark.every_database
async def test_a_memory_stored_again_is_whole(tenant: Tenant) -> None:
    await add(tenant, "graphql", [MUNICH], run_id="r1", user_id="alice")
    stored = await add(tenant, "graphql", [BERLIN, MUNICH], run_id="r1", user_id="alice")
    assert truths(stored) == [(MUNICH, "SUPERSEDED"), (BERLIN, "SUPERSEDED"), (MUNICH, "ACTIVE")]
    assert [memory["sources"] for memory in stored.memories] == [
        [{"content": MUNICH}],
        [{"content": BERLIN}],
        [{"content": MUNICH}],
    ]
    found: Any = await tenant.owner.ask(
        "{ memories(latestOnly: true) { nodes { text supersedes { text } concepts { name } } } }"
    )
    assert found["memories"]["nodes"] == [
        {"text": MUNICH, "supersedes": [{"text": BERLIN}], "concepts": [{"name": "Munich"}]}
    ]


async def test_the_time_of_a_repeat_counts_at_once(tenant: Tenant) -> None:
    """Munich was said in 2023 again, so that Berlin in 2022 is not the truth of today."""
    await add(tenant, "graphql", [{"role": "user", "content": MUNICH, "timestamp": at(2020)}])
    call = [
        {"role": "user", "content": MUNICH, "timestamp": at(2023)},
        {"role": "user", "content": BERLIN, "timestamp": at(2022)},
    ]
    assert (await add(tenant, "graphql", call)).active == [MUNICH]


def at(year: int) -> str:
    return f"{year}-03-01T12:00:00Z"
