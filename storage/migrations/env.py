"""Runs migrations on the connection that `storage.migrate` passes; Alembic executes this file."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from storage.migrate import is_modelled
from storage.tables.columns import Id, Name, UtcDateTime
from storage.tables.metadata import METADATA

_NAMES = {str(Id): "Id", str(Name): "Name"}


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Return the source of a column type: own types by name, enums as plain strings.

    False leaves the rendering to Alembic.
    """
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
