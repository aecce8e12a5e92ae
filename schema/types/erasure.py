"""The receipts of erasures."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.base import Node, is_row
from storage.erasure.receipts import ReceiptRow


@strawberry.type(
    description="Proof that a subject's text is gone from everywhere. It outlives its project and "
    "goes with the organization. It has nothing of what was erased, names included."
)
class ErasureReceipt(Node):
    """A receipt."""

    subject: str = strawberry.field(
        description="What was erased, by its kind and id: `USER`, `AGENT`, `APP`, `RUN`, `MEMORY` "
        "or `PROJECT`, a space, and the id it had."
    )
    requested_by: str = strawberry.field(
        description="The e-mail address of the account that asked for it."
    )
    counts: JSON = strawberry.field(
        description="How much was erased, by the name of what it was: of an entity or a memory, "
        "`memories` that were there, `deletedMemories` of before, `historyEvents` blanked, "
        "`versions`, `sourceMessages`, `operations` blanked and `exports`; of a project all there "
        "was in it. It may grow until the erasure is complete."
    )
    created_at: datetime = strawberry.field(
        description="When it was asked for, from which moment on no answer has any of it."
    )
    completed_at: datetime | None = strawberry.field(
        description="When the last of it was gone from every table and index."
    )

    is_type_of = is_row(ReceiptRow)

    @strawberry.field(
        description="Which memories these were: the sum, modulo 2^256, of the SHA-256 of the id of "
        "each memory that was there, as 64 hexadecimal digits. Whoever knows the ids can check it. "
        "There once the erasure is complete."
    )
    def digest(self) -> str | None:
        """Return the digest."""
        return _digest(self) if self.completed_at is not None else None


def _digest(receipt: object) -> str:
    """Return the digest of the row behind a receipt.

    The row's attribute has the name of the field that is made of it, which hides it from mypy.
    """
    return receipt.digest  # type: ignore[attr-defined]
