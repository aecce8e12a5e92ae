"""Pairwise testing: each value of a parameter with each value of every other, in few cases."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import pytest
from allpairspy import AllPairs


def parametrize_pairs(**parameters: Iterable[Any]) -> pytest.MarkDecorator:
    """Run a test with few combinations that hold every pair of values of two parameters.

    A fault that depends on one value, or on two together, is found as by the full product.
    """
    cases = AllPairs(OrderedDict((name, list(values)) for name, values in parameters.items()))
    return pytest.mark.parametrize(tuple(parameters), [tuple(case) for case in cases])
