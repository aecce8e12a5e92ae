"""The price of a field: how many points of work its result takes. One point is about 50 µs of CPU.

A field with a resolver, and a field that returns a list of objects, declares its price with
`metadata=price(...)`. Without a declaration, a scalar costs nothing and an object costs one point.
The declared functions get the arguments of the field and those of the field around it, because the
page size of `nodes` is an argument of the connection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from core.limits.points import SUMMARY_POINTS, add_points, message_characters, search_points
from core.paging import LARGEST_PAGE

_DEFAULT_PAGE = 20
_UNPAGED_ROWS = 10


class Arguments(Protocol):
    """The arguments of a field, as sent: not yet checked, and null where they are missing."""

    def get(self, name: str) -> Any:
        """Return the value of an argument, or its default."""


# Computes a number from the arguments of a field and those of the field around it.
Amount = Callable[[Arguments, Arguments], int]


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a field: `own` points, and `each` for each row besides what is selected in it.

    `rows` is the number of rows, over which the prices of the selected fields are multiplied.
    `once` are points that are not multiplied: one statement does the work for all rows around it.
    `work` are points that count for the rate of the key but not for the cost of the operation, and
    `characters` is the size of the text to be stored or extracted. An `unhurried` operation has no
    deadline. A field that `is_long` may have a value of 64 KB.
    """

    own: int | Amount = 0
    each: int = 0
    rows: int | Amount = 1
    once: Amount | None = None
    work: Amount | None = None
    characters: Amount | None = None
    unhurried: bool = False
    is_long: bool = False


def amount(value: int | Amount | None, arguments: Arguments, around: Arguments) -> int:
    """Return a number that is declared, or computed from arguments."""
    if value is None:
        return 0
    return value if isinstance(value, int) else value(arguments, around)


def price(
    own: int | Amount = 0,
    *,
    each: int = 0,
    rows: int | Amount = 1,
    once: Amount | None = None,
    work: Amount | None = None,
    characters: Amount | None = None,
    unhurried: bool = False,
    is_long: bool = False,
) -> dict[Any, Any]:
    """Return the metadata that declares the price of a field."""
    return {"price": Price(own, each, rows, once, work, characters, unhurried, is_long)}


SCALAR = Price()
OBJECT = Price(1)
# The prices of the two fields that every schema has: they build a description of the schema.
INTROSPECTION = {"__schema": Price(600), "__type": Price(100)}

ONE = price(1)
FREE = price()
# A scalar that is large or computed.
LARGE = price(1, is_long=True)
# A mutation, and one that may take longer than the deadline.
CHANGE = price(100)
LONG_CHANGE = price(100, unhurried=True)
# A list that is not paged.
LIST = price(each=1, rows=_UNPAGED_ROWS)


def whole(value: Any, default: int, most: int) -> int:
    """Return a count as sent, within the range in which a resolver accepts it."""
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return min(max(value, 0), most)


def page_size(arguments: Arguments) -> int:
    """Return the page size that the arguments of a connection ask for."""
    size = arguments.get("first")
    if size is None:
        size = arguments.get("last")
    return whole(size, _DEFAULT_PAGE, LARGEST_PAGE)


CONNECTION = price(2)
# The rows of a field of a connection.
PAGE = price(each=1, rows=lambda _, around: page_size(around))


def _total(_: Arguments, around: Arguments) -> int:
    """Counting with a condition on texts reads all rows; one on metadata also parses JSON."""
    names = _names_in(around.get("filter"))
    if "metadata" in names:
        return 400
    return 200 if "text" in names or around.get("nameContains") else 100


def _names_in(value: Any) -> set[str]:
    names: set[str] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            names.update(name for name, inner in item.items() if inner is not None)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
    return names


TOTAL = price(once=_total)


def _search(arguments: Arguments, _: Arguments) -> int:
    rerank = arguments.get("rerank") is True
    return search_points(arguments.get("query"), rerank=rerank)


def hits_of(arguments: Arguments) -> int:
    """Return the number of hits that the arguments of a search ask for."""
    return whole(arguments.get("topK"), 10, 1_000)


SEARCH = price(_search)
# The hits of a search.
HITS = price(each=1, rows=lambda _, around: hits_of(around))
RELATED = price(
    15, each=1, rows=lambda arguments, _: whole(arguments.get("first"), 10, LARGEST_PAGE)
)


# Its neighbours in the graph are counted, not searched.
RELATED_CONCEPTS = price(
    2, each=1, rows=lambda arguments, _: whole(arguments.get("first"), 10, LARGEST_PAGE)
)
STATISTICS = price(100)
SUMMARY = price(SUMMARY_POINTS, unhurried=True)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


ADD = price(
    100,
    work=lambda arguments, _: add_points(
        _member(arguments.get("input"), "messages"),
        infer=_member(arguments.get("input"), "infer") is not False,
    ),
    characters=lambda arguments, _: message_characters(_member(arguments.get("input"), "messages")),
    unhurried=True,
)


def rows_of(name: str) -> Amount:
    """Return an amount of rows: one for each item of a list argument."""

    def count(arguments: Arguments, _: Arguments) -> int:
        value = arguments.get(name)
        return len(value) if isinstance(value, list) else 0

    return count


def per_item(name: str, points: int) -> Amount:
    """Return an amount of work: so many points for each item of a list argument."""
    count = rows_of(name)
    return lambda arguments, around: points * count(arguments, around)


NODES = price(each=1, rows=rows_of("ids"))
UPDATES = price(100, work=per_item("inputs", 300), unhurried=True)
DELETIONS = price(100, work=per_item("ids", 10), unhurried=True)
