"""Memories that leave or enter a project: exports, profiles and imports."""
