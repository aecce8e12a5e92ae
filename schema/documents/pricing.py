"""The cost of an operation, computed from what it selects and from its variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    OperationDefinitionNode,
    OperationType,
    Undefined,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

from core.errors import TooComplex
from core.limits.points import REQUEST_POINTS
from core.limits.settings import Limits
from schema.documents.walking import Conditions, Selected, Selection
from schema.prices import SCALAR, Arguments, Price, amount

_LARGEST_COST = 10**15


@dataclass(frozen=True, slots=True)
class Cost:
    """What an operation costs: points, additional points of the rate, and characters to store.

    `texts` is how many fields its result may have that can be long.
    """

    points: int
    work: int = 0
    characters: int = 0
    texts: int = 0


class _Points(NamedTuple):
    """Points that the rows around a field multiply, and points that they do not; long fields."""

    multiplied: int
    once: int
    texts: int = 0


_FREE = _Points(0, 0)


class Plan:
    """One operation of a document, which knows its cost for any variables."""

    def __init__(self, operation: OperationDefinitionNode, root: Selection) -> None:
        self.type: OperationType = operation.operation
        self.name = operation.name.value if operation.name else None
        self.variables = operation.variable_definitions or ()
        self.is_unhurried = any(price_of(selected).unhurried for selected in root.fields)
        self._root = root
        self._defaults = {
            definition.variable.name.value: value_from_ast_untyped(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        pricing = _Pricing(self._defaults)
        cost = pricing.cost(root)
        self._constant = None if pricing.uses_variables else cost

    def cost(self, variables: Mapping[str, Any] | None) -> Cost:
        """Return what it costs with these variables."""
        if self._constant is not None:
            return self._constant
        return _Pricing(self._values(variables)).cost(self._root)

    def check_cost(self, variables: Mapping[str, Any] | None, limits: Limits) -> Cost:
        """Return what it costs. Raises `TooComplex` if that is more than an operation may."""
        cost = self.cost(variables)
        if cost.points > limits.max_cost:
            dearest = _Pricing(self._values(variables)).dearest(self._root)
            message = (
                f"The operation costs {cost.points:,} points, and {limits.max_cost:,} are allowed. "
                f"The dearest field is {dearest}: select less, or ask for smaller pages."
            )
            raise TooComplex(message, limit="cost", requested=cost.points, allowed=limits.max_cost)
        return cost

    def _values(self, variables: Mapping[str, Any] | None) -> dict[str, Any]:
        return {**self._defaults, **(variables or {})}


class _Given:
    """The arguments of a field, read only when a price asks for them."""

    def __init__(self, pricing: "_Pricing", selected: Selected | None) -> None:
        self._pricing = pricing
        self._selected = selected

    def get(self, name: str) -> Any:
        if self._selected is None:
            return None
        for argument in self._selected.node.arguments or ():
            if argument.name.value == name:
                return self._pricing.value(argument.value)
        definition = self._selected.definition
        declared = definition.args.get(name) if definition else None
        default = declared.default_value if declared else None
        return None if default is Undefined else default


class _Pricing:
    """One computation of a cost. A selection under one field is computed once."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.uses_variables = False
        self._variables = variables
        self._sums: dict[tuple[int, int], _Points] = {}

    def value(self, node: ValueNode) -> Any:
        """Return the value of an argument, or None if its variable was not sent."""
        if isinstance(node, VariableNode):
            self.uses_variables = True
            return self._variables.get(node.name.value)
        # A list or an object may contain variables.
        self.uses_variables = self.uses_variables or not hasattr(node, "value")
        return value_from_ast_untyped(node, self._variables)

    def cost(self, root: Selection) -> Cost:
        """Return the cost of an operation that selects these fields."""
        nothing = _Given(self, None)
        total = self._sum(root, None, nothing)
        points = min(REQUEST_POINTS + total.multiplied + total.once, _LARGEST_COST)
        work = characters = 0
        for selected in root.fields:
            declared = price_of(selected)
            if declared.work is not None or declared.characters is not None:
                given = _Given(self, selected)
                work += amount(declared.work, given, nothing)
                characters += amount(declared.characters, given, nothing)
        return Cost(points, work, characters, min(total.texts, _LARGEST_COST))

    def _sum(self, selection: Selection, around: Selected | None, given: Arguments) -> _Points:
        key = id(selection), id(around)
        if key not in self._sums:
            points = [self._points(selected, given) for selected in selection.fields]
            self._sums[key] = _Points(
                sum(one.multiplied for one in points),
                sum(one.once for one in points),
                sum(one.texts for one in points),
            )
        return self._sums[key]

    def _points(self, selected: Selected, around: Arguments) -> _Points:
        if not any(map(self._holds, selected.occurrences)):
            return _FREE
        declared = price_of(selected)
        if declared is SCALAR:
            return _FREE
        given = _Given(self, selected)
        own = amount(declared.own, given, around)
        once = amount(declared.once, given, around)
        if selected.inner is None:
            return _Points(own, once, int(declared.is_long))
        rows = amount(declared.rows, given, around)
        inner = self._sum(selected.inner, selected, given)
        multiplied = own + rows * (declared.each + inner.multiplied)
        return _Points(multiplied, once + inner.once, rows * inner.texts)

    def _holds(self, conditions: Conditions) -> bool:
        for directive in conditions:
            wanted = {"include": True, "skip": False}.get(directive.name.value)
            for argument in directive.arguments or ():
                if wanted is not None and argument.name.value == "if":
                    value = self.value(argument.value)
                    if isinstance(value, bool) and value is not wanted:
                        return False
        return True

    def dearest(self, selection: Selection) -> str:
        """Return the path to the field that costs most, down to the last one that multiplies."""
        path: list[str] = []
        around: Arguments = _Given(self, None)
        length = 1
        while selection.fields:
            selected = max(selection.fields, key=lambda one: sum(self._points(one, around)[:2]))
            given = _Given(self, selected)
            path.append(selected.name)
            declared = price_of(selected)
            if amount(declared.rows, given, around) > 1 or amount(declared.own, given, around) > 9:
                length = len(path)
            if selected.inner is None:
                break
            around, selection = given, selected.inner
        return ".".join(path[:length])


def price_of(selected: Selected) -> Price:
    """Return the price of a selected field."""
    if selected.definition is None:
        return SCALAR
    found: Price = selected.definition.extensions.get("price", SCALAR)
    return found
