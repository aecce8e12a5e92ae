"""Receipts of erasures: when they happened, who requested them and how much was erased.

A receipt never contains erased content, not even the name of an entity, which may be the name of a
person. Its digest proves which memories were erased to anyone who still knows their ids.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from core.paging import Order
from storage.sql.listing import Listing, Source, row_values
from storage.sql.visibility import in_owned_organization, in_owned_project, receipt_visible
from storage.tables.columns import Id
from storage.tables.fields import table_of
from storage.tables.platform import ErasureReceipt

_RECEIPTS = table_of(ErasureReceipt)

NO_MEMORIES = "0" * 64


@dataclass(slots=True)
class ReceiptRow:
    """One receipt. `counts` are the numbers of erased rows by kind.

    `pending` is the remaining work of its job; null once nothing is left.
    """

    id: str
    organization_id: str
    project_id: str
    subject: str
    requested_by: str
    counts: dict[str, int]
    digest: str
    pending: dict[str, Any] | None
    created_at: datetime
    completed_at: datetime | None = None


RECEIPTS = Source("erasure receipt", _RECEIPTS, ReceiptRow, receipt_visible)
RECEIPT_ORDER = Order("erasures", ("created_at", "id"), descending=True)
RECEIPTS_OF_ORGANIZATION = Listing(RECEIPTS, "organization_id", in_owned_organization)
RECEIPTS_OF_PROJECT = Listing(RECEIPTS, "project_id", in_owned_project)

_OF_ID = select(*RECEIPTS.columns(_RECEIPTS)).where(
    _RECEIPTS.c.id == bindparam("receipt", type_=Id)
)
_OPEN = select(*RECEIPTS.columns(_RECEIPTS)).where(
    _RECEIPTS.c.project_id == bindparam("project", type_=Id),
    _RECEIPTS.c.subject == bindparam("subject"),
    _RECEIPTS.c.completed_at.is_(None),
)


def digest_with(digest: str, memory_ids: Iterable[str]) -> str:
    """Return a digest extended by more memories, as 64 hexadecimal digits.

    It is the sum of the SHA-256 of the ids modulo 2^256, so that it can be computed batch by batch
    in any order (AdHash; Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing",
    1997).
    """
    total = int(digest, 16)
    for id in memory_ids:
        total += int.from_bytes(hashlib.sha256(id.encode()).digest())
    return f"{total % 2**256:064x}"


class ReceiptStore:
    """Reads and writes receipts; ignores visibility."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, receipt: ReceiptRow) -> None:
        """Store a receipt."""
        self._connection.execute(insert(_RECEIPTS), row_values(receipt))

    def find(self, id: str) -> ReceiptRow | None:
        """Return a receipt; None when it was deleted with its organization."""
        row = self._connection.execute(_OF_ID, {"receipt": id}).first()
        return None if row is None else ReceiptRow(*row)

    def open_of(self, project_id: str, subject: str) -> ReceiptRow | None:
        """Return the receipt of an incomplete erasure of a subject in a project, or None."""
        row = self._connection.execute(_OPEN, {"project": project_id, "subject": subject}).first()
        return None if row is None else ReceiptRow(*row)

    def open_in(self, project_id: str) -> list[ReceiptRow]:
        """Return the receipts of incomplete erasures in a project, oldest first."""
        statement = select(*RECEIPTS.columns(_RECEIPTS)).where(
            _RECEIPTS.c.project_id == project_id, _RECEIPTS.c.completed_at.is_(None)
        )
        rows = self._connection.execute(statement.order_by(_RECEIPTS.c.created_at, _RECEIPTS.c.id))
        return [ReceiptRow(*row) for row in rows]

    def count(self, id: str, counts: Mapping[str, int], memory_ids: Iterable[str] = ()) -> None:
        """Add the rows and memories that the same transaction has erased to a receipt."""
        statement = select(_RECEIPTS.c.counts, _RECEIPTS.c.digest).where(_RECEIPTS.c.id == id)
        former, digest = self._connection.execute(statement.with_for_update()).one()
        total = Counter(former)
        total.update(counts)
        self.change(id, counts=dict(total), digest=digest_with(digest, memory_ids))

    def change(self, id: str, **values: Any) -> None:
        """Update some columns of a receipt."""
        self._connection.execute(update(_RECEIPTS).where(_RECEIPTS.c.id == id).values(**values))
