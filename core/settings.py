"""Every setting of the server, read once from the environment and `.env`, then passed by hand."""

from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SHORTEST_KEY = 24


class Environment(Enum):
    """Where the server runs: what it tells strangers depends on it."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(Enum):
    """The least severe log line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _long_enough(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(f"must have at least {SHORTEST_KEY} characters")
    return key


Secret = Annotated[SecretStr | None, AfterValidator(_long_enough)]


class Settings(BaseSettings):
    """The settings, each from the variable MNEMOGRAPH_ followed by its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="MNEMOGRAPH_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    host: str = Field("127.0.0.1", description="The address the server listens on.")
    port: int = Field(
        8000, ge=0, le=65535, description="The port the server listens on; 0 takes any free one."
    )
    data_dir: Path = Field(
        Path("data"),
        description="The folder of everything kept on this machine: database, index, secrets.",
    )
    database_url: str | None = Field(
        None,
        pattern=r"^(sqlite:///|postgres(ql)?://).+",
        description="The SQL database, sqlite:///PATH or postgresql://…; by default a SQLite file "
        "in the data directory.",
    )
    chroma_url: str | None = Field(
        None,
        pattern=r"^https?://.+",
        description="A Chroma server, http://HOST:PORT; by default Chroma runs embedded in the "
        "data directory.",
    )
    bootstrap_email: str = Field(
        "admin@localhost", description="The e-mail address of the first account."
    )
    bootstrap_api_key: Secret = Field(
        None,
        description=f"The first API key, at least {SHORTEST_KEY} characters; by default one is "
        "made and printed.",
    )
    pepper: Secret = Field(
        None,
        description="The secret that API keys and cursors are signed with; by default one is made "
        "and kept in the data directory. Machines that share a database must share it.",
    )
    chat_model: str | None = Field(
        None,
        description="The chat model that draws memories from conversations, such as gpt-5-mini or "
        "one of Ollama, vLLM or LM Studio; by default rules do it.",
    )
    embedding_model: str | None = Field(
        None,
        description="The embedding model at the same endpoint; by default the one that ships with "
        "the server.",
    )
    openai_base_url: str | None = Field(
        None,
        pattern=r"^https?://.+",
        description="The endpoint of both models, anything that speaks OpenAI's protocol, such as "
        "http://localhost:11434/v1; by default OpenAI's own.",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="The key for that endpoint; many local ones need none."
    )
    openai_timeout_seconds: float = Field(
        60.0, gt=0, description="How long one request to a model may take, in seconds."
    )
    openai_concurrency: int = Field(
        4, ge=1, le=64, description="How many requests to a model a process makes at once."
    )
    search_cache_mb: int = Field(
        512,
        ge=1,
        description="How many megabytes of memories a process keeps ready for searches.",
    )
    live_limit: int = Field(
        5_000,
        ge=1,
        description="How many WebSocket connections and subscriptions one key may have open at "
        "once in a process.",
    )
    allowed_origins: str = Field(
        "",
        description="The web pages that may use the server besides its own, as origins with commas "
        "between, such as https://app.example.com; in development, those of this machine may too.",
    )
    webhook_allowed_hosts: str = Field(
        "",
        description="The hosts that webhooks may be sent to wherever they are, with commas "
        "between, such as hooks.internal,10.0.0.7.",
    )
    history_retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="How many days the log, past versions and finished operations are kept; by "
        "default for ever.",
    )
    environment: Environment = Field(
        Environment.DEVELOPMENT, description="development or production."
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error.")

    @property
    def sql_url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'mnemograph.db'}"

    @property
    def origins(self) -> list[str]:
        """The allowed origins, one by one, as browsers write them."""
        given = (origin.strip().rstrip("/") for origin in self.allowed_origins.split(","))
        return [origin for origin in given if origin]

    @property
    def private_hosts(self) -> list[str]:
        """The hosts that webhooks may be sent to wherever they are, one by one."""
        given = (host.strip().lower() for host in self.webhook_allowed_hosts.split(","))
        return [host for host in given if host]

    @property
    def openai_key(self) -> str | None:
        """The key for the models' endpoint in plain text."""
        return self.openai_api_key.get_secret_value() if self.openai_api_key else None
