"""The command `mnemograph`: finds the application beside this file and runs its command line."""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line. The application's folder comes first, so no other package hides it."""
    sys.path.insert(0, str(Path(__file__).parent / "_app"))
    from server import cli

    cli()


if __name__ == "__main__":
    main()
