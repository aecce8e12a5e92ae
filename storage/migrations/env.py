"""Runs migrations on the connection that `storage.migrate` hands over; Alembic executes it."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from storage.migrate import is_modelled
from storage.tables.columns import Id, Name, UtcDateTime
from storage.tables.metadata import METADATA

_NAMES = {str(Id): "Id", str(Name): "Name"}


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types by their names, and enums as the plain text they are."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if isinstance(item, sa.Enum):
        return f"sa.String({item.length})"
    if isinstance(item, sa.JSON):
        return "Json"
    if isinstance(item, sa.String) and not isinstance(item, sa.Text):
        return _NAMES.get(str(item), False)
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    include_name=is_modelled,
    render_as_batch=True,
    render_item=render_item,
)
context.run_migrations()
