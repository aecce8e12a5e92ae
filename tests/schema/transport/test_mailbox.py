"""What waits to be sent: in order, in bounds, and never holding up what happens live."""

import asyncio

from core.limits.settings import Limits
from schema.transport.mailbox import MOST_CHARACTERS, MOST_MESSAGES, SLOW, Closing, Mailbox


async def test_messages_come_out_in_their_order_until_there_are_no_more() -> None:
    mailbox = Mailbox(Limits())
    mailbox.put("one")
    await mailbox.post("two")
    mailbox.finish()
    mailbox.put("too late")
    await mailbox.post("much too late")
    assert [await mailbox.take() for _ in range(4)] == ["one", "two", None, None]


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    for message, most in (("x", MOST_MESSAGES), ("x" * 2**19, MOST_CHARACTERS // 2**19)):
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
    mailbox.put("x" * (MOST_CHARACTERS + 1))
    assert mailbox.closing is None
    assert len(await mailbox.take() or "") == MOST_CHARACTERS + 1


async def test_answers_wait_for_room_and_leave_some_to_what_happens_live() -> None:
    mailbox = Mailbox(Limits())
    sent: list[int] = []

    async def replay() -> None:
        for number in range(MOST_MESSAGES):
            await mailbox.post(f"past {number}")
            sent.append(number)

    replaying = asyncio.create_task(replay())
    while len(sent) < MOST_MESSAGES // 4:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(sent) == MOST_MESSAGES // 4
    for number in range(MOST_MESSAGES // 2):
        mailbox.put(f"live {number}")
    assert mailbox.closing is None
    taken = []
    while len(taken) < MOST_MESSAGES // 2 + MOST_MESSAGES:
        taken.append(await mailbox.take())
    await replaying
    for kind, count in (("past", MOST_MESSAGES), ("live", MOST_MESSAGES // 2)):
        of_kind = [message for message in taken if message and message.startswith(kind)]
        assert of_kind == [f"{kind} {number}" for number in range(count)]


async def test_closing_releases_waiting_senders() -> None:
    mailbox = Mailbox(Limits())
    for _ in range(MOST_MESSAGES // 4):
        mailbox.put("x")
    waiting = asyncio.create_task(mailbox.post("x"))
    taking = asyncio.create_task(Mailbox(Limits()).take())
    await asyncio.sleep(0)
    assert not waiting.done()
    mailbox.close(Closing(1000, "over"))
    mailbox.close(SLOW)
    await waiting
    assert mailbox.closing == Closing(1000, "over")
    assert not taking.done()
    taking.cancel()
