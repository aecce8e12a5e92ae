"""The settings of the server, read once from the environment and `.env`, then passed explicitly."""

from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from core.limits.settings import Limits, RateLimit

SHORTEST_KEY = 24
_LOOPBACK = ("localhost", "127.", "::1")


class Environment(Enum):
    """The kind of deployment: only development serves GraphiQL and allows local origins."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(Enum):
    """The minimum severity of log lines."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def _long_enough(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value()) < SHORTEST_KEY:
        raise ValueError(f"must have at least {SHORTEST_KEY} characters")
    return key


Secret = Annotated[SecretStr | None, AfterValidator(_long_enough)]


class Settings(Limits):
    """The settings, each from the variable MNEMOGRAPH_ followed by its name in upper case."""

    model_config = SettingsConfigDict(
        env_prefix="MNEMOGRAPH_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    host: str = Field("127.0.0.1", description="The address the server listens on.")
    port: int = Field(
        8000, ge=0, le=65535, description="The port the server listens on; 0 picks a free one."
    )
    data_dir: Path = Field(
        Path("data"),
        description="The folder of all local data: database, vector index, secrets.",
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
        "generated and printed.",
    )
    invitation_days: int = Field(
        7, ge=1, le=365, description="The number of days after which an invitation expires."
    )
    pepper: Secret = Field(
        None,
        description="The secret that API keys and cursors are signed with; by default one is "
        "generated and stored in the data directory. Machines that share a database must share it.",
    )
    chat_model: str | None = Field(
        None,
        description="The chat model that extracts memories from conversations, such as gpt-5-mini "
        "or one of Ollama, vLLM or LM Studio; by default, local rules extract them.",
    )
    embedding_model: str | None = Field(
        None,
        description="The embedding model at the same endpoint; by default the bundled model.",
    )
    openai_base_url: str | None = Field(
        None,
        pattern=r"^https?://.+",
        description="The OpenAI-compatible endpoint of both models, such as "
        "http://localhost:11434/v1; by default OpenAI's own.",
    )
    openai_api_key: SecretStr | None = Field(
        None, description="The API key of that endpoint; many local ones do not need one."
    )
    openai_timeout_seconds: float = Field(
        60.0, gt=0, description="The timeout of one request to a model, in seconds."
    )
    openai_concurrency: int = Field(
        4, ge=1, le=64, description="The maximum number of concurrent model requests per process."
    )
    search_cache_mb: int = Field(
        512,
        ge=1,
        description="The size of the search cache of a process, in megabytes.",
    )
    ingest_limit: int = Field(
        200_000,
        ge=1_024,
        le=1_048_576,
        description="The maximum number of characters of all messages of one call that adds "
        "memories, from 1,024 to 1,048,576.",
    )
    live_limit: int = Field(
        5_000,
        ge=1,
        description="The maximum number of open WebSocket connections and subscriptions per key "
        "and process.",
    )
    allowed_origins: str = Field(
        "",
        description="The origins of other web pages that may use the server, separated by commas, "
        "such as https://app.example.com; in development, also those of this machine.",
    )
    allowed_hosts: str = Field(
        "",
        description="The host names that the server answers to, separated by commas, such as "
        "memory.example.com or .example.com for all names below it. By default all, but only those "
        "of this machine while the server listens on a loopback address.",
    )
    webhook_allowed_hosts: str = Field(
        "",
        description="The hosts that webhooks may be sent to although they are not public, "
        "separated by commas, such as hooks.internal,10.0.0.7.",
    )
    history_retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="The number of days for which the log, past versions and finished operations "
        "are kept; by default forever.",
    )
    environment: Environment = Field(
        Environment.DEVELOPMENT, description="development or production."
    )
    log_level: LogLevel = Field(LogLevel.INFO, description="debug, info, warning or error.")

    @property
    def sql_url(self) -> str:
        """The effective database URL."""
        return self.database_url or f"sqlite:///{self.data_dir / 'mnemograph.db'}"

    @property
    def limits_rates(self) -> bool:
        """Whether the rate of a key is limited."""
        if self.rate_limit is RateLimit.AUTO:
            return not self.is_local
        return self.rate_limit is RateLimit.ON

    @property
    def origins(self) -> list[str]:
        """The list of allowed origins, in the form in which browsers send them."""
        return [origin.rstrip("/") for origin in _listed(self.allowed_origins)]

    @property
    def hosts(self) -> list[str]:
        """The list of allowed host names, in lower case."""
        return [host.lower() for host in _listed(self.allowed_hosts)]

    @property
    def is_local(self) -> bool:
        """Whether the server listens on a loopback address, which only this machine reaches."""
        return self.host.startswith(_LOOPBACK)

    @property
    def private_hosts(self) -> list[str]:
        """The list of hosts that webhooks may be sent to although they are not public."""
        return [host.lower() for host in _listed(self.webhook_allowed_hosts)]

    @property
    def openai_key(self) -> str | None:
        """The API key of the models' endpoint in plain text, or None."""
        return self.openai_api_key.get_secret_value() if self.openai_api_key else None


def _listed(text: str) -> list[str]:
    """Return what commas separate in a text."""
    return [part for each in text.split(",") if (part := each.strip())]
