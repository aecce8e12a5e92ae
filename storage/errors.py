"""What storage raises for itself. Callers of the API never see these."""


class RowMoved(Exception):
    """A row changed between its reading and its writing; the transaction is run again."""


class DuplicateMemory(Exception):
    """An active memory of the same entities and speaker says the same already."""

    def __init__(self, memory_id: str) -> None:
        super().__init__(memory_id)
        self.memory_id = memory_id
