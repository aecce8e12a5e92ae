"""`python -m benchmarks.reconnecting`: checks that a thousand disconnects lose or repeat no event.

Clients follow a log that grows by 200 events per second. Each is disconnected twenty times at
random moments, mostly by a TCP reset, often during the replay of missed events, and resumes from
the last cursor it received. Some have a filter; some use server-sent events. In the end each must
have received every matching event once, in order. The servers are separate processes: one on
SQLite, one on PostgreSQL, and two on one PostgreSQL, between which writers and clients are split at
random.
"""

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvloop

from benchmarks.table import heading, table
from core.ids import uuid7
from harness.followers import BEGINNING, Follower, StayOptions, followers_of_all_kinds
from harness.postgres import POSTGRES_URL, fresh_postgres, postgres_url
from harness.process import KEY, Chroma, Place
from harness.subscriptions import CUT
from harness.writers import Logged, Writer, ask, expected_of, whole_log

CLIENTS, RECONNECTS, RATE = 50, 20, 200
WRITERS = 8
_LONGEST_STAY, _LONGEST_ABSENCE = 4.0, 0.4
_PATIENCE = 300.0


@dataclass(frozen=True)
class Outcome:
    """The result for one kind of deployment; `lags` are in seconds."""

    reconnects: int
    in_replay: int
    events: int
    rate: float
    missing: int
    repeated: int
    out_of_order: int
    lags: list[float]

    @property
    def is_sound(self) -> bool:
        """Whether every client received every event once, in order."""
        return not (self.missing or self.repeated or self.out_of_order)


@contextlib.contextmanager
def on_sqlite() -> Iterator[list[str]]:
    """Run one server on SQLite; yield its URL."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with Place(data_dir, f"sqlite:///{data_dir}/mnemograph.db").start() as server:
            yield [server.url]


@contextlib.contextmanager
def on_postgresql(processes: int) -> Iterator[list[str]]:
    """Run servers on one empty PostgreSQL database, each in its own folder; yield their URLs."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(fresh_postgres("mnemograph_reconnecting"))
        shared: dict[str, str] = {"pepper": uuid7()}
        if processes > 1:
            chroma = Chroma(folder / "chroma")
            stack.callback(chroma.kill)
            shared["chroma_url"] = chroma.url
        urls = []
        for number in range(processes):
            place = Place(folder / str(number) / "data", url)
            place.data_dir.parent.mkdir()
            urls.append(stack.enter_context(place.start(**shared)).url)
        yield urls


async def _come_and_go(
    follower: Follower, urls: Sequence[str], writers: Sequence[Writer], chance: random.Random
) -> int:
    """Reconnect RECONNECTS times; return how often the server closed the connection."""
    left = 0
    for _ in range(RECONNECTS):
        address = chance.choice(urls).removeprefix("http://")
        options = StayOptions.any(chance, _LONGEST_STAY)
        try:
            await follower.stay(address, options, lambda: sum(writer.events for writer in writers))
        except CUT:
            left += 1
        await asyncio.sleep(chance.uniform(0, _LONGEST_ABSENCE))
    return left


async def _write(writer: Writer, url: str, stopped: asyncio.Event) -> None:
    """Write at a constant rate, catching up after delays."""
    started = time.perf_counter()
    while not stopped.is_set():
        await writer.write(url)
        due = started + writer.events * WRITERS / RATE
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, due - time.perf_counter())):
                await stopped.wait()


async def reconnect(urls: Sequence[str], quick: bool) -> Outcome:
    """Run the clients and the writers on servers that share a database."""
    clients = CLIENTS // 5 if quick else CLIENTS
    limits = httpx.Limits(max_connections=WRITERS)
    async with httpx.AsyncClient(timeout=_PATIENCE, limits=limits) as http:
        cursor = (await ask(http, urls[0], KEY, BEGINNING))["project"]["historyCursor"]
        followers = followers_of_all_kinds(clients, KEY, cursor)
        writers = [Writer(http, KEY, f"writer {number}") for number in range(WRITERS)]
        stopped = asyncio.Event()
        writing = [
            asyncio.create_task(_write(writer, urls[number % len(urls)], stopped))
            for number, writer in enumerate(writers)
        ]
        started = time.perf_counter()
        left = await asyncio.gather(
            *(
                _come_and_go(follower, urls, writers, random.Random(number))
                for number, follower in enumerate(followers)
            )
        )
        seconds = time.perf_counter() - started
        stopped.set()
        await asyncio.gather(*writing)
        if sum(left):
            print(f"  The server closed {sum(left)} connections")
        log = await whole_log(http, urls[0], KEY)
        return await _judged(followers, writers, log, urls, seconds)


