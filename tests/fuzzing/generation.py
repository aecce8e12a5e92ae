"""How much is generated, and from what: values at the edges, and the ids of a world."""

import os
from collections.abc import Mapping

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

EXAMPLES = "MNEMOGRAPH_TEST_EXAMPLES"

TEXTS = (
    *("", " ", "\0", "a\0b", "\ufeff", "\u200b", "\u202e", "é" * 2_000, "😀", "*", "%", "_", "\\"),
    *("NaN", "Infinity", "null", "true", "-1", "1e400", "9" * 400, "{}", "[]", "'", '"', "../.."),
    *("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30", "http://[", "a@b"),
)


def fuzzing(examples: int) -> settings:
    """Return the settings of a generated test.

    By default it runs the same few examples each time. With `MNEMOGRAPH_TEST_EXAMPLES`, it runs
    that many, which are new each time, and reduces what fails.
    """
    wanted = os.environ.get(EXAMPLES)
    return settings(
        max_examples=int(wanted) if wanted else examples,
        derandomize=not wanted,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if wanted else [])],
        # The examples of a test share a tenant on purpose.
        suppress_health_check=list(HealthCheck),
    )


def ids(names: Mapping[str, str]) -> st.SearchStrategy[str]:
    """Return the ids of a world, and sometimes a text that is not an id."""
    known = [value for value in names.values() if "@" not in value]
    return st.one_of(st.sampled_from(known), st.sampled_from(known), st.sampled_from(TEXTS))
