"""Near duplicates and contradictions: which memory remains, and that no information is lost.

The extractor and the embedder are those that ship with the code, and the pairs were chosen by what
they say of them: all that must not be merged here is as near as what must. When something was said
is told by its message; the trap is that it may arrive long after what was said later.
"""

import asyncio
from typing import Any

import pytest

from tests.support.documents.erasure import paused_transaction
from tests.support.documents.remembering import (
    events,
    everything,
    learn,
    log,
    memories,
    outcomes,
    shown,
    totals,
)
from tests.support.documents.searching import cosine, search_all, texts
from tests.support.fixtures.factories import Tenant
from tests.support.fixtures.rows import set_columns

LESS, MORE = (
    "I play tennis with Ben every Tuesday.",
    "I play tennis with Ben every Tuesday evening.",
)
PARIS, BERLIN, ROME = "I live in Paris.", "I moved to Berlin.", "I now live in Rome."
JANUARY, FEBRUARY, MARCH = (f"2025-0{month}-10T12:00:00+00:00" for month in (1, 2, 3))
SOON, LATER = "2099-01-01", "2099-02-01"


def said(text: str, moment: str | None = None, **others: Any) -> dict[str, Any]:
    """Return a message of the user, said at a moment."""
    return {"role": "user", "content": text, "timestamp": moment, **others}


async def states(tenant: Tenant) -> dict[str, tuple[str, str | None]]:
    """Return the state of each memory, and the text of what has taken its place."""
    found = await everything(tenant.owner)
    return {
        text: (memory["state"], (memory["supersededBy"] or memory["mergedInto"] or {}).get("text"))
        for text, memory in found.items()
    }


# ---------------------------------------------------------------- near duplicates


@pytest.mark.parametrize("order", [(LESS, MORE), (MORE, LESS)], ids=["less first", "more first"])
async def test_the_more_detailed_near_duplicate_remains(
    tenant: Tenant, order: tuple[str, str]
) -> None:
    assert await cosine(tenant, LESS, MORE) >= 0.95
    first, second = order
    (one,) = await learn(tenant, first)
    (two,) = await learn(tenant, second)
    assert (one.outcome, two.outcome) == ("ADDED", "MERGED")
    # What the add returns is the memory that stands for both.
    assert (two.text, two.state) == (MORE, "ACTIVE")
    assert (two.id == one.id) is (first == MORE)

    (memory,) = await memories(tenant.owner)
    assert (memory["text"], memory["merged"], memory["mergedInto"]) == (
        MORE,
        [{"text": LESS}],
        None,
    )
    found = await everything(tenant.owner)
    assert list(found) == [first, second]
    assert found[LESS]["state"] == "MERGED"
    assert found[LESS]["mergedInto"] == {"text": MORE}
    assert (found[LESS]["supersededBy"], found[LESS]["supersedes"]) == (None, [])
    assert await totals(tenant) == {"project": 2, "alice": 2}

    added, also, merge = await log(tenant.owner)
    assert [event["type"] for event in (added, also, merge)] == ["ADD", "ADD", "MERGE"]
    assert merge["memoryId"] == found[LESS]["id"]
    assert (merge["oldText"], merge["newText"]) == (LESS, LESS)
    assert merge["before"] == {"state": "ACTIVE", "successorId": None}
    assert merge["after"] == {"state": "MERGED", "successorId": found[MORE]["id"]}
    assert merge["operationId"] == also["operationId"] != added["operationId"]


async def test_searches_hide_what_was_merged(tenant: Tenant) -> None:
    await learn(tenant, LESS)
    assert texts(await search_all(tenant, LESS)) == [LESS]
    await learn(tenant, MORE)
    assert texts(await search_all(tenant, LESS)) == [MORE]
    assert texts(await search_all(tenant, LESS, latestOnly=True)) == [MORE]
    assert texts(await search_all(tenant, LESS, includeMerged=True)) == [LESS, MORE]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I paid 30 euros for the concert ticket.", "I paid 35 euros for the concert ticket."),
        ("I am allergic to peanuts.", "I am not allergic to peanuts."),
        ("I have two cats named Mimi and Tom.", "I have three cats named Mimi and Tom."),
        (
            "I keep my passport in the top drawer of the wooden desk in Anna's bedroom.",
            "I keep my passport in the top drawer of the wooden desk in Anne's bedroom.",
        ),
    ],
    ids=["number", "negation", "number word", "name"],
)
async def test_similar_but_different_facts_are_not_merged(
    tenant: Tenant, one: str, other: str
) -> None:
    assert await cosine(tenant, one, other) >= 0.95
    assert await outcomes(tenant, one) == ["ADDED"]
    assert await outcomes(tenant, other) == ["ADDED"]
    assert await shown(tenant.owner) == [one, other]
    assert await events(tenant.owner) == ["ADD", "ADD"]


