"""What waits to be sent: in order, in bounds, and never holding up what happens live."""

import asyncio

from core.limits.settings import Limits
from resolvers.runtime.pending import Pending
from schema.transport.mailbox import MOST_MESSAGES, MOST_QUEUED_BYTES, SLOW, Closing, Mailbox


async def test_messages_come_out_in_their_order_until_there_are_no_more() -> None:
    mailbox = Mailbox(Limits())
    mailbox.put(b"one")
    await mailbox.post(b"two")
    mailbox.finish()
    mailbox.put(b"too late")
    await mailbox.post(b"much too late")
    assert [await mailbox.take() for _ in range(4)] == [b"one", b"two", None, None]


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    for message, most in ((b"x", MOST_MESSAGES), (b"x" * 2**19, MOST_QUEUED_BYTES // 2**19)):
        mailbox = Mailbox(Limits())
        for _ in range(most):
            mailbox.put(message)
        assert mailbox.closing is None
        mailbox.put(message)
        assert mailbox.closing == SLOW
        assert await mailbox.take() is None
        mailbox.put(message)
        assert await mailbox.take() is None


async def test_a_single_message_may_be_of_any_size() -> None:
    mailbox = Mailbox(Limits())
    mailbox.put(b"x" * (MOST_QUEUED_BYTES + 1))
    assert mailbox.closing is None
    assert len(await mailbox.take() or b"") == MOST_QUEUED_BYTES + 1


async def test_answers_wait_for_room_and_leave_some_to_what_happens_live() -> None:
    mailbox = Mailbox(Limits())
    sent: list[int] = []

    async def replay() -> None:
        for number in range(MOST_MESSAGES):
            await mailbox.post(f"past {number}".encode())
            sent.append(number)

    replaying = asyncio.create_task(replay())
    while len(sent) < MOST_MESSAGES // 4:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(sent) == MOST_MESSAGES // 4
    for number in range(MOST_MESSAGES // 2):
        mailbox.put(f"live {number}".encode())
    assert mailbox.closing is None
    taken = []
    while len(taken) < MOST_MESSAGES // 2 + MOST_MESSAGES:
        taken.append(await mailbox.take())
    await replaying
    for kind, count in ((b"past", MOST_MESSAGES), (b"live", MOST_MESSAGES // 2)):
        of_kind = [message for message in taken if message and message.startswith(kind)]
        assert of_kind == [b"%s %d" % (kind, number) for number in range(count)]


async def test_closing_releases_waiting_senders() -> None:
    mailbox = Mailbox(Limits())
    for _ in range(MOST_MESSAGES // 4):
        mailbox.put(b"x")
    waiting = asyncio.create_task(mailbox.post(b"x"))
    taking = asyncio.create_task(Mailbox(Limits()).take())
    await asyncio.sleep(0)
    assert not waiting.done()
    mailbox.close(Closing(1000, "over"))
    mailbox.close(SLOW)
    await waiting
    assert mailbox.closing == Closing(1000, "over")
    assert not taking.done()
    taking.cancel()


def _mailbox(pending: Pending) -> Mailbox:
    mailbox = Mailbox(Limits())
    mailbox.account = pending.claim("account")
    return mailbox


async def test_live_events_need_room_among_the_results_of_the_account() -> None:
    pending = Pending(Limits(max_account_pending_bytes=100_000))
    mailbox, other = _mailbox(pending), _mailbox(pending)
    # Small messages may exceed the room by a quarter.
    message = b"x" * 12_000
    for _ in range(10):
        mailbox.put(message)
    assert 120_000 < len(pending) < 125_000
    other.put(message)
    assert (mailbox.closing, other.closing) == (None, SLOW)
    mailbox.close(SLOW)
    assert len(pending) == 0


async def test_the_end_of_an_operation_follows_its_result_however_large_that_is() -> None:
    pending = Pending(Limits(max_account_pending_bytes=100_000))
    mailbox = _mailbox(pending)
    with pending.claim("account") as room:
        await room.take(MOST_QUEUED_BYTES)
        await mailbox.post(b"x" * MOST_QUEUED_BYTES, room)
    mailbox.put_end(b"end")
    mailbox.finish()
    assert len(await mailbox.take() or b"") == MOST_QUEUED_BYTES
    assert len(pending) > MOST_QUEUED_BYTES
    assert await mailbox.take() == b"end"
    assert 0 < len(pending) < 100
    assert await mailbox.take() is None
    assert len(pending) == 0


async def test_whatever_is_pending_is_released_at_the_end() -> None:
    pending = Pending(Limits())
    for has_closed in (False, True):
        mailbox = _mailbox(pending)
        for _ in range(MOST_MESSAGES // 4):
            mailbox.put(b"x")

        async def post(mailbox: Mailbox = mailbox) -> None:
            with pending.claim("account") as room:
                await room.take(10_000)
                await mailbox.post(b"y" * 10_000, room)

        # One is being sent, one waits for room and goes on, one is cancelled while it waits.
        await mailbox.take()
        tasks = [asyncio.create_task(post()) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.sleep(0)
        assert len(pending) > 20_000
        if has_closed:
            mailbox.close(SLOW)
        mailbox.end()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(pending) == 0
