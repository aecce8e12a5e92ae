"""The exchange format: its records, their checks, and the conversion of mem0's responses."""
