"""Filters as JSON and back: whatever a caller may write means the same after the way there."""

import orjson
from hypothesis import given

from core.filters.json_form import filter_from_json, filter_to_json
from core.filters.tree import And, Filter, Not, Or
from tests.storage.sql.test_filters import Given, filters
from tests.support.fixtures.filters import tree


def without_wrapping(filter: Filter) -> Filter:
    """Return the same filter without the conjunctions and disjunctions of a single part."""
    if isinstance(filter, Not):
        return Not(without_wrapping(filter.part))
    if isinstance(filter, (And, Or)):
        parts = tuple(map(without_wrapping, filter.parts))
        return parts[0] if len(parts) == 1 else type(filter)(parts)
    return filter


@given(given=filters)
def test_a_filter_survives_the_way_to_json_and_back(given: Given) -> None:
    asked = tree(given)
    stored = orjson.loads(orjson.dumps(filter_to_json(asked)))
    assert filter_from_json(stored) == without_wrapping(asked)


def test_no_filter_is_none() -> None:
    assert filter_from_json(None) is None


def test_numbers_that_a_database_writes_in_another_way_mean_the_same() -> None:
    asked = tree({"metadata": [{"key": "n", "in": [1.0, "1", True, None]}]})
    written = {"metadata": {"key": "n", "in": [1, "1", True, None]}}
    found = filter_from_json(written)
    assert found is not None
    assert filter_to_json(found) == filter_to_json(asked) == written
