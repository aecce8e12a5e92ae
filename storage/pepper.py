"""The secret that keys and cursors are signed with, kept in the data directory."""

import os
import secrets
from pathlib import Path


def load_or_create_pepper(data_dir: Path) -> bytes:
    """Return the data directory's pepper; one that is missing is made, readable by its owner."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "pepper"
    if not path.exists():
        # Written aside and linked into place: a crash leaves either no pepper or a whole one, and
        # of two processes that start at once both use the first one's.
        aside = data_dir / f".pepper-{os.getpid()}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_bytes()
