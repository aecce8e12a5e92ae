"""Rows changed behind the server's back, for what no request can bring about."""

from typing import Any

from sqlalchemy import update

from storage.tables.fields import table_of
from storage.tables.memory import Memory
from tests.factories import Tenant

_MEMORIES = table_of(Memory)


def set_columns(tenant: Tenant, memory_id: str, **values: Any) -> None:
    """Write columns of a memory."""
    engine = tenant.deployment.services.db.engine
    with engine.connect().execution_options(mnemograph_write=True) as connection:
        statement = update(_MEMORIES).where(_MEMORIES.c.id == memory_id)
        connection.execute(statement.values(**values))
        connection.commit()
