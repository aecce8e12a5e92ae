"""The log of a project: its events, reading it from a cursor, and pruning it."""
