"""Assignments for tests of extractors, each with as little in it as its test needs."""

from datetime import UTC, datetime
from typing import Any

from core.turn import Turn
from providers.extraction import Assignment, Category

MONDAY = datetime(2024, 5, 13, 10, 30, tzinfo=UTC)
CATALOG = (Category("travel", "Trips and places"), Category("food"), Category("misc"))


def assignment(*turns: str | Turn, **more: Any) -> Assignment:
    """Return a conversation on a Monday of 2024; a turn given as its words is a user's."""
    said = [Turn("user", turn) if isinstance(turn, str) else turn for turn in turns]
    return Assignment(said, MONDAY, **more)