@pytest.mark.parametrize(
    "other",
    [{"userId": "bob"}, {"userId": "alice", "runId": "monday"}, {"agentId": "alice"}],
    ids=str,
)
async def test_near_duplicates_of_other_entities_are_not_merged(
    tenant: Tenant, other: dict[str, str]
) -> None:
    await learn(tenant, LESS)
    assert await outcomes(tenant, MORE, **other) == ["ADDED"]
    assert await outcomes(tenant, said(MORE, name="Ann")) == ["ADDED"]
    assert await shown(tenant.owner) == [LESS, MORE, MORE]


async def test_immutable_memories_are_not_merged(tenant: Tenant) -> None:
    await learn(tenant, LESS, immutable=True)
    assert await outcomes(tenant, MORE) == ["ADDED"]
    bobs = {"userId": "bob"}
    await learn(tenant, LESS, **bobs)
    assert await outcomes(tenant, MORE, **bobs, immutable=True) == ["ADDED"]
    assert await shown(tenant.owner) == [LESS, MORE] * 2


@pytest.mark.parametrize("order", [(LESS, MORE), (MORE, LESS)], ids=["less first", "more first"])
@pytest.mark.parametrize(
    ("first", "second", "last"),
    [(SOON, LATER, LATER), (LATER, SOON, LATER), (SOON, None, None), (None, SOON, None)],
)
async def test_the_remaining_duplicate_gets_the_later_expiry(
    tenant: Tenant, order: tuple[str, str], first: str | None, second: str | None, last: str | None
) -> None:
    await learn(tenant, order[0], expirationDate=first)
    (merged,) = await learn(tenant, order[1], expirationDate=second)
    assert (merged.outcome, merged.text, merged.expires) == ("MERGED", MORE, last)


async def test_expired_memories_are_not_merged_with(tenant: Tenant) -> None:
    await learn(tenant, LESS, expirationDate="2000-01-01")
    assert await outcomes(tenant, MORE) == ["ADDED"]
    assert await outcomes(tenant, LESS, userId="bob") == ["ADDED"]
    assert await outcomes(tenant, MORE, userId="bob", expirationDate="2000-01-01") == ["ADDED"]
    assert await shown(tenant.owner) == [MORE, LESS]


async def test_direct_imports_merge_nothing_but_are_merged(tenant: Tenant) -> None:
    await learn(tenant, LESS)
    assert await outcomes(tenant, MORE, infer=False) == ["ADDED"]
    await learn(tenant, LESS, infer=False, userId="bob")
    assert await outcomes(tenant, MORE, userId="bob") == ["MERGED"]
    assert await shown(tenant.owner) == [LESS, MORE, MORE]


async def test_near_duplicates_within_one_call(tenant: Tenant) -> None:
    found = await learn(tenant, LESS, MORE)
    assert [(each.outcome, each.text) for each in found] == [("ADDED", LESS), ("MERGED", MORE)]
    assert await states(tenant) == {LESS: ("MERGED", MORE), MORE: ("ACTIVE", None)}
    assert await events(tenant.owner) == ["ADD", "ADD", "MERGE"]


# ---------------------------------------------------------------- contradictions


async def test_a_contradiction_supersedes_the_older(tenant: Tenant) -> None:
    await learn(tenant, PARIS)
    assert texts(await search_all(tenant, "Where do I live?", latestOnly=True)) == [PARIS]
    (new,) = await learn(tenant, BERLIN)
    assert (new.outcome, new.text, new.state) == ("SUPERSEDES", BERLIN, "ACTIVE")
    old, current = await memories(tenant.owner)
    assert (old["text"], old["state"]) == (PARIS, "SUPERSEDED")
    assert (old["supersededBy"], old["supersedes"]) == ({"text": BERLIN}, [])
    assert (old["mergedInto"], current["merged"]) == (None, [])
    assert (current["supersededBy"], current["supersedes"]) == (None, [{"text": PARIS}])
    assert await shown(tenant.owner, latestOnly=True) == [BERLIN]
    found = await search_all(tenant, "Where do I live?")
    assert sorted(texts(found)) == [PARIS, BERLIN]
    assert texts(await search_all(tenant, "Where do I live?", latestOnly=True)) == [BERLIN]
    assert await totals(tenant) == {"project": 2, "alice": 2}
    event = (await log(tenant.owner))[2]
    assert (event["type"], event["memoryId"]) == ("SUPERSEDE", old["id"])
    assert event["before"] == {"state": "ACTIVE", "successorId": None}
    assert event["after"] == {"state": "SUPERSEDED", "successorId": current["id"]}
    for state, text in (("ACTIVE", BERLIN), ("SUPERSEDED", PARIS)):
        assert await shown(tenant.owner, filter={"state": [state]}) == [text]


