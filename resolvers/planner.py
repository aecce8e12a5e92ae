"""The planner of searches: which scopes are ranked whole, and which by candidates."""

from resolvers.scopes import ScopeKey

# A scope up to this size is ranked whole, a larger one by the candidates that the indexes give.
# Reading an entity's candidates out of a large index costs several times as much as a project's, so
# an entity's scope may be larger. `python -m benchmarks.planner` prints the costs.
EXACT_SCOPE = 5_000
ENTITY_FACTOR = 2


# What the embedding of one memory takes that is kept of a large scope, in bytes. Half of the memory
# that is set aside for searches is for one scope's. Looking at all of them misses none and takes no
# longer than Chroma up to some 100,000; a larger scope asks Chroma.
KEPT_VECTOR = 2_048


def is_whole(memories: int, key: ScopeKey) -> bool:
    """Tell whether a scope of so many memories is ranked whole."""
    return memories <= EXACT_SCOPE * (ENTITY_FACTOR if key.entity else 1)


def has_kept_vectors(memories: int, capacity: int) -> bool:
    """Tell whether the embeddings of so many memories are kept, given bytes for everything kept."""
    return 2 * memories * KEPT_VECTOR <= capacity
