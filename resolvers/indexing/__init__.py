"""The vector index: how it is synchronized and rebuilt."""
