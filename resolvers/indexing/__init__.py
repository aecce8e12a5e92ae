"""The vector index: how it is kept in step, and how it is rebuilt."""
