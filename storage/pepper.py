"""The secret that signs keys and cursors, stored in the data directory."""

import os
import secrets
from pathlib import Path


def load_or_create_pepper(data_dir: Path) -> bytes:
    """Return the data directory's pepper; create a missing one, readable by its owner only."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "pepper"
    if not path.exists():
        # Written to a temporary file and linked into place: a crash leaves either no pepper or a
        # complete one, and two processes that start at once both use the first one's.
        temporary = data_dir / f".pepper-{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_bytes()
