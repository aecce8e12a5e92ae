"""The categories that memories have, which may be others than those of the project's catalog."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Text, bindparam, func, literal_column, select

from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.memory import Memory, MemoryVersion

_TABLES = (table_of(Memory), table_of(MemoryVersion))


class CategoryStore:
    """Looks up categories; the caller has checked that the viewer can see the project."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def first_unused(self, project_id: str, names: Sequence[str]) -> str | None:
        """Return the first of some categories that no memory of a project has or had, or None.

        Deleted memories and past versions count, erased ones do not.
        """
        return next((name for name in names if not self._is_used(project_id, name)), None)

    def _is_used(self, project_id: str, name: str) -> bool:
        category = bindparam("category", type_=Text)
        values = {"project": project_id, "category": name}
        for table in _TABLES:
            found: Select[Any] = select(literal_column("1")).where(
                table.c.project_id == bindparam("project", type_=Id)
            )
            if self._connection.dialect.name == "postgresql":
                found = found.where(table.c.categories.op("?", is_comparison=True)(category))
            else:
                each = func.json_each(table.c.categories)
                rows = each.table_valued("value", joins_implicitly=True)
                found = found.where(rows.c.value == category)
            if self._connection.execute(found.limit(1), values).first() is not None:
                return True
        return False
