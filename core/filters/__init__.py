"""Filters of memories: the tree, its JSON form, and how metadata compares."""
