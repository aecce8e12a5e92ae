"""Prints results as tables."""

import time
from collections.abc import Awaitable, Sequence


def heading(title: str, note: str = "") -> None:
    """Print a title, and a note on the measurement."""
    print(f"\n{title}" + (f"\n  {note}" if note else ""))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table whose first column is text and whose other columns are figures."""
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
    """Return the seconds an awaitable takes."""
    started = time.perf_counter()
    await work
    return time.perf_counter() - started
