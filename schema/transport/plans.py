"""Plans of subscriptions, which determine which of them can share an execution.

Two subscriptions have the same results if their documents, variables and access rights are equal.
Their starting points do not matter, so the comparison ignores the argument `after` of
`memoryEvents`.
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
    print_ast,
    visit,
)

from core.access import Actor
from schema.documents.lexing import parse_document
from schema.documents.preparing import LONGEST_KEPT

SHARED_FIELD = "memoryEvents"
_AFTER = "after"
_CACHED = 128


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription to `memoryEvents` without its starting point.

    `beginning` names the variable that only sets the starting point. `is_personal` means that the
    results depend on the caller's rights beyond access to the project.
    """

    document: str
    operation_name: str | None
    beginning: str | None
    is_personal: bool

    def key(self, variables: Mapping[str, Any] | None, project_id: str, actor: Actor) -> str:
        """Return the key that is equal for subscriptions with the same results."""
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
    """Return the plan of a document, or None unless its only field is `memoryEvents`.

    Errors in the document are left to its execution to report.
    """
    if len(query) > LONGEST_KEPT:
        return _plan_of(query, operation_name)
    return _cached_plan_of(query, operation_name)


def _plan_of(query: str, operation_name: str | None) -> Plan | None:
    try:
        document = parse_document(query, no_location=True)
    except GraphQLError:
        return None
    operation = get_operation_ast(document, operation_name)
    if operation is None or operation.operation is not OperationType.SUBSCRIPTION:
        return None
    (root, *others) = operation.selection_set.selections
    if others or not isinstance(root, FieldNode) or root.name.value != SHARED_FIELD:
        return None
    looked = _StartRemover(document.definitions.index(operation))
    rest = visit(document, looked)
    # A variable that is used elsewhere as well does more than set the starting point.
    beginning = looked.beginning if looked.beginning not in looked.variables else None
    return Plan(print_ast(rest), operation_name, beginning, looked.follows_links)


_cached_plan_of = lru_cache(maxsize=_CACHED)(_plan_of)


class _StartRemover(Visitor):
    """Removes the starting point from a document, and collects what the rest uses."""

    def __init__(self, definition: int) -> None:
        super().__init__()
        self.beginning: str | None = None
        self.variables: set[str] = set()
        self.follows_links = False
        self._root = ["definitions", definition, "selection_set", "selections", 0]

    def enter_variable_definition(self, *_: Any) -> Any:
        """Skip it: a definition is not a use."""
        return SKIP

    def enter_argument(self, node: ArgumentNode, _key: Any, _parent: Any, path: Any, _: Any) -> Any:
        """Remove the argument that sets the starting point."""
        if node.name.value != _AFTER or path[:-2] != self._root:
            return None
        if isinstance(node.value, VariableNode):
            self.beginning = node.value.name.value
        return REMOVE

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """Collect a variable."""
        self.variables.add(node.name.value)

    def enter_field(self, node: FieldNode, _key: Any, _parent: Any, path: Any, _: Any) -> None:
        """Detect a link: a field with a selection set."""
        if path != self._root and node.selection_set is not None:
            self.follows_links = True
