"""Erasure receipts."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.base import Node, is_row
from schema.prices import FREE
from storage.erasure.receipts import ReceiptRow


@strawberry.type(
    description="The receipt of an erasure, and its proof once the erasure is complete. It "
    "contains none of the erased data, not even names. It outlives the project and is deleted "
    "with the organization."
)
class ErasureReceipt(Node):
    """A receipt."""

    subject: str = strawberry.field(
        description="The type and the id of what was erased, separated by a space. The type is "
        "`USER`, `AGENT`, `APP`, `RUN`, `MEMORY` or `PROJECT`."
    )
    requested_by: str = strawberry.field(
        description="The e-mail address of the account that requested the erasure."
    )
    counts: JSON = strawberry.field(
        description="The number of erased items by kind. For an entity or a memory: `memories` "
        "that existed, `deletedMemories` that had been deleted before, blanked `historyEvents`, "
        "`versions`, `sourceMessages`, blanked `operations`, and `exports`. For a project: "
        "everything in it. The numbers can grow until the erasure is complete."
    )
    created_at: datetime = strawberry.field(
        description="When the erasure was requested. From then on, no response contains the "
        "erased data."
    )
    completed_at: datetime | None = strawberry.field(
        description="When the data had been removed from every table and index; null while the "
        "erasure is in progress."
    )

    is_type_of = is_row(ReceiptRow)

    @strawberry.field(
        description="A checksum of the erased memories: the sum modulo 2^256 of the SHA-256 of "
        "each memory's id, as 64 hexadecimal digits. A caller that knows the ids can verify it. "
        "Null until the erasure is complete.",
        metadata=FREE,
    )
    def digest(self) -> str | None:
        """Return the digest."""
        return _digest(self) if self.completed_at is not None else None


def _digest(receipt: object) -> str:
    """Return the digest of the row behind a receipt.

    The row's attribute has the same name as the GraphQL field, which hides it from mypy.
    """
    return receipt.digest  # type: ignore[attr-defined]
