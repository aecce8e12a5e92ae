"""Exact duplicates: the same text of the same entities is stored once.

The trap is the fiftieth request that arrives while the first is still being stored. A unique index
decides, so these tests go through the real database at once, not one after the other.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.documents.refusals import already_exists, assert_refused
from tests.support.documents.remembering import (
    DELETE,
    LEARN,
    MAKE_PROJECT,
    UPDATE,
    AddResult,
    add_input,
    events,
    learn,
    memories,
    shown,
    totals,
)
from tests.support.fixtures.factories import Tenant

TEA = "I drink green tea every morning."
TODAY = datetime.now(UTC).date()
YESTERDAY = (TODAY - timedelta(days=1)).isoformat()
SOON, LATER = ((TODAY + timedelta(days=days)).isoformat() for days in (10, 20))

both_ways = pytest.mark.parametrize("infer", [False, True], ids=["direct", "inferred"])


def says(text: str, **others: Any) -> dict[str, Any]:
    """Return a message of the user."""
    return {"role": "user", "content": text, **others}


async def one(tenant: Tenant, text: str | dict[str, Any], **options: Any) -> AddResult:
    """Add one message that becomes one memory."""
    (found,) = await learn(tenant, text, **options)
    return found


@both_ways
async def test_fifty_at_once_leave_one_row(tenant: Tenant, infer: bool) -> None:
    added = await asyncio.gather(*(one(tenant, TEA, infer=infer) for _ in range(50)))
    assert Counter(each.outcome for each in added) == {"ADDED": 1, "ALREADY_KNOWN": 49}
    assert len({each.id for each in added}) == 1
    (memory,) = await memories(tenant.owner, includeMerged=True, showExpired=True)
    assert (memory["id"], memory["text"], memory["version"]) == (added[0].id, TEA, 1)
    assert await events(tenant.owner) == ["ADD"]
    assert await totals(tenant) == {"project": 1, "alice": 1}


@both_ways
@pytest.mark.parametrize(
    "other",
    [
        {"userId": "bob"},
        {"userId": "alice", "runId": "monday"},
        {"userId": "alice", "appId": "diary"},
        {"agentId": "alice"},
        {"name": "Ann"},
        {"role": "assistant"},
    ],
    ids=lambda other: "-".join(other),
)
async def test_texts_of_other_entities_are_separate_memories(
    tenant: Tenant, infer: bool, other: dict[str, Any]
) -> None:
    text = "My sister Anna lives in Oslo."
    message = says(text, **{key: other[key] for key in ("name", "role") if key in other})
    options = {key: value for key, value in other.items() if key.endswith("Id")}
    first = await one(tenant, says(text), infer=infer)
    second = await one(tenant, message, infer=infer, **options)
    assert (first.outcome, second.outcome) == ("ADDED", "ADDED")
    assert await shown(tenant.owner) == [text, text]
    for again in (
        await one(tenant, says(text), infer=infer),
        await one(tenant, message, infer=infer, **options),
    ):
        assert again.outcome == "ALREADY_KNOWN"
        assert again.id in (first.id, second.id)
    assert await events(tenant.owner) == ["ADD", "ADD"]


async def test_another_project_has_memories_of_its_own(tenant: Tenant) -> None:
    other = (await tenant.owner.do(MAKE_PROJECT))["project"]["id"]
    first = await one(tenant, TEA, infer=False)
    second = await one(tenant, TEA, infer=False, projectId=other)
    assert (second.outcome, second.id != first.id) == ("ADDED", True)


@pytest.mark.parametrize(
    ("one_form", "other_form", "same"),
    [
        ("Two words", "  Two \n\t words ", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("Caf\u00e9", "caf\u00e9", False),
        ("Two words", "Twowords", False),
        ("a\u00b2", "a2", False),
    ],
    ids=["white space", "NFC", "case", "no space", "no NFKC"],
)
async def test_normalization_of_texts(
    tenant: Tenant, one_form: str, other_form: str, same: bool
) -> None:
    first = await one(tenant, one_form, infer=False)
    second = await one(tenant, other_form, infer=False)
    assert second.outcome == ("ALREADY_KNOWN" if same else "ADDED")
    assert (second.id == first.id) is same
    # The first keeps its words to the letter.
    assert await shown(tenant.owner) == ([one_form] if same else [one_form, other_form])


@both_ways
async def test_a_repeat_within_one_call(tenant: Tenant, infer: bool) -> None:
    found = await learn(tenant, TEA, "I have a cat.", TEA, infer=infer)
    if infer:
        # The extraction has it once, and knows both messages that say so.
        assert [(each.outcome, each.text) for each in found] == [
            ("ADDED", TEA),
            ("ADDED", "I have a cat."),
        ]
    else:
        assert [each.outcome for each in found] == ["ADDED", "ADDED", "ALREADY_KNOWN"]
        assert found[2].id == found[0].id
    assert await shown(tenant.owner) == [TEA, "I have a cat."]
    assert await totals(tenant) == {"project": 2, "alice": 2}
    assert await events(tenant.owner) == ["ADD", "ADD"]


# ---------------------------------------------------------------- expiration


@both_ways
async def test_an_expired_duplicate_is_replaced(tenant: Tenant, infer: bool) -> None:
    old = await one(tenant, TEA, infer=infer, expirationDate=YESTERDAY)
    new = await one(tenant, TEA, infer=infer)
    assert (new.outcome, new.id != old.id) == ("ADDED", True)
    assert [memory["id"] for memory in await memories(tenant.owner)] == [new.id]
    assert await shown(tenant.owner, showExpired=True) == [TEA, TEA]
    again = await one(tenant, TEA, infer=infer)
    assert (again.outcome, again.id) == ("ALREADY_KNOWN", new.id)


async def test_a_memory_that_expires_today_is_still_current(tenant: Tenant) -> None:
    old = await one(tenant, TEA, infer=False, expirationDate=TODAY.isoformat())
    again = await one(tenant, TEA, infer=False, expirationDate=TODAY.isoformat())
    assert (again.outcome, again.id, again.version) == ("ALREADY_KNOWN", old.id, 1)


@both_ways
@pytest.mark.parametrize(
    ("wanted", "expires"),
    [(LATER, LATER), (None, None), (SOON, SOON), (TODAY.isoformat(), SOON)],
    ids=["longer", "for ever", "as long", "shorter"],
)
async def test_a_repeat_may_extend_the_expiry(
    tenant: Tenant, infer: bool, wanted: str | None, expires: str | None
) -> None:
    first = await one(tenant, TEA, infer=infer, expirationDate=SOON)
    again = await one(tenant, TEA, infer=infer, expirationDate=wanted)
    changed = expires != SOON
    assert (again.outcome, again.id, again.expires) == ("ALREADY_KNOWN", first.id, expires)
    assert again.version == 1 + changed
    assert await events(tenant.owner) == ["ADD", "UPDATE"][: 1 + changed]


@both_ways
async def test_a_memory_without_expiry_keeps_none(tenant: Tenant, infer: bool) -> None:
    await one(tenant, TEA, infer=infer)
    again = await one(tenant, TEA, infer=infer, expirationDate=SOON)
    assert (again.outcome, again.expires, again.version) == ("ALREADY_KNOWN", None, 1)


@both_ways
@pytest.mark.parametrize("wanted", [LATER, None], ids=["longer", "for ever"])
async def test_the_expiry_of_an_immutable_memory_is_extended(
    tenant: Tenant, infer: bool, wanted: str | None
) -> None:
    first = await one(tenant, TEA, infer=infer, immutable=True, expirationDate=SOON)
    again = await one(tenant, TEA, infer=infer, expirationDate=wanted)
    assert (again.outcome, again.id) == ("ALREADY_KNOWN", first.id)
    assert (again.expires, again.version) == (wanted, 2)
    kept = await one(tenant, TEA, infer=infer, expirationDate=SOON)
    assert (kept.expires, kept.version) == (wanted, 2)


async def test_an_expired_memory_with_a_duplicate_stays_expired(tenant: Tenant) -> None:
    """Prolonging it would show the same words twice."""
    old = await one(tenant, TEA, infer=False, expirationDate=YESTERDAY)
    new = await one(tenant, TEA, infer=False)
    error = already_exists("input", "expirationDate")
    longer = {"expirationDate": None}
    await assert_refused(tenant, tenant.owner, error, UPDATE, id=old.id, input=longer)
    await tenant.owner.do(DELETE, id=new.id)
    await tenant.owner.do(UPDATE, id=old.id, input=longer)
    again = await one(tenant, TEA, infer=False)
    assert (again.outcome, again.id) == ("ALREADY_KNOWN", old.id)


# ---------------------------------------------------------------- updates and deletions


async def test_an_update_cannot_create_a_duplicate(tenant: Tenant) -> None:
    tea, coffee = await learn(tenant, TEA, "I drink coffee.", infer=False)
    error = already_exists("input", "text")
    same = {"text": f" {TEA}", "metadata": {"a": 1}}
    await assert_refused(tenant, tenant.owner, error, UPDATE, id=coffee.id, input=same)
    bobs = await one(tenant, "I drink coffee.", infer=False, userId="bob")
    await tenant.owner.do(UPDATE, id=bobs.id, input={"text": TEA})
    # Its own place is no twin's.
    spaced = {"text": TEA.replace(" ", "  ")}
    changed = await tenant.owner.do(UPDATE, id=tea.id, input=spaced)
    assert changed["memory"] == {"id": tea.id, "text": spaced["text"], "version": 2}


async def test_a_changed_or_deleted_text_can_be_stored_again(tenant: Tenant) -> None:
    first = await one(tenant, TEA, infer=False)
    await tenant.owner.do(UPDATE, id=first.id, input={"text": "I drink coffee."})
    second = await one(tenant, TEA, infer=False)
    assert (second.outcome, second.id != first.id) == ("ADDED", True)
    held = await one(tenant, "I drink coffee.", infer=False)
    assert (held.outcome, held.id) == ("ALREADY_KNOWN", first.id)
    await tenant.owner.do(DELETE, id=second.id)
    third = await one(tenant, TEA, infer=False)
    assert (third.outcome, third.id not in (first.id, second.id)) == ("ADDED", True)
    assert await totals(tenant) == {"project": 2, "alice": 2}


async def test_two_texts_changed_at_once_into_the_same(tenant: Tenant) -> None:
    added = await learn(tenant, *map(str, range(8)), infer=False)
    answers = await asyncio.gather(
        *(tenant.owner.ask(UPDATE, id=each.id, input={"text": TEA}) for each in added)
    )
    codes = Counter(
        error["code"] for answer in answers for error in answer["updateMemory"]["userErrors"]
    )
    assert codes == {"ALREADY_EXISTS": 7}
    assert (await shown(tenant.owner)).count(TEA) == 1


async def test_a_reader_cannot_extend_an_expiry_by_repeating(tenant: Tenant) -> None:
    await one(tenant, TEA, infer=False, expirationDate=SOON)
    (error,) = await tenant.reader.refused(
        LEARN, input=add_input(TEA, infer=False), projectId=tenant.project_id
    )
    assert error["code"] == "FORBIDDEN"
    assert [memory["expirationDate"] for memory in await memories(tenant.owner)] == [SOON]
