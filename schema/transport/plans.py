"""What subscriptions have in common, so that one execution can answer many of them.

Two subscriptions get the same results when their documents ask for the same, their variables are
the same and they may see the same. Where each of them begins does not matter to that, so the
argument `after` of `memoryEvents` is taken out of what is compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from graphql import (
    REMOVE,
    SKIP,
    ArgumentNode,
    FieldNode,
    GraphQLError,
    OperationType,
    VariableNode,
    Visitor,
    get_operation_ast,
    parse,
    print_ast,
    visit,
)

from core.access import Actor

SHARED_FIELD = "memoryEvents"
_AFTER = "after"
_CACHED = 512
# A document this long is not kept; it is still shared.
_LONGEST_CACHED = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription to `memoryEvents`: what it asks for, wherever it begins.

    `beginning` names the variable that only says where to begin. With `is_personal` the results
    depend on who asks, beyond being allowed to see the project.
    """

    document: str
    operation_name: str | None
    beginning: str | None
    is_personal: bool

    def key(self, variables: Mapping[str, Any] | None, project_id: str, actor: Actor) -> str:
        """Return what is the same for those who get the same results."""
        rest = {name: value for name, value in (variables or {}).items() if name != self.beginning}
        rights = (
            [
                actor.account_id,
                actor.permission,
                actor.reach_project_id,
                actor.reach_organization_id,
            ]
            if self.is_personal
            else []
        )
        asked = [self.document, self.operation_name, rest, project_id, rights]
        return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode()


def plan_of(query: str, operation_name: str | None) -> Plan | None:
    """Return the plan of a document, or None if its operation is no lone `memoryEvents`.

    What is wrong with the document is for its execution to tell.
    """
    if len(query) > _LONGEST_CACHED:
        return _plan_of(query, operation_name)
    return _cached_plan_of(query, operation_name)


def _plan_of(query: str, operation_name: str | None) -> Plan | None:
    try:
        document = parse(query, no_location=True)
    except GraphQLError:
        return None
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
        return None
    (root, *others) = operation.selection_set.selections
    if others or not isinstance(root, FieldNode) or root.name.value != SHARED_FIELD:
        return None
    looked = _Look(document.definitions.index(operation))
    rest = visit(document, looked)
    # A variable that is also used elsewhere does more than say where to begin.
    beginning = looked.beginning if looked.beginning not in looked.variables else None
    return Plan(print_ast(rest), operation_name, beginning, looked.follows_links)


_cached_plan_of = lru_cache(maxsize=_CACHED)(_plan_of)


class _Look(Visitor):
    """Takes out where a subscription begins, and notes what else its document uses."""

    def __init__(self, definition: int) -> None:
        super().__init__()
        self.beginning: str | None = None
        self.variables: set[str] = set()
        self.follows_links = False
        self._root = ["definitions", definition, "selection_set", "selections", 0]

    def enter_variable_definition(self, *_: Any) -> Any:
        """Pass over it: a definition is no use."""
        return SKIP

    def enter_argument(self, node: ArgumentNode, _key: Any, _parent: Any, path: Any, _: Any) -> Any:
        """Remove the one that says where to begin."""
        if node.name.value != _AFTER or path[:-2] != self._root:
            return None
        if isinstance(node.value, VariableNode):
            self.beginning = node.value.name.value
        return REMOVE

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """Note a variable."""
        self.variables.add(node.name.value)

    def enter_field(self, node: FieldNode, _key: Any, _parent: Any, path: Any, _: Any) -> None:
        """Note a link: what has fields of its own."""
        if path != self._root and node.selection_set is not None:
            self.follows_links = True