async def test_a_chain(tenant: Tenant) -> None:
    for text, outcome in ((PARIS, "ADDED"), (BERLIN, "SUPERSEDES"), (ROME, "SUPERSEDES")):
        assert await outcomes(tenant, text) == [outcome]
    chain = {PARIS: ("SUPERSEDED", BERLIN), BERLIN: ("SUPERSEDED", ROME), ROME: ("ACTIVE", None)}
    assert await states(tenant) == chain
    # Who moves back says so anew, and what was said first stays as it is.
    (back,) = await learn(tenant, PARIS)
    assert back.outcome == "SUPERSEDES"
    found = await memories(tenant.owner)
    assert [(memory["text"], memory["state"]) for memory in found] == [
        (PARIS, "SUPERSEDED"),
        (BERLIN, "SUPERSEDED"),
        (ROME, "SUPERSEDED"),
        (PARIS, "ACTIVE"),
    ]
    assert found[2]["supersededBy"] == {"text": PARIS}
    assert (await events(tenant.owner)).count("SUPERSEDE") == 3


async def test_several_older_ones_are_superseded_at_once(tenant: Tenant) -> None:
    """Direct imports supersede nothing themselves."""
    assert await outcomes(tenant, PARIS, BERLIN, infer=False) == ["ADDED", "ADDED"]
    assert await outcomes(tenant, "I live in Paris!", infer=False, runId="r", userId="alice") == [
        "ADDED"
    ]
    assert await outcomes(tenant, ROME) == ["SUPERSEDES"]
    (rome,) = await memories(tenant.owner, latestOnly=True)
    texts = [each["text"] for each in rome["supersedes"]]
    assert (rome["text"], texts) == (ROME, [PARIS, BERLIN, "I live in Paris!"])


@pytest.mark.parametrize(
    ("first", "second", "replaced"),
    [
        ({"userId": "alice", "runId": "one"}, {"userId": "alice", "runId": "two"}, True),
        ({"userId": "alice", "runId": "one"}, {"userId": "alice"}, True),
        ({"userId": "alice"}, {"userId": "bob"}, False),
        ({"userId": "alice", "appId": "a"}, {"userId": "alice", "appId": "b"}, False),
        ({"userId": "alice", "appId": "a"}, {"userId": "alice"}, False),
        ({"userId": "alice"}, {"agentId": "alice"}, False),
        ({"userId": "alice", "agentId": "a"}, {"userId": "alice", "agentId": "b"}, True),
        ({"userId": "alice", "agentId": "a"}, {"userId": "alice"}, True),
        ({"userId": "alice", "agentId": "a"}, {"userId": "bob", "agentId": "a"}, False),
        ({"agentId": "a"}, {"agentId": "a"}, True),
        ({"runId": "one"}, {"runId": "one"}, True),
        ({"runId": "one"}, {"runId": "two"}, False),
    ],
    ids=str,
)
async def test_claims_of_the_same_entities_are_superseded(
    tenant: Tenant, first: dict[str, str], second: dict[str, str], replaced: bool
) -> None:
    await learn(tenant, PARIS, **first)
    assert await outcomes(tenant, BERLIN, **second) == ["SUPERSEDES" if replaced else "ADDED"]
    assert (await states(tenant))[PARIS] == (
        ("SUPERSEDED", BERLIN) if replaced else ("ACTIVE", None)
    )


async def test_claims_of_other_speakers_supersede_nothing(tenant: Tenant) -> None:
    await learn(tenant, said(PARIS, name="Ann"))
    assert await outcomes(tenant, said(BERLIN, name="Ben")) == ["ADDED"]
    assert await outcomes(tenant, said(ROME, name="Ann")) == ["SUPERSEDES"]
    assert (await states(tenant))[BERLIN] == ("ACTIVE", None)


async def test_a_speakers_prefix_does_not_hide_a_claim(tenant: Tenant) -> None:
    prefixed = "Ann: I live in Paris."
    await learn(tenant, said(prefixed, name="Ann"), infer=False)
    assert await outcomes(tenant, said(BERLIN, name="Ann")) == ["SUPERSEDES"]
    assert (await states(tenant))[prefixed] == ("SUPERSEDED", BERLIN)


# ---------------------------------------------------------------- the order of time


async def test_an_earlier_claim_is_superseded_even_if_it_arrives_last(tenant: Tenant) -> None:
    await learn(tenant, said(BERLIN, FEBRUARY))
    (late,) = await learn(tenant, said(PARIS, JANUARY))
    assert (late.outcome, late.text, late.state) == ("ADDED", PARIS, "SUPERSEDED")
    assert await states(tenant) == {BERLIN: ("ACTIVE", None), PARIS: ("SUPERSEDED", BERLIN)}
    assert await events(tenant.owner) == ["ADD", "ADD", "SUPERSEDE"]
    assert await outcomes(tenant, said(ROME, MARCH)) == ["SUPERSEDES"]
    assert (await states(tenant))[BERLIN] == ("SUPERSEDED", ROME)


