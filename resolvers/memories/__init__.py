"""The life of a memory: creation, lists, changes, restoring and deletion."""
