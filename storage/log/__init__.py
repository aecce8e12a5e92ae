"""The log of a project: its events, how it is followed, and how it is pruned."""
