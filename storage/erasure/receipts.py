"""Receipts of erasures: that it was done, when, by whom and how much there was.

A receipt never has a word of what was erased, not even the name of an entity, which may itself be
somebody's. Its digest lets whoever still knows the ids of the memories show that it was these.
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
    """One receipt. `counts` says by name how much was erased of each thing there was.

    `pending` is what its job still has to look for; null once nothing is left.
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
    """Return the digest of what a digest stands for and of more memories, 64 hexadecimal digits.

    It is the sum of the SHA-256 of the ids modulo 2^256, so that it can be added to batch by batch
    and the order of the batches does not matter (AdHash; Bellare and Micciancio, "A New Paradigm
    for Collision-Free Hashing", 1997).
    """
    total = int(digest, 16)
    for id in memory_ids:
        total += int.from_bytes(hashlib.sha256(id.encode()).digest())
    return f"{total % 2**256:064x}"


class ReceiptStore:
    """Reads and writes receipts, whoever they belong to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, receipt: ReceiptRow) -> None:
        """Store a receipt."""
        self._connection.execute(insert(_RECEIPTS), row_values(receipt))

    def find(self, id: str) -> ReceiptRow | None:
        """Return a receipt; None when its organization is gone."""
        row = self._connection.execute(_OF_ID, {"receipt": id}).first()
        return None if row is None else ReceiptRow(*row)

    def open_of(self, project_id: str, subject: str) -> ReceiptRow | None:
        """Return the receipt of a project about a subject whose erasure is not complete."""
        row = self._connection.execute(_OPEN, {"project": project_id, "subject": subject}).first()
        return None if row is None else ReceiptRow(*row)

    def open_in(self, project_id: str) -> list[ReceiptRow]:
        """Return the receipts of a project whose erasure is not complete, oldest first."""
        rows = select(*RECEIPTS.columns(_RECEIPTS)).where(
            _RECEIPTS.c.project_id == project_id, _RECEIPTS.c.completed_at.is_(None)
        )
        found = self._connection.execute(rows.order_by(_RECEIPTS.c.created_at, _RECEIPTS.c.id))
        return [ReceiptRow(*row) for row in found]

    def count(self, id: str, counts: Mapping[str, int], memory_ids: Iterable[str] = ()) -> None:
        """Add to a receipt what the same transaction has erased."""
        kept = select(_RECEIPTS.c.counts, _RECEIPTS.c.digest).where(_RECEIPTS.c.id == id)
        found, digest = self._connection.execute(kept.with_for_update()).one()
        total = Counter(found)
        total.update(counts)
        self.change(id, counts=dict(total), digest=digest_with(digest, memory_ids))

    def change(self, id: str, **values: Any) -> None:
        """Write some columns of a receipt."""
        self._connection.execute(update(_RECEIPTS).where(_RECEIPTS.c.id == id).values(**values))
