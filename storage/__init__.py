"""Persistence: the SQL tables, which are the source of truth, and the vector index."""
