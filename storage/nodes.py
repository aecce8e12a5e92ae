"""Finds the table that an id belongs to: one statement over primary keys for any number of ids."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import CompoundSelect, Connection, bindparam, literal, select, union_all

from core.ids import is_id
from storage.erasure.receipts import RECEIPTS
from storage.exchange.exports import EXPORTS
from storage.log.history import HISTORY
from storage.memories.concepts import CONCEPTS
from storage.memories.entities import ENTITIES
from storage.memories.rows import MEMORIES
from storage.operations.store import OPERATIONS
from storage.sql.listing import Source
from storage.tables.columns import Id
from storage.tenancy.accounts import ACCOUNTS
from storage.tenancy.api_keys import API_KEYS
from storage.tenancy.audit_log import AUDIT
from storage.tenancy.invitations import INVITATIONS
from storage.tenancy.organizations import ORGANIZATIONS
from storage.tenancy.projects import PROJECTS
from storage.webhooks.deliveries import DELIVERIES
from storage.webhooks.store import WEBHOOKS

NODES: tuple[Source[Any], ...] = (
    ACCOUNTS,
    ORGANIZATIONS,
    PROJECTS,
    API_KEYS,
    INVITATIONS,
    ENTITIES,
    MEMORIES,
    HISTORY,
    OPERATIONS,
    CONCEPTS,
    AUDIT,
    RECEIPTS,
    WEBHOOKS,
    DELIVERIES,
    EXPORTS,
)


@cache
def _statement() -> CompoundSelect[Any]:
    return union_all(
        *(
            select(literal(position).label("kind"), source.table.c.id).where(
                source.table.c.id.in_(bindparam("ids", expanding=True, type_=Id))
            )
            for position, source in enumerate(NODES)
        )
    )


def kinds_of(connection: Connection, ids: Iterable[str]) -> dict[str, Source[Any]]:
    """Return the source of each id that exists, by id. It does not check who may see the row."""
    valid = [id for id in set(ids) if is_id(id)]
    if not valid:
        return {}
    return {id: NODES[kind] for kind, id in connection.execute(_statement(), {"ids": valid})}
