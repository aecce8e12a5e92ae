"""The search planner: which scopes are ranked in full, and which by candidates."""

# A scope up to this size is ranked in full, a larger one by candidates. `python -m
# benchmarks.planner` prints the costs. In a project of 20,000 memories on two cores they are, in
# milliseconds: in full 2.7 at 1,000, 3.6 at 5,000, 4.9 at 10,000; by candidates 12, 16 and 20, and
# 18 for the project. A larger limit has its price: a scope is read once, which takes 20 ms per
# 1,000 memories, and cached, at 2.5 kB per memory.
EXACT_SCOPE = 10_000
# The size of a cached embedding of a large scope, in bytes. One scope may use half of the cache.
# Comparing all embeddings misses none, and up to about 100,000 it takes no longer than Chroma. A
# larger scope queries Chroma.
KEPT_VECTOR = 2_048


def is_whole(memories: int) -> bool:
    """Return whether a scope of this many memories is ranked in full."""
    return memories <= EXACT_SCOPE


def has_kept_vectors(memories: int, capacity: int) -> bool:
    """Return whether a cache of `capacity` bytes keeps the embeddings of this many memories."""
    return 2 * memories * KEPT_VECTOR <= capacity
