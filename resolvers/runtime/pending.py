"""The bytes that a process computes or has computed, and that clients have not yet taken.

A client can ask for much and read nothing. So an operation takes room before it is executed, of the
size that its result may have, corrects it to the size that the result has, and gives it back when
the result is sent. The room of each account is limited, and so is that of the process. An operation
that finds no room waits, and is refused after a while.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from core.errors import LimitExceeded
from core.limits.settings import Limits

# What a text may take in a result: the size of the longest memory.
TEXT_BYTES = 65_536
# Up to this size, a result finds room although large ones fill that of its account, and an account
# finds it although others fill that of the process.
SMALL_BYTES = 65_536
# The part of an account's room by which small results may exceed it.
_SMALL_PART = 4
# The part of an account's room that an estimate may take: so many operations can run at once.
_ESTIMATE_PART = 4
_RETRY_SECONDS = 1


class Pending:
    """The ledger of one process."""

    def __init__(self, limits: Limits) -> None:
        self._most = limits.max_account_pending_bytes
        self._most_of_process = limits.max_process_pending_bytes
        self._seconds = limits.queue_seconds
        self._largest = limits.max_response_bytes
        self._held: Counter[str] = Counter()
        # What accounts hold beyond the small results that each of them always has room for.
        self._shared = 0
        # Those that have been executed, then the others; of each kind, the first one first.
        self._waiting: list[_Turn] = []

    def __len__(self) -> int:
        """Return the number of bytes that all accounts hold."""
        return self._held.total()

    def claim(self, account_id: str) -> "Claim":
        """Return an empty claim of an account."""
        return Claim(self, account_id)

    def estimate(self, texts: int) -> int:
        """Return the room to take before an operation that selects so many texts is executed."""
        return min(texts * TEXT_BYTES, self._most // _ESTIMATE_PART, self._largest)

    def refusal_of(self, claim: "Claim", size: int) -> LimitExceeded | None:
        """Return why a claim cannot have so many bytes, or None if there is room.

        What is alone may have any size, so that each result that a response may have can be sent.
        """
        own = self._held[claim.account_id]
        held = own - claim.size
        most = self._most
        if size <= SMALL_BYTES:
            most += most // _SMALL_PART
        if held and held + size > most:
            return self._refusal(
                "accountPending",
                held + size,
                most,
                f"Results of {held:,} bytes are computed for this account and not yet read, and "
                f"this one may have {size:,}; {most:,} are allowed: read the pending results "
                "first.",
            )
        shared = self._shared - _beyond_small(own) + _beyond_small(held)
        more = _beyond_small(held + size) - _beyond_small(held)
        most = self._most_of_process
        if more and shared and shared + more > most:
            return self._refusal(
                "processPending",
                shared + more,
                most,
                f"Results of {shared:,} bytes are computed in this process and not yet read, and "
                f"this one may add {more:,}; {most:,} are allowed: try again.",
            )
        return None

    def _refusal(self, limit: str, requested: int, allowed: int, message: str) -> LimitExceeded:
        return LimitExceeded(
            message,
            limit=limit,
            requested=requested,
            allowed=allowed,
            retry_after=_RETRY_SECONDS,
        )

    def change(self, claim: "Claim", size: int) -> None:
        """Set what a claim holds, whether or not there is room; let those go on who have room."""
        before = self._held[claim.account_id]
        after = before + size - claim.size
        is_less, claim.size = size < claim.size, size
        self._shared += _beyond_small(after) - _beyond_small(before)
        if after:
            self._held[claim.account_id] = after
        else:
            del self._held[claim.account_id]
        if is_less and self._waiting:
            self._let_go_on()

    def is_first(self, claim: "Claim", size: int, *, is_executed: bool) -> bool:
        """Return whether no other result of the account, as large or small, waits before this."""
        line = _line_of(claim, size)
        return not any(
            turn.line == line and (turn.is_executed or not is_executed) for turn in self._waiting
        )

    async def wait(self, claim: "Claim", size: int, *, is_executed: bool) -> None:
        """Give an empty claim so many bytes, as soon as there is room.

        Raises `LimitExceeded` if there is none after the time that a request waits.
        """
        turn = _Turn(claim, size, is_executed)
        at = len(self._waiting)
        if is_executed:
            at = sum(other.is_executed for other in self._waiting)
        self._waiting.insert(at, turn)
        try:
            async with asyncio.timeout(self._seconds):
                await turn.granted
        except TimeoutError:
            # Unless the room was found in the same moment.
            if turn in self._waiting:
                raise self._late(claim, size) from None
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
                self._let_go_on()

    def _late(self, claim: "Claim", size: int) -> LimitExceeded:
        """Return the refusal of a claim that has waited for too long."""
        refusal = self.refusal_of(claim, size)
        if refusal is not None:
            return refusal
        held = self._held[claim.account_id]
        message = f"Results of {held:,} bytes of this account are pending, and others wait."
        return self._refusal("accountPending", held + size, self._most, message)

    def _let_go_on(self) -> None:
        blocked = set()
        for turn in list(self._waiting):
            if turn.line in blocked:
                continue
            if self.refusal_of(turn.claim, turn.size) is not None:
                blocked.add(turn.line)
                continue
            self._waiting.remove(turn)
            self.change(turn.claim, turn.size)
            if not turn.granted.done():
                turn.granted.set_result(None)


class Claim:
    """The room of one operation or of one message; as a context manager, released at the end."""

    __slots__ = ("_pending", "account_id", "size")

    def __init__(self, pending: Pending, account_id: str) -> None:
        self._pending = pending
        self.account_id = account_id
        self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    async def take(self, size: int, *, is_executed: bool = False) -> None:
        """Change the room to so many bytes, as soon as there is room.

        What `is_executed` goes before what is not. Raises `LimitExceeded` if there is no room after
        the time that a request waits; then the claim is empty.
        """
        if size <= self.size:
            self.correct(size)
            return
        is_first = self._pending.is_first(self, size, is_executed=is_executed)
        if not (is_first and self.try_take(size)):
            # Two that hold a part and wait for the rest of it would wait for each other.
            self.release()
            await self._pending.wait(self, size, is_executed=is_executed)

    def try_take(self, size: int) -> bool:
        """Change the room to so many bytes; without room, change nothing and return False."""
        has_room = self._pending.refusal_of(self, size) is None
        if has_room:
            self.correct(size)
        return has_room

    def correct(self, size: int) -> None:
        """Change the room to the size of what is there already, whatever that is."""
        self._pending.change(self, size)

    def another(self) -> "Claim":
        """Return an empty claim of the same account."""
        return Claim(self._pending, self.account_id)

    def hand_over(self) -> "Claim":
        """Return another claim that has this room, and leave this one empty."""
        other = Claim(self._pending, self.account_id)
        other.size, self.size = self.size, 0
        return other

    def release(self) -> None:
        """Give the room back. Releasing it again has no effect."""
        if self.size:
            self.correct(0)


_Line = tuple[str, bool]


@dataclass(eq=False, slots=True)
class _Turn:
    """A claim that waits for room."""

    claim: Claim
    size: int
    is_executed: bool
    granted: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @property
    def line(self) -> _Line:
        return _line_of(self.claim, self.size)


def _line_of(claim: Claim, size: int) -> _Line:
    """Return the line in which a claim waits: large results do not hold up small ones."""
    return claim.account_id, size <= SMALL_BYTES


def _beyond_small(size: int) -> int:
    return max(0, size - SMALL_BYTES)
