"""The order of memories in a conversation: each refers to the one before it by `previous_id`.

The trap is two transactions that change neighbours at the same time, which PostgreSQL allows: each
would set the remaining memory's `previous_id` to the memory that the other one deletes. So the
transactions that delete memories of a project run one after the other, and a transaction that adds
a memory locks the previous one. SQLite has one writer and needs no locks.
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
    """Keep other transactions from deleting memories of projects until commit.

    Call it before locking any memory: a transaction that waits here with a row locked would
    deadlock with one that updates that row in `close_gaps`.
    """
    if connection.dialect.name == "sqlite":
        return
    for project_id in sorted(set(project_ids)):
        key = func.hashtextextended(f"order of {project_id}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def lock_previous(connection: Connection, ids: set[str]) -> None:
    """Keep other transactions from deleting memories that new ones are about to refer to.

    Raises `RowMoved` when one of them has been deleted.
    """
    if not ids or connection.dialect.name == "sqlite":
        return
    rows = select(_MEMORIES.c.id).where(_MEMORIES.c.id.in_(ids))
    locked = connection.execute(rows.with_for_update(read=True, key_share=True)).all()
    if len(locked) != len(ids):
        raise RowMoved


def close_gaps(connection: Connection, column: str, values: Sequence[str]) -> None:
    """Set `previous_id` of the memories after the ones to delete to the nearest remaining memory.

    The memories to delete have one of `values` in `column`. A memory without a remaining
    predecessor becomes the first of its conversation. This does not count as a change of a memory:
    it makes no version and no log event.
    """
    connection.execute(_closing(column), {"gone": values})


@cache
def _closing(column: str) -> Update:
    is_gone = _MEMORIES.c[column].in_(bindparam("gone", type_=Id, expanding=True))
    gone = select(_MEMORIES.c.id, _MEMORIES.c.previous_id).where(is_gone).cte("gone")
    ids = select(gone.c.id)
    after = _MEMORIES.alias("after")
    # The walk starts only at deleted memories to which a remaining one refers, and goes back to the
    # first that is not deleted. Starting at all of them would take a number of steps quadratic in
    # the length of a conversation.
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
