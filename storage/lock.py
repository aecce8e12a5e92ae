"""The lock of a data directory: only one process may open an embedded Chroma."""

import fcntl
import os
from pathlib import Path
from typing import IO


class DataDirUnavailable(Exception):
    """The data directory cannot be used; the message says why, and what to do."""


def lock_data_dir(data_dir: Path) -> IO[str]:
    """Lock a data directory and return the lock, a file that the caller must keep open.

    The kernel releases the lock when the process ends, even after a crash. Raises
    `DataDirUnavailable`.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lock").open("a+")
    except OSError as error:
        raise DataDirUnavailable(
            f"The data directory {data_dir} cannot be used: {error.strerror}. Set "
            "MNEMOGRAPH_DATA_DIR to a folder that this user can write to."
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise DataDirUnavailable(
            f"The data directory {data_dir} is already in use by process {holder}. Stop it, or "
            "run several processes on a Chroma server by setting MNEMOGRAPH_CHROMA_URL."
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
