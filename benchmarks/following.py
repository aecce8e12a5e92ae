"""`python -m benchmarks.following`: the cost of delivering one event to a thousand subscribers.

The server and the subscribers are separate processes, so that only the CPU of the server is
measured. With equal subscriptions, an event is executed once for all of them. For comparison, all
subscribe with the same event types in different orders, which changes nothing except that each
subscriber gets its own execution. Finally, subscribers are disconnected by TCP resets, round after
round, to find leaked resources.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.listeners import Listeners
from benchmarks.table import heading, table
from harness.process import Place, Process, wait_until

SUBSCRIBERS, EVENTS, ROUNDS = 1_000, 50, 8
KINDS = ("ADD", "UPDATE", "DELETE", "SUPERSEDE", "MERGE", "CATEGORIZE", "RESTORE")
FOLLOW = """
subscription ($after: Cursor, $types: [HistoryEventType!]) {
  memoryEvents(after: $after, types: $types) {
    cursor sequence type memoryId oldText newText actor createdAt
    memory { id text categories }
  }
}
"""
ADD = """
mutation {
  addMemories(input: {
    infer: false, userId: "alice", messages: [{role: "user", content: "I live in Porto."}]
  }) { memories { id } userErrors { message } }
}
"""
CHANGE = """
mutation ($id: ID!, $metadata: JSON!) {
  updateMemory(id: $id, input: {metadata: $metadata}) { userErrors { message } }
}
"""
BEGINNING = "{ project { historyCursor } }"
_TICK = 1 / os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Return the CPU time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def megabytes_of(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def sockets_of(pid: int) -> int:
    """Return the number of open sockets of a process."""
    found = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(file).startswith("socket:")
    return found


@dataclass(frozen=True)
class Delivery:
    """The cost of some events: CPU seconds of the server per event, and the delays in seconds.

    `last` are the delays until the last subscriber had each event, `each` those of all subscribers.
    """

    cpu: float
    last: list[float]
    each: list[float]


class Followed:
    """A server with one memory, which is updated repeatedly."""

    def __init__(self, server: Process) -> None:
        self.server = server
        self.address = server.url.removeprefix("http://")
        self._memory: str = server.do(ADD)["memories"][0]["id"]
        self._changes = itertools.count()

    def payloads(self, orders: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
        """Return the payload of a subscription from here on, for each order of event types."""
        after = self.server.ask(BEGINNING)["project"]["historyCursor"]
        return [
            {"query": FOLLOW, "variables": {"after": after, "types": list(order)}}
            for order in orders
        ]

    def change(self) -> float:
        """Cause an event; return the time at which the write was acknowledged."""
        self.server.do(CHANGE, id=self._memory, metadata={"change": next(self._changes)})
        return time.perf_counter()

    def deliver(self, listeners: Listeners | None, events: int) -> Delivery:
        """Cause some events, each after all listeners have received the previous one."""
        acknowledged = []
        before = cpu_of(self.server.pid)
        for count in range(events):
            acknowledged.append(self.change())
            if listeners is not None:
                # The first event was used to check that all listeners are connected.
                listeners.wait_for(count + 2)
        cpu = (cpu_of(self.server.pid) - before) / events
        received = [moments[1:] for moments in listeners.received()] if listeners else []
        lags = [
            [moment - begun for moment in moments]
            for begun, moments in zip(acknowledged, zip(*received, strict=True), strict=False)
        ]
        return Delivery(cpu, [max(found) for found in lags], [lag for one in lags for lag in one])


@contextlib.contextmanager
def followed() -> Iterator[Followed]:
    """Run a server on a temporary database."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        place = Place(data_dir, f"sqlite:///{data_dir}/mnemograph.db")
        with place.start(log_level="error") as server:
            yield Followed(server)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _row(name: str, found: Delivery, alone: Delivery, shared: Delivery) -> list[object]:
    mine, least = found.cpu - alone.cpu, shared.cpu - alone.cpu
    return [
        name,
        1000 * statistics.median(found.last),
        _quantile(found.last, 0.99),
        1000 * statistics.median(found.each),
        _quantile(found.each, 0.99),
        1000 * found.cpu,
        found.cpu / shared.cpu,
        1000 * mine,
        mine / least,
    ]


def _compare(followed: Followed, listeners: Listeners, quick: bool) -> None:
    heading(
        f"Following: one event to {SUBSCRIBERS:,} subscribers of one document",
        "From the response to the writer until all have the event, and until each has it; the "
        "server's CPU\n  per event, also without that of the write.",
    )
    events = EVENTS // 5 if quick else EVENTS
    same = [KINDS] * SUBSCRIBERS
    different = list(itertools.islice(itertools.permutations(KINDS), SUBSCRIBERS))
    followed.deliver(None, events)
    alone = followed.deliver(None, events)
    found = []
    for orders in (same, different):
        listeners.open(followed.address, followed.server.key, followed.payloads(orders))
        followed.change()
        listeners.wait_for(1)
        found.append(followed.deliver(listeners, events))
        _reset(followed, listeners)
    shared, unshared = found
    table(
        (
            "",
            "ms to all, p50",
            "p99",
            "to each, p50",
            "p99",
            "CPU ms",
            "times",
            "less write",
            "times",
        ),
        [
            _row("one execution for all", shared, alone, shared),
            _row("one for each", unshared, alone, shared),
        ],
    )
    print(f"  {events} events; the write alone takes {1000 * alone.cpu:.1f} ms of CPU.")


def _reset(followed: Followed, listeners: Listeners) -> float:
    """Reset all connections; return the seconds until the server has released them."""
    pid = followed.server.pid
    connected = sockets_of(pid)
    started = time.perf_counter()
    listeners.reset()
    wait_until(lambda: sockets_of(pid) <= connected - SUBSCRIBERS, "released connections")
    return time.perf_counter() - started


def _cut_off(followed: Followed, listeners: Listeners, quick: bool) -> None:
    heading(
        f"Resets: {SUBSCRIBERS:,} subscribers disconnected at once, round after round",
        "Open sockets and memory of the server after they are gone.",
    )
    pid = followed.server.pid
    rows: list[list[object]] = [["before", "", "", sockets_of(pid), megabytes_of(pid)]]
    for round in range(ROUNDS // 2 if quick else ROUNDS):
        started = time.perf_counter()
        payloads = followed.payloads([KINDS] * SUBSCRIBERS)
        listeners.open(followed.address, followed.server.key, payloads)
        followed.change()
        listeners.wait_for(1)
        opened = time.perf_counter() - started
        gone = _reset(followed, listeners)
        rows.append([f"round {round + 1}", opened, gone, sockets_of(pid), megabytes_of(pid)])
    table(("", "s to connect", "s to release", "sockets", "MB"), rows)


def run_following(quick: bool) -> None:
    """Print the cost of an event for many subscribers, and the resources left after resets."""
    listeners = Listeners(2)
    try:
        with followed() as one:
            _compare(one, listeners, quick)
            _cut_off(one, listeners, quick)
    finally:
        listeners.close()


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the events")
    run_following(parser.parse_args().quick)


if __name__ == "__main__":
    main()
