"""The planner of searches: which scopes are ranked whole, and which by candidates."""

# A scope up to this size is ranked whole, a larger one by candidates. `python -m
# benchmarks.planner` prints the costs; in a project of 20,000 on two cores, in milliseconds: whole
# 2.7 at 1,000, 3.6 at 5,000, 4.9 at 10,000; by candidates 12, 16 and 20, and 18 for the project.
# What speaks against ever larger scopes is that they are to be read once, which takes 20 for each
# 1,000, and kept, at 2.5 kB a memory.
EXACT_SCOPE = 10_000
# What the embedding of one memory takes that is kept of a large scope, in bytes. Half of the memory
# that is set aside for searches is for one scope's. Looking at all of them misses none and takes no
# longer than Chroma up to some 100,000; a larger scope asks Chroma.
KEPT_VECTOR = 2_048


def is_whole(memories: int) -> bool:
    """Tell whether a scope of so many memories is ranked whole."""
    return memories <= EXACT_SCOPE


def has_kept_vectors(memories: int, capacity: int) -> bool:
    """Tell whether the embeddings of so many memories are kept, given bytes for everything kept."""
    return 2 * memories * KEPT_VECTOR <= capacity
