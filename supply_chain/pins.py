"""The pinned versions of the dependencies."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNTIME = ROOT / "constraints.txt"
DEVELOPMENT = ROOT / "constraints-dev.txt"


def pins_of(file: Path) -> dict[str, str]:
    """Return the version of each package in a constraint file, by the package's name."""
    return dict(line.split("==") for line in file.read_text().split())
