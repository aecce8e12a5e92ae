"""Documents that are ready for execution: parsed, counted, validated and priced, and kept together.

The order of the steps is deliberate: each is cheap for what the steps before it have let through.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    get_variable_values,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from core.limits.settings import Limits
from schema.documents.lexing import parse_document
from schema.documents.pricing import Plan
from schema.documents.scanning import scan_document
from schema.documents.walking import Walk
from schema.execution.selections import Compiled

# A longer document is not kept.
LONGEST_KEPT = 20_000
# A longer document is prepared in a thread, because it would hold up other requests. There is one
# thread, so that many such documents together do not hold up others either.
_LONG = 1_000
# An error may repeat a large part of a large document, so fewer are collected.
_MANY_TOKENS, _FEW_ERRORS = 500, 5
_FEW_VARIABLE_ERRORS = 2
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document, the errors in it, and its operations. If it cannot be parsed, it has no nodes."""

    document: DocumentNode | None
    errors: list[GraphQLError]
    plans: Sequence[Plan] = field(default=())
    compiled: Compiled | None = None

    def plan(self, operation_name: str | None) -> Plan | None:
        """Return the operation of this name, or without a name the first one."""
        for plan in self.plans:
            if operation_name is None or plan.name == operation_name:
                return plan
        return None


class Documents:
    """The documents of one process."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self._schema = schema
        self._limits = limits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="documents")
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    async def prepare(self, text: str) -> Prepared:
        """Return a document that is ready for execution, or its errors.

        Raises `TooComplex` if it is beyond a limit.
        """
        kept = self._kept.get(text)
        if kept is not None:
            self._kept.move_to_end(text)
            return kept
        if len(text) > _LONG:
            loop = asyncio.get_running_loop()
            prepared = await loop.run_in_executor(self._thread, self._prepare, text)
        else:
            prepared = self._prepare(text)
        if not prepared.errors and len(text) <= LONGEST_KEPT:
            self._kept[text] = prepared
            while len(self._kept) > self._limits.max_kept_documents:
                self._kept.popitem(last=False)
        return prepared

    async def variable_errors(self, plan: Plan, variables: dict[str, Any]) -> list[GraphQLError]:
        """Return the errors in the variables of an operation, found in a thread.

        Each error describes the whole value, so of a large one only a few are collected.
        """

        def find() -> list[GraphQLError]:
            found = get_variable_values(
                self._schema, plan.variables, variables, max_errors=_FEW_VARIABLE_ERRORS
            )
            return found[:_FEW_VARIABLE_ERRORS] if isinstance(found, list) else []

        return await asyncio.get_running_loop().run_in_executor(self._thread, find)

    def _prepare(self, text: str) -> Prepared:
        if not text or text.isspace():
            return Prepared(None, [GraphQLError("The query is empty.")])
        limits = self._limits
        tokens = scan_document(text, limits)
        try:
            document = parse_document(text)
        except GraphQLError as error:
            return Prepared(None, [error])
        operations = Walk(document, self._schema, limits).run()
        most = limits.max_validation_errors
        if tokens > _MANY_TOKENS or len(text) > LONGEST_KEPT:
            most = min(most, _FEW_ERRORS)
        errors = validate(self._schema, document, _RULES, max_errors=most)[:most]
        if errors:
            return Prepared(document, errors)
        plans = [Plan(*operation) for operation in operations]
        return Prepared(document, [], plans, Compiled(document))
