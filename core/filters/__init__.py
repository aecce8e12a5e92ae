"""Filters of memories: the tree, its JSON form, and the comparison of metadata."""
