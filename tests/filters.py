"""Filters written as callers write them, in JSON, for tests below the contract."""

from typing import Any

from core.filters.tree import Field, Filter, FilterBuilder, Not


def tree(given: dict[str, Any]) -> Filter:
    """Return the tree of a filter; the values of dates, moments and states are Python's own."""
    return _tree(given, FilterBuilder(), 1, ("filter",))


def _tree(
    given: dict[str, Any], builder: FilterBuilder, depth: int, path: tuple[str | int, ...]
) -> Filter:
    builder.check_depth(depth, *path)
    parts: list[Filter] = []
    for name, value in given.items():
        at = (*path, name)
        if name in ("and", "or"):
            nested = [
                _tree(item, builder, depth + 1, (*at, position))
                for position, item in enumerate(value)
            ]
            join = builder.conjunction if name == "and" else builder.disjunction
            parts.append(join(nested, *at))
        elif name == "not":
            parts.append(Not(_tree(value, builder, depth + 1, at)))
        elif name in ("ids", "state"):
            parts.append(builder.one_of(Field(name), value, *at))
        elif name == "metadata":
            for position, item in enumerate(value):
                operators = {key: operand for key, operand in item.items() if key != "key"}
                here = (*at, position)
                parts += builder.conditions(Field.METADATA, operators, *here, key=item["key"])
        else:
            parts += builder.conditions(Field(name), value, *at)
    return builder.conjunction(parts, *path)
