"""`python -m benchmarks.run`: runs all benchmarks and prints tables with ratios."""

import argparse
import asyncio
from collections.abc import Sequence

from benchmarks.adding import run_adding, run_stall
from benchmarks.attacks import run_attacks
from benchmarks.following import run_following
from benchmarks.ingesting import run_ingesting
from benchmarks.mem0_overhead import run_mem0_overhead
from benchmarks.nesting import run_nesting
from benchmarks.reconnecting import run_reconnecting
from benchmarks.searching import run_searching
from benchmarks.stage import run, staged

SECTIONS = ("adding", "stall", "ingesting", "nesting", "mem0", "searching")
# These start their own server processes, on their own databases.
LIVE_SECTIONS = ("following", "reconnecting")
ATTACKS = "attacks"


async def follow(quick: bool, sections: Sequence[str]) -> None:
    """Run the sections on live updates."""
    if "following" in sections:
        await asyncio.to_thread(run_following, quick)
    if "reconnecting" in sections and not await run_reconnecting(quick):
        raise SystemExit(1)


async def compare(database_url: str | None, quick: bool, sections: Sequence[str]) -> None:
    """Run the other sections on one server with generated data."""
    async with staged(database_url) as stage:
        kind = "SQLite" if stage.services.db.is_sqlite else "PostgreSQL"
        print(f"Mnemograph on {kind}" + (", quick and therefore imprecise" if quick else ""))
        if "adding" in sections:
            await run_adding(stage, quick)
        if "stall" in sections:
            await run_stall(stage, quick)
        if "ingesting" in sections:
            await run_ingesting(stage, quick)
        if "nesting" in sections:
            await run_nesting(stage, quick)
        if "mem0" in sections:
            await run_mem0_overhead(stage, quick)
        if "searching" in sections:
            await run_searching(stage, (1_000, 12_000 if quick else 100_000), quick)


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="take one minute instead of ten")
    parser.add_argument(
        "--database-url", help="an empty PostgreSQL database; default: a temporary SQLite file"
    )
    parser.add_argument(
        "--only",
        choices=(*SECTIONS, *LIVE_SECTIONS, ATTACKS),
        action="append",
        help="a section to run",
    )
    given = parser.parse_args()
    sections = given.only or (*SECTIONS, *LIVE_SECTIONS, ATTACKS)
    if set(sections) & set(SECTIONS):
        run(compare(given.database_url, given.quick, sections))
    if set(sections) & set(LIVE_SECTIONS):
        run(follow(given.quick, sections))
    if ATTACKS in sections:
        run_attacks()


if __name__ == "__main__":
    main()
