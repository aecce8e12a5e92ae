"""The ledger of results that are not yet sent: its bounds, its order, and that nothing leaks."""

import asyncio
import random
from typing import Any

import pytest

from core.errors import LimitExceeded
from core.limits.settings import Limits
from resolvers.runtime.pending import SMALL_BYTES, TEXT_BYTES, Claim, Pending

KILO = 1_024
MOST, MOST_OF_PROCESS = 1_000 * KILO, 3_000 * KILO


def ledger(**settings: Any) -> Pending:
    given = {
        "max_account_pending_bytes": MOST,
        "max_process_pending_bytes": MOST_OF_PROCESS,
        "queue_seconds": 0.02,
        **settings,
    }
    return Pending(Limits(**given))


async def holding(pending: Pending, account: str, size: int) -> Claim:
    claim = pending.claim(account)
    await claim.take(size)
    return claim


@pytest.mark.parametrize("is_executed", [False, True])
async def test_an_account_holds_so_much(is_executed: bool) -> None:
    pending = ledger()
    await holding(pending, "a", MOST - 100 * KILO)
    claim = pending.claim("a")
    with pytest.raises(LimitExceeded) as refused:
        await claim.take(100 * KILO + 1, is_executed=is_executed)
    error = refused.value
    assert (error.limit, error.requested, error.allowed) == ("accountPending", MOST + 1, MOST)
    assert error.retry_after == 1
    assert (claim.size, len(pending)) == (0, MOST - 100 * KILO)
    await claim.take(100 * KILO, is_executed=is_executed)
    assert len(pending) == MOST
    # Another account has its own room.
    await holding(pending, "b", MOST)


async def test_small_results_find_room_beside_large_ones() -> None:
    pending = ledger()
    await holding(pending, "a", MOST)
    beside = MOST // 4
    for _ in range(beside // SMALL_BYTES):
        await holding(pending, "a", SMALL_BYTES)
    left = beside % SMALL_BYTES
    with pytest.raises(LimitExceeded) as refused:
        await holding(pending, "a", left + 1)
    assert refused.value.allowed == MOST + beside
    await holding(pending, "a", left)


async def test_a_process_holds_so_much() -> None:
    pending = ledger()
    # The first of each account does not count.
    for account in "abc":
        await holding(pending, account, MOST_OF_PROCESS // 4 + SMALL_BYTES)
    quarter = MOST_OF_PROCESS // 4
    with pytest.raises(LimitExceeded) as refused:
        await holding(pending, "d", SMALL_BYTES + quarter + 1)
    error = refused.value
    assert (error.limit, error.requested) == ("processPending", MOST_OF_PROCESS + 1)
    assert error.allowed == MOST_OF_PROCESS
    await holding(pending, "d", SMALL_BYTES + quarter)
    # Whoever fills the process, another account has room for what is small.
    await holding(pending, "e", SMALL_BYTES)
    with pytest.raises(LimitExceeded):
        await holding(pending, "e", 1)


async def test_what_is_alone_may_have_any_size() -> None:
    pending = ledger()
    claim = await holding(pending, "a", 10 * MOST_OF_PROCESS)
    # It may grow as well.
    await claim.take(20 * MOST_OF_PROCESS)
    claim.release()
    assert len(pending) == 0


async def test_an_estimate_leaves_room_for_others() -> None:
    pending = ledger()
    assert pending.estimate(0) == 0
    assert pending.estimate(3) == 3 * TEXT_BYTES
    claims = [await holding(pending, "a", pending.estimate(10_000)) for _ in range(4)]
    assert sum(claim.size for claim in claims) == MOST
    assert ledger(max_response_bytes=100_000).estimate(10_000) == 100_000


async def test_who_waits_goes_on_when_there_is_room() -> None:
    pending = ledger(queue_seconds=10)
    first = await holding(pending, "a", MOST)
    order: list[str] = []

    async def take(name: str, size: int, *, is_executed: bool = False) -> None:
        with pending.claim("a") as claim:
            await claim.take(size, is_executed=is_executed)
            order.append(name)
            await asyncio.sleep(0)

    tasks = []
    for name, size, is_executed in (
        ("first", MOST, False),
        ("second", MOST // 2, False),
        ("executed", MOST // 2, True),
        ("executed later", MOST // 2, True),
    ):
        tasks.append(asyncio.create_task(take(name, size, is_executed=is_executed)))
        await asyncio.sleep(0)
    # Small ones are not held up by those that wait.
    await take("small", KILO)
    assert order == ["small"]
    # One that comes later waits behind them, although it would have room.
    first.correct(MOST - 100 * KILO)
    late = asyncio.create_task(take("late", 70 * KILO))
    await asyncio.sleep(0)
    assert order == ["small"]
    first.release()
    await asyncio.gather(*tasks, late)
    assert order[1:] == ["executed", "executed later", "first", "second", "late"]
    assert len(pending) == 0


async def test_two_that_grow_do_not_wait_for_each_other() -> None:
    pending = ledger(queue_seconds=10)
    done = []

    async def grow(name: int) -> None:
        with pending.claim("a") as claim:
            await claim.take(pending.estimate(10_000))
            await asyncio.sleep(0)
            await claim.take(MOST - 10 * KILO, is_executed=True)
            await asyncio.sleep(0)
            done.append(name)

    async with asyncio.timeout(5):
        await asyncio.gather(*map(grow, range(12)))
    assert sorted(done) == list(range(12))
    assert len(pending) == 0


async def test_a_waiting_claim_that_is_cancelled_holds_nothing() -> None:
    pending = ledger(queue_seconds=10)
    first = await holding(pending, "a", MOST)

    async def take() -> None:
        with pending.claim("a") as claim:
            await claim.take(MOST)

    # Before its turn, and in the moment of its turn.
    for is_granted in (False, True):
        waiting = asyncio.create_task(take())
        await asyncio.sleep(0)
        if is_granted:
            first.release()
            assert len(pending) == MOST
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert len(pending) == 0
    assert pending._waiting == []


async def test_whatever_happens_nothing_leaks_and_no_bound_is_exceeded() -> None:
    for seed in range(30):
        chance = random.Random(seed)
        pending = ledger(queue_seconds=0.003)
        refused = 0

        async def operate(chance: random.Random = chance, pending: Pending = pending) -> None:
            nonlocal refused
            with pending.claim(chance.choice("abcdef")) as claim:
                try:
                    for is_executed in (False, True):
                        size = chance.choice((10, SMALL_BYTES, 400 * KILO, MOST, 2 * MOST))
                        await claim.take(size, is_executed=is_executed)
                        assert claim.size == size
                        await asyncio.sleep(chance.random() / 1_000)
                except LimitExceeded:
                    refused += 1
                    assert claim.size == 0
                    return
                other = claim.hand_over()
                try:
                    await asyncio.sleep(chance.random() / 1_000)
                finally:
                    other.release()

        tasks = [asyncio.create_task(operate()) for _ in range(60)]
        while not all(task.done() for task in tasks):
            for account, held in pending._held.items():
                # 2 * MOST is held only alone, except for small ones beside it.
                assert held <= 2 * MOST + MOST // 4, account
            assert pending._shared == sum(
                max(0, held - SMALL_BYTES) for held in pending._held.values()
            )
            if chance.random() < 0.2:
                chance.choice(tasks).cancel()
            await asyncio.sleep(0)
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        assert (len(pending), pending._shared, pending._waiting) == (0, 0, [])
        assert refused > 0
