"""Figures side by side: what we need for something, next to the least it could need."""

import time
from collections.abc import Awaitable, Sequence


def heading(title: str, note: str = "") -> None:
    """Print what comes next, and how it is measured."""
    print(f"\n{title}" + (f"\n  {note}" if note else ""))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below columns: the first one is text, the others are figures."""
    cells = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    for row in cells:
        first, *others = row
        figures = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        print("  " + "  ".join([first.ljust(widths[0]), *figures]).rstrip(), flush=True)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:,.3g}"
    return str(value)


async def timed(work: Awaitable[object]) -> float:
    """Return the seconds until some work is done."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started
