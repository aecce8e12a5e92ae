"""Errors internal to storage. Callers of the API never see them."""


class RowMoved(Exception):
    """A row changed between its read and its write; the transaction is retried."""


class DuplicateMemory(Exception):
    """An active memory with the same entities, speaker and text exists; `memory_id` is its id."""

    def __init__(self, memory_id: str) -> None:
        super().__init__(memory_id)
        self.memory_id = memory_id
