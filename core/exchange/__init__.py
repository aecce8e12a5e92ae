"""The exchange format: its records, their checks, and mem0's answers read into it."""