async def _judged(
    followers: list[Follower],
    writers: list[Writer],
    log: list[Logged],
    urls: Sequence[str],
    seconds: float,
) -> Outcome:
    expected = [expected_of(log, follower.user) for follower in followers]
    chance = random.Random(0)

    def somewhere() -> str:
        return chance.choice(urls).removeprefix("http://")

    reading = zip(followers, expected, strict=True)
    with contextlib.suppress(TimeoutError):
        await asyncio.gather(
            *(follower.read_to(somewhere, numbers[-1], _PATIENCE) for follower, numbers in reading)
        )
    verdicts = [
        follower.verdict(numbers) for follower, numbers in zip(followers, expected, strict=True)
    ]
    # Gaps in the log itself count as missing events.
    holes = len(set(range(1, len(log) + 1)) - {event.sequence for event in log})
    return Outcome(
        reconnects=len(followers) * RECONNECTS,
        in_replay=sum(follower.cut_in_replay for follower in followers),
        events=len(log),
        rate=len(log) / seconds,
        missing=holes + sum(verdict.missing for verdict in verdicts),
        repeated=sum(verdict.repeated for verdict in verdicts),
        out_of_order=sum(verdict.out_of_order for verdict in verdicts),
        lags=_lags(followers, writers, log),
    )


def _lags(followers: list[Follower], writers: list[Writer], log: list[Logged]) -> list[float]:
    """Return the seconds from each response to a writer until a connected client had the event."""
    answers: dict[str, list[float]] = {}
    for writer in writers:
        answers |= writer.acknowledged
    so_far: dict[str, int] = defaultdict(int)
    moments = {}
    for event in log:
        moments[event.sequence] = answers[event.memory_id][so_far[event.memory_id]]
        so_far[event.memory_id] += 1
    return [
        seen.at - moments[seen.sequence]
        for follower in followers
        for seen in follower.seen
        if moments[seen.sequence] > seen.since
    ]


async def run_reconnecting(quick: bool) -> bool:
    """Print the result for each kind of deployment; return whether no event was lost."""
    heading(
        "Reconnecting: every event once, in order, for clients disconnected at random moments",
        "Lag is from the response to the writer until a connected client has the event; it is "
        "negative if the client has it first.",
    )
    stages = [("SQLite", on_sqlite())]
    if postgres_url() is None:
        print(f"  PostgreSQL skipped: no server on 127.0.0.1:5432, and {POSTGRES_URL} is not set.")
    else:
        stages.append(("PostgreSQL", on_postgresql(1)))
        stages.append(("PostgreSQL, two processes", on_postgresql(2)))
    rows = []
    sound = True
    for name, servers in stages:
        with servers as urls:
            outcome = await reconnect(urls, quick)
        sound = sound and outcome.is_sound
        lags = sorted(outcome.lags)
        rows.append(
            [
                name,
                outcome.reconnects,
                outcome.in_replay,
                outcome.events,
                outcome.rate,
                outcome.missing,
                outcome.repeated,
                outcome.out_of_order,
                1000 * statistics.median(lags),
                1000 * lags[len(lags) * 95 // 100],
            ]
        )
    table(
        (
            "",
            "reconnects",
            "during replay",
            "events",
            "writes/s",
            "missing",
            "repeated",
            "out of order",
            "lag ms, median",
            "p95",
        ),
        rows,
    )
    print("  Every client received every event once." if sound else "  EVENTS LOST OR REPEATED.")
    return sound


async def _main(quick: bool) -> int:
    return 0 if await run_reconnecting(quick) else 1


def main() -> int:
    """Parse the options, run, and return the exit code: 1 if events were lost or repeated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the clients")
    given = parser.parse_args()
    return uvloop.run(_main(given.quick))


if __name__ == "__main__":
    raise SystemExit(main())
