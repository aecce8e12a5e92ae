"""Memories, and what belongs to them: versions, sources, concepts and feedback."""
