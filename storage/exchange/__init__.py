"""Memories that leave or enter a project: exports, imports and profiles."""