async def test_the_timestamp_of_the_call_counts_where_a_message_has_none(tenant: Tenant) -> None:
    await learn(tenant, BERLIN, timestamp=FEBRUARY)
    await learn(tenant, PARIS, timestamp=JANUARY)
    assert await shown(tenant.owner, latestOnly=True) == [BERLIN]


async def test_the_time_of_the_message_counts_not_that_of_the_event(tenant: Tenant) -> None:
    """The move was before the winter, but was told after it."""
    moved = "I moved to Berlin last November."
    await learn(tenant, said(moved, FEBRUARY))
    assert await outcomes(tenant, said(PARIS, JANUARY)) == ["ADDED"]
    assert await states(tenant) == {moved: ("ACTIVE", None), PARIS: ("SUPERSEDED", moved)}


async def test_the_time_of_the_message_counts_not_that_of_storage(tenant: Tenant) -> None:
    (old,) = await learn(tenant, PARIS)
    # As if the first had waited in a queue for long.
    set_columns(tenant, old.id, created_at=(await _moment_of(tenant, old.id)).replace(year=2099))
    assert await outcomes(tenant, BERLIN, userId="alice", runId="other") == ["SUPERSEDES"]


async def _moment_of(tenant: Tenant, id: str) -> Any:
    rows = tenant.deployment.services.db.read_now(lambda tx: tx.memories.get_unscoped([id]))
    return rows[id].created_at


async def test_a_repeated_claim_is_current_again(tenant: Tenant) -> None:
    await learn(tenant, said(PARIS, JANUARY))
    assert await outcomes(tenant, said(PARIS, MARCH)) == ["ALREADY_KNOWN"]
    (late,) = await learn(tenant, said(BERLIN, FEBRUARY))
    assert (late.outcome, late.state) == ("ADDED", "SUPERSEDED")
    assert (await states(tenant))[PARIS] == ("ACTIVE", None)


@pytest.mark.parametrize(
    ("one", "other", "outcome", "last"),
    [
        (said(PARIS), said(BERLIN), ["ADDED", "SUPERSEDES"], BERLIN),
        (said(PARIS, JANUARY), said(BERLIN, FEBRUARY), ["ADDED", "SUPERSEDES"], BERLIN),
        (said(PARIS, FEBRUARY), said(BERLIN, JANUARY), ["ADDED", "ADDED"], PARIS),
    ],
    ids=["undated", "in order", "out of order"],
)
async def test_contradictions_within_one_call(
    tenant: Tenant, one: Any, other: Any, outcome: list[str], last: str
) -> None:
    assert await outcomes(tenant, one, other) == outcome
    assert await shown(tenant.owner) == [PARIS, BERLIN]
    assert await shown(tenant.owner, latestOnly=True) == [last]
    assert await events(tenant.owner) == ["ADD", "ADD", "SUPERSEDE"]


@pytest.mark.every_database
async def test_one_of_two_concurrent_contradictions_remains(tenant: Tenant) -> None:
    """The second comes while the first, in a run of its own, has looked and not yet committed."""
    await learn(tenant, "I have a cat.")
    runs = ({"userId": "alice", "runId": run} for run in "ab")
    with paused_transaction(tenant.deployment, "INSERT INTO source_messages") as (reached, release):
        first = asyncio.create_task(learn(tenant, PARIS, **next(runs)))
        await asyncio.to_thread(reached.wait, 5)
        second = asyncio.create_task(learn(tenant, BERLIN, **next(runs)))
        await asyncio.sleep(0.5)
        release.set()
        await asyncio.gather(first, second)
    found = await states(tenant)
    del found["I have a cat."]
    assert found == {PARIS: ("SUPERSEDED", BERLIN), BERLIN: ("ACTIVE", None)}


async def test_immutable_memories_are_not_superseded(tenant: Tenant) -> None:
    await learn(tenant, said(PARIS, FEBRUARY), immutable=True)
    assert await outcomes(tenant, said(BERLIN, MARCH)) == ["ADDED"]
    # Nor one that comes late: it was said before Berlin.
    (late,) = await learn(tenant, said(ROME, JANUARY), immutable=True)
    assert (late.outcome, late.state) == ("ADDED", "ACTIVE")
    assert await events(tenant.owner) == ["ADD"] * 3


async def test_expired_memories_supersede_nothing(tenant: Tenant) -> None:
    await learn(tenant, PARIS)
    assert await outcomes(tenant, BERLIN, expirationDate="2000-01-01") == ["ADDED"]
    assert await states(tenant) == {PARIS: ("ACTIVE", None), BERLIN: ("ACTIVE", None)}
