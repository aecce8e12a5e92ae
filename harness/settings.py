"""Settings for a server that a test or a benchmark runs."""

from pathlib import Path

from core.settings import Settings


def settings_for(data_dir: Path, database_url: str | None = None, **others: object) -> Settings:
    """Return settings that ignore the environment variables and the `.env` file of the user."""
    values = {
        "data_dir": data_dir,
        "database_url": database_url,
        "webhook_allowed_hosts": "127.0.0.1",
        **others,
    }
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]
