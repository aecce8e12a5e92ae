"""Requests that are repeated with their key: done once, answered alike, for a day.

The trap is the repeat that comes before the first has been answered: the key must be taken in the
transaction that keeps the work, not looked up before it.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core.access import ApiKeyPermission, Role
from core.ids import now, uuid7
from storage.tables.fields import table_of
from storage.tables.work import Operation
from storage.tenancy.members import MemberRow
from storage.transaction import Transaction
from tests.support.clients.graphql import Client
from tests.support.documents.ingesting import (
    ADD,
    CREATE_PROJECT,
    add_inferred,
    blocked_adds,
    finished_operation,
    inferring_input,
    message_input,
    raw,
    texts_of,
    work_of,
)
from tests.support.fixtures.factories import Tenant

pytestmark = pytest.mark.every_database

TENNIS, GOLF = "I play tennis every Tuesday.", "I play golf every Friday."
DELETE = "mutation ($ids: [ID!]) { deleteMemories(ids: $ids) { count userErrors { code } } }"
LOG = "{ project { history(first: 100) { totalCount } } }"
KEY = "a key"
INFER = pytest.mark.parametrize("infer", [True, False], ids=["infer", "import"])

_OPERATIONS = table_of(Operation)


async def assert_mismatch(client: Client, input: dict[str, Any], **variables: Any) -> None:
    (error,) = await client.refused(ADD, input=input, **variables)
    assert error.pop("message")
    assert error == {
        "__typename": "IdempotencyMismatchError",
        "code": "IDEMPOTENCY_MISMATCH",
        "path": ["input", "idempotencyKey"],
    }


def change_operation(tenant: Tenant, id: str, **values: Any) -> None:
    change = update(_OPERATIONS).where(_OPERATIONS.c.id == id).values(**values)
    engine = tenant.deployment.services.db.engine
    with engine.connect().execution_options(mnemograph_write=True) as connection:
        connection.execute(change)
        connection.commit()


@INFER
async def test_a_repeat_is_answered_like_the_first(tenant: Tenant, infer: bool) -> None:
    first = await add_inferred(tenant.owner, TENNIS, GOLF, infer=infer, idempotencyKey=KEY)
    assert [memory["text"] for memory in first["memories"]] == [TENNIS, GOLF]
    assert [result["outcome"] for result in first["results"]] == ["ADDED", "ADDED"]
    kept = raw(tenant)
    for wait in (True, False):
        again = await add_inferred(
            tenant.owner, TENNIS, GOLF, infer=infer, wait=wait, idempotencyKey=KEY
        )
        assert again == first
    assert raw(tenant) == kept
    assert len(kept) == 1
    other = await add_inferred(tenant.owner, TENNIS, GOLF, infer=infer, idempotencyKey="another")
    assert other["operation"]["id"] != first["operation"]["id"]
    assert [result["outcome"] for result in other["results"]] == ["ALREADY_KNOWN"] * 2


@INFER
async def test_a_key_that_came_with_another_request_is_refused(tenant: Tenant, infer: bool) -> None:
    options = {"metadata": {"a": 1, "b": 2}, "infer": infer, "idempotencyKey": KEY}
    first = inferring_input(TENNIS, GOLF, **options)
    await tenant.owner.do(ADD, input=first)
    kept, log = raw(tenant), await tenant.owner.ask(LOG)
    for other in (
        {"messages": [message_input(TENNIS)]},
        {"messages": [message_input(GOLF), message_input(TENNIS)]},
        {"messages": [message_input(TENNIS), message_input(GOLF, "assistant")]},
        {"messages": [message_input(TENNIS), message_input(GOLF, name="Al")]},
        {"userId": "bob"},
        {"userId": None, "agentId": "alice"},
        {"runId": "r"},
        {"metadata": {"a": 1, "b": 3}},
        {"timestamp": "2026-01-01T00:00:00Z"},
        {"expirationDate": "2999-01-01"},
        {"immutable": True},
        {"infer": not infer},
        {"includes": "sports"},
        {"customInstructions": ""},
        {"customCategories": []},
    ):
        await assert_mismatch(tenant.owner, first | other)
    assert (raw(tenant), await tenant.owner.ask(LOG)) == (kept, log)
    # What does not change what is remembered is no other request.
    same = first | {"metadata": {"b": 2, "a": 1}, "wait": False, "excludes": None}
    again = await tenant.owner.do(ADD, input=same, projectId=tenant.project_id)
    assert again["operation"]["id"] == kept[0]["id"]


async def test_a_repeat_while_the_first_still_waits(tenant: Tenant) -> None:
    with blocked_adds(tenant, userId="alice"):
        first = await add_inferred(tenant.owner, TENNIS, wait=False, idempotencyKey=KEY)
        again = await add_inferred(tenant.owner, TENNIS, wait=False, idempotencyKey=KEY)
        assert again == first
        assert first["operation"]["status"] == "PENDING"
        await assert_mismatch(tenant.owner, inferring_input(GOLF, idempotencyKey=KEY))
        waiting = asyncio.create_task(add_inferred(tenant.owner, TENNIS, idempotencyKey=KEY))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        assert work_of(tenant) == (1, 2)
    done = await waiting
    assert done["operation"]["id"] == first["operation"]["id"]
    assert done["operation"]["status"] == "SUCCEEDED"
    assert [memory["text"] for memory in done["memories"]] == [TENNIS]
    assert await texts_of(tenant.owner) == [TENNIS]


async def test_a_repeat_does_not_bring_back_what_was_deleted(tenant: Tenant) -> None:
    first = await add_inferred(tenant.owner, TENNIS, GOLF, idempotencyKey=KEY)
    tennis, golf = (memory["id"] for memory in first["memories"])
    await tenant.owner.do(DELETE, ids=[tennis])
    again = await add_inferred(tenant.owner, TENNIS, GOLF, idempotencyKey=KEY)
    assert again["operation"]["id"] == first["operation"]["id"]
    assert [memory["id"] for memory in again["memories"]] == [golf]
    assert await texts_of(tenant.owner) == [GOLF]


async def test_keys_are_known_by_account(tenant: Tenant) -> None:
    def join(tx: Transaction) -> None:
        account = tx.accounts.get_or_create(tenant.stranger_email, uuid7(), now())
        tx.members.project.add(tenant.project_id, MemberRow(uuid7(), account.id, Role.OWNER, now()))

    tenant.deployment.services.db.write_now(join)
    mine = await add_inferred(tenant.owner, TENNIS, idempotencyKey=KEY)
    same_account = tenant.key(tenant.owner_email, ApiKeyPermission.WRITE)
    input = inferring_input(TENNIS, idempotencyKey=KEY)
    again = await same_account.do(ADD, input=input, projectId=tenant.project_id)
    assert again["operation"]["id"] == mine["operation"]["id"]

    theirs = await tenant.stranger.do(ADD, input=input, projectId=tenant.project_id)
    assert theirs["operation"]["id"] != mine["operation"]["id"]
    assert [result["outcome"] for result in theirs["results"]] == ["ALREADY_KNOWN"]
    golf = inferring_input(GOLF, idempotencyKey=KEY)
    await assert_mismatch(tenant.stranger, golf, projectId=tenant.project_id)
    assert work_of(tenant) == (2, 0)


@INFER
async def test_keys_are_known_by_project(tenant: Tenant, infer: bool) -> None:
    other = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    first = await add_inferred(tenant.owner, TENNIS, infer=infer, idempotencyKey=KEY)
    golf = inferring_input(GOLF, infer=infer, idempotencyKey=KEY)
    there = await tenant.owner.do(ADD, input=golf, projectId=other)
    assert [memory["text"] for memory in there["memories"]] == [GOLF]
    assert await add_inferred(tenant.owner, TENNIS, infer=infer, idempotencyKey=KEY) == first
    again = await tenant.owner.do(ADD, input=golf, projectId=other)
    assert again["operation"]["id"] == there["operation"]["id"]
    await assert_mismatch(tenant.owner, golf)
    tennis = inferring_input(TENNIS, infer=infer, idempotencyKey=KEY)
    await assert_mismatch(tenant.owner, tennis, projectId=other)


async def test_a_key_stored_by_an_earlier_version_is_known(tenant: Tenant) -> None:
    other = (await tenant.owner.do(CREATE_PROJECT))["project"]["id"]
    first = await add_inferred(tenant.owner, TENNIS, infer=False, idempotencyKey=KEY)
    change_operation(tenant, first["operation"]["id"], idempotency_key=KEY)
    again = await add_inferred(tenant.owner, TENNIS, infer=False, idempotencyKey=KEY)
    assert again["operation"]["id"] == first["operation"]["id"]
    await assert_mismatch(tenant.owner, inferring_input(GOLF, infer=False, idempotencyKey=KEY))
    golf = inferring_input(GOLF, infer=False, idempotencyKey=KEY)
    assert await tenant.owner.do(ADD, input=golf, projectId=other)


@INFER
async def test_a_key_is_free_again_after_a_day(tenant: Tenant, infer: bool) -> None:
    first = await add_inferred(tenant.owner, TENNIS, infer=infer, idempotencyKey=KEY)

    def let_pass(time: timedelta) -> None:
        change_operation(tenant, first["operation"]["id"], created_at=now() - time)

    let_pass(timedelta(hours=23, minutes=59))
    again = await add_inferred(tenant.owner, TENNIS, infer=infer, idempotencyKey=KEY)
    assert again["operation"]["id"] == first["operation"]["id"]
    await assert_mismatch(tenant.owner, inferring_input(GOLF, infer=infer, idempotencyKey=KEY))

    let_pass(timedelta(hours=24, seconds=1))
    later = await add_inferred(tenant.owner, GOLF, infer=infer, idempotencyKey=KEY)
    assert later["operation"]["id"] != first["operation"]["id"]
    assert [memory["text"] for memory in later["memories"]] == [GOLF]
    # By now the key stands for the later request.
    await assert_mismatch(tenant.owner, inferring_input(TENNIS, infer=infer, idempotencyKey=KEY))
    assert (await finished_operation(tenant.owner, first["operation"]["id"]))[
        "status"
    ] == "SUCCEEDED"


async def test_a_refused_request_does_not_take_its_key(tenant: Tenant) -> None:
    input = inferring_input(TENNIS, idempotencyKey=KEY)
    await tenant.owner.refused(ADD, input=input | {"messages": [message_input(" ")]})
    await tenant.owner.refused(ADD, input=input, projectId=tenant.stranger_project_id)
    payload = await tenant.owner.do(ADD, input=input)
    assert [memory["text"] for memory in payload["memories"]] == [TENNIS]


@INFER
async def test_twenty_repeats_at_once_are_one(tenant: Tenant, infer: bool) -> None:
    requests = (
        add_inferred(tenant.owner, TENNIS, GOLF, infer=infer, idempotencyKey=KEY) for _ in range(20)
    )
    first, *others = await asyncio.gather(*requests)
    assert [memory["text"] for memory in first["memories"]] == [TENNIS, GOLF]
    assert others == [first] * 19
    assert work_of(tenant) == (1, 0)
    assert (await tenant.owner.ask(LOG))["project"]["history"]["totalCount"] == 2
