"""The limits of requests, each a setting; `docs/configuration.md` has the table."""

from enum import Enum

from pydantic import Field
from pydantic_settings import BaseSettings

MEGABYTE = 1_048_576


class RateLimit(Enum):
    """Whether the rate of a key is limited."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Limits(BaseSettings):
    """What one request, one connection and one key may ask for."""

    max_body_bytes: int = Field(
        MEGABYTE,
        ge=1_024,
        le=16 * MEGABYTE,
        description="The size of a request body or of a WebSocket message, in bytes.",
    )
    max_tokens: int = Field(
        2_000, ge=100, le=50_000, description="The number of tokens of a document, with comments."
    )
    max_nesting: int = Field(
        64,
        ge=16,
        le=128,
        description="How deeply brackets are nested, in a document and in JSON.",
    )
    max_values: int = Field(
        50_000, ge=1_000, le=1_000_000, description="The number of values in the JSON of a request."
    )
    max_depth: int = Field(
        12, ge=5, le=50, description="How deeply the fields of a document are nested."
    )
    max_introspection_depth: int = Field(
        15, ge=5, le=50, description="How deeply the fields of an introspection are nested."
    )
    max_operations: int = Field(
        50, ge=1, le=1_000, description="The number of operations in a document."
    )
    max_fragments: int = Field(
        50, ge=1, le=1_000, description="The number of fragments in a document."
    )
    max_aliases: int = Field(
        30,
        ge=1,
        le=1_000,
        description="The number of aliases in an operation, with those in its fragments.",
    )
    max_root_fields: int = Field(
        20, ge=1, le=1_000, description="The number of root fields of an operation."
    )
    max_repeats: int = Field(
        20,
        ge=2,
        le=100,
        description="How often one field, or one alias, may appear in one selection.",
    )
    max_directives: int = Field(
        10, ge=1, le=100, description="The number of directives at one place of a document."
    )
    max_schema_fields: int = Field(
        1, ge=1, le=20, description="The number of `__schema` fields in a document."
    )
    max_type_fields: int = Field(
        5, ge=1, le=100, description="The number of `__type` fields in a document."
    )
    max_validation_errors: int = Field(
        20, ge=1, le=100, description="The number of errors after which validation stops."
    )
    max_cost: int = Field(
        10_000, ge=1_000, le=10_000_000, description="The cost of an operation, in points."
    )
    max_response_bytes: int = Field(
        16 * MEGABYTE,
        ge=65_536,
        le=1024 * MEGABYTE,
        description="The size of a response, in bytes.",
    )
    deadline_seconds: float = Field(
        15.0, gt=0, le=600, description="How long an operation may take, in seconds."
    )
    max_requests: int = Field(
        16, ge=1, le=1_000, description="How many requests of a key run at once in a process."
    )
    queue_seconds: float = Field(
        5.0,
        ge=0,
        le=60,
        description="How long a request waits while `MNEMOGRAPH_MAX_REQUESTS` others run, or for "
        "room for its result, in seconds.",
    )
    max_socket_requests: int = Field(
        4, ge=1, le=100, description="How many queries and mutations of a WebSocket run at once."
    )
    max_socket_subscriptions: int = Field(
        20,
        ge=1,
        le=1_000,
        description="The number of open subscriptions of a WebSocket. As many queries and "
        "mutations can wait on it.",
    )
    max_pending_bytes: int = Field(
        16 * MEGABYTE,
        ge=65_536,
        le=1024 * MEGABYTE,
        description="The size of all messages that a connection has not yet accepted, in bytes.",
    )
    max_account_pending_bytes: int = Field(
        16 * MEGABYTE,
        ge=65_536,
        le=1024 * MEGABYTE,
        description="The size of all results of an account in a process that are being computed or "
        "are not yet sent, in bytes. One result alone may have any size.",
    )
    max_process_pending_bytes: int = Field(
        64 * MEGABYTE,
        ge=65_536,
        le=64 * 1024 * MEGABYTE,
        description="The size of all such results of a process, in bytes, without the first 64 KB "
        "of each account.",
    )
    unread_seconds: float = Field(
        30.0,
        gt=0,
        le=3_600,
        description="How long a client may take to read the next 64 KB of a response, in seconds.",
    )
    max_subscriptions: int = Field(
        1_000,
        ge=1,
        le=100_000,
        description="The number of open subscriptions of a key in a process.",
    )
    max_subscription_documents: int = Field(
        20,
        ge=1,
        le=10_000,
        description="The number of different documents among the open subscriptions of a key.",
    )
    max_kept_documents: int = Field(
        128, ge=0, le=10_000, description="The number of documents that are kept parsed."
    )
    rate_limit: RateLimit = Field(
        RateLimit.AUTO,
        description="on, off, or auto: on unless the server listens on this machine alone.",
    )
    rate_points: int = Field(
        300_000, ge=1_000, le=1_000_000_000, description="The points of a key per minute."
    )
    rate_burst: int = Field(
        50_000, ge=1_000, le=1_000_000_000, description="The points of a key at once."
    )
    rate_characters: int = Field(
        200_000,
        ge=1_000,
        le=1_000_000_000,
        description="The characters that a key may have extracted or stored per minute.",
    )
    max_header_bytes: int = Field(
        65_536,
        ge=4_096,
        le=MEGABYTE,
        description="The size of the request line and the headers of a request, in bytes.",
    )
    max_header_fields: int = Field(
        100, ge=20, le=1_000, description="The number of header fields of a request."
    )
    header_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        description="How long the headers of a request may take to arrive, in seconds.",
    )
    body_seconds: float = Field(
        30.0,
        gt=0,
        le=3_600,
        description="How long the body of a request may take to arrive, in seconds; in an import, "
        "how long the next piece of the file may take.",
    )
    max_import_bytes: int = Field(
        1024 * MEGABYTE,
        ge=MEGABYTE,
        le=1024 * 1024 * MEGABYTE,
        description="The size of an imported file, in bytes.",
    )
    max_connections: int = Field(
        5_000, ge=10, le=1_000_000, description="The number of open connections of a process."
    )
    show_cost: bool = Field(
        False, description="Whether every response shows its cost in `extensions.cost`."
    )
