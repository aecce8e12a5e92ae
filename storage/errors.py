"""What storage raises for itself. Callers of the API never see these."""


class RowMoved(Exception):
    """A row changed between its reading and its writing; the transaction is run again."""
