"""The order in which memories were said: each names the one before it by `previous_id`.

The trap is two transactions that touch neighbours at the same time, which PostgreSQL allows: each
would name, to the memory that stays, the one that the other deletes. So of the transactions that
delete memories of a project one runs after the other, and whoever adds a memory holds the one
before it. SQLite has one writer, who needs none of this.
"""

from collections.abc import Iterable, Sequence
from functools import cache

from sqlalchemy import Connection, Update, bindparam, func, or_, select, update

from storage.errors import RowMoved
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.memory import Memory

_MEMORIES = table_of(Memory)


def lock_order(connection: Connection, project_ids: Iterable[str]) -> None:
    """Keep others from deleting memories of projects until the end.

    To be called before any memory is locked: a transaction that waits here while it holds a row
    would be waited for by the one that closes the gap beside it.
    """
    if connection.dialect.name == "sqlite":
        return
    for project_id in sorted(set(project_ids)):
        key = func.hashtextextended(f"order of {project_id}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def lock_previous(connection: Connection, ids: set[str]) -> None:
    """Keep others from deleting the memories that are about to be followed.

    Raises `RowMoved` when one of them is gone.
    """
    if not ids or connection.dialect.name == "sqlite":
        return
    rows = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(ids))
    held = connection.execute(rows.with_for_update(read=True, key_share=True)).all()
    if len(held) != len(ids):
        raise RowMoved


def close_gaps(connection: Connection, column: str, values: Sequence[str]) -> None:
    """Let the memories said after those that are about to be deleted follow the nearest that stays.

    About to be deleted are those that have one of the values in a column. A memory before which
    nothing stays becomes the first of its conversation. This is no change of a memory: neither its
    version nor the log speaks of it.
    """
    connection.execute(_closing(column), {"gone": values})


@cache
def _closing(column: str) -> Update:
    is_gone = _MEMORIES.c[column].in_(bindparam("gone", type_=Id, expanding=True))
    gone = select(_MEMORIES.c.id, _MEMORIES.c.previous_id).where(is_gone).cte("gone")
    ids = select(gone.c.id)
    after = _MEMORIES.alias("after")
    # From each deleted memory that one which stays names, back to the first that is not deleted.
    # Going back from all of them would take steps by the square of a long conversation.
    walk = (
        select(gone.c.id.label("start"), gone.c.previous_id)
        .where(
            select(after.c.id)
            .where(after.c.previous_id == gone.c.id, after.c.id.not_in(ids))
            .exists()
        )
        .cte("walk", recursive=True)
    )
    step = gone.alias("step")
    walk = walk.union(
        select(walk.c.start, step.c.previous_id).join(step, step.c.id == walk.c.previous_id)
    )
    stays = or_(walk.c.previous_id.is_(None), walk.c.previous_id.not_in(ids))
    return (
        update(_MEMORIES)
        .where(_MEMORIES.c.previous_id == walk.c.start, stays)
        .values(previous_id=walk.c.previous_id)
    )
