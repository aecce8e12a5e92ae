"""Exports and imports of memories as files."""
