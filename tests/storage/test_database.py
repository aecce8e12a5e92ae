"""Transactions: all or nothing, and again when a row has moved."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from core.ids import now, uuid7
from storage.errors import RowMoved
from storage.transaction import Transaction
from tests.deployment import Deployment


async def test_a_transaction_that_raises_leaves_nothing(deployment: Deployment) -> None:
    email = f"{uuid7()}@example.com"

    def work(tx: Transaction) -> None:
        tx.accounts.obtain(email, uuid7(), now())
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await deployment.services.db.write(work)
    assert await deployment.services.db.read(lambda tx: tx.accounts.by_email(email)) is None


async def test_a_row_that_moved_is_decided_anew(deployment: Deployment) -> None:
    seen: list[str] = []

    def work(tx: Transaction) -> str:
        id = tx.accounts.obtain(f"{uuid7()}@example.com", uuid7(), now()).id
        seen.append(id)
        if len(seen) < 3:
            raise RowMoved
        return id

    assert await deployment.services.db.write(work) == seen[2]
    assert len(seen) == 3


async def test_a_true_violation_is_raised_in_the_end(deployment: Deployment) -> None:
    email, tries = f"{uuid7()}@example.com", 0
    await deployment.services.db.write(lambda tx: tx.accounts.obtain(email, uuid7(), now()))

    def work(tx: Transaction) -> None:
        nonlocal tries
        tries += 1
        tx.organizations.create("0" * 36, "Twice", now())
        tx.organizations.create("0" * 36, "Twice", now())

    with pytest.raises(IntegrityError):
        await deployment.services.db.write(work)
    assert tries == 8


async def test_many_who_name_the_same_account_get_the_same(deployment: Deployment) -> None:
    email, db = f"{uuid7()}@example.com", deployment.services.db
    made = await asyncio.gather(
        *(db.write(lambda tx: tx.accounts.obtain(email, uuid7(), now())) for _ in range(20))
    )
    assert len({account.id for account in made}) == 1
