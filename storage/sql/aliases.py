"""Aliases of tables that statements share.

An alias copies all columns of its table, which takes longer than running a statement of one row. So
an alias is built once for each place that needs one. The trap: a statement that nests the same
alias in itself would compare its rows with themselves, so each place has an alias of its own.
"""

from functools import cache

from sqlalchemy import FromClause


@cache
def alias_of(table: FromClause, place: str, name: str | None = None) -> FromClause:
    """Return the alias of a table for a place in the code, the same at every call.

    Without a `name`, SQLAlchemy names it.
    """
    alias = table.alias(name)
    # Copied here, before other threads can see the alias.
    len(alias.c)
    return alias
