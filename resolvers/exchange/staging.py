"""The records of an import as they wait for the job: the log gets their events in order.

A line of a file has a memory with all its events, but the events of a log are in the order in which
they happened. So each event after the first waits as a record of its own, and the job takes all
records in that order.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from core.exchange.lines import NAMES
from storage.tables.platform import FIRST_EVENT


class Staging:
    """Splits the records of one file; `events` is the number of events that were split off."""

    def __init__(self) -> None:
        self.events = 0

    def split(self, position: int, record: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield a record without its later events, and then each of these."""
        history = record.get("history")
        if not history or is_erased(record):
            yield position, record
            return
        moment = datetime.fromisoformat(history[0]["createdAt"])
        yield position, {**record, "at": moment.isoformat(), "history": history[:1]}
        memory = record["memory"] if record["type"] == "memory" else None
        states = [*record["versions"], *([memory] if memory else [])]
        about = {name: states[-1][name] for name in NAMES} if states else {}
        id = memory["id"] if memory else record["id"]
        for event in history[1:]:
            # A clock may have been set back: the order of the events of a memory stays.
            moment = max(moment, datetime.fromisoformat(event["createdAt"]))
            later = {"type": "event", "id": id, "about": about, "history": [event], "versions": []}
            yield FIRST_EVENT + self.events, {**later, "at": moment.isoformat()}
            self.events += 1


def is_erased(record: dict[str, Any]) -> bool:
    """Return whether a record has no content, because the memory was erased at its origin."""
    if record["type"] != "deletedMemory" or record["versions"]:
        return False
    contents = ("oldText", "newText", "before", "after")
    return all(event[name] is None for event in record["history"] or () for name in contents)
