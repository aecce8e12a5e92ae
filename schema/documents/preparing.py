"""Documents that are ready for execution: parsed, counted, validated and priced, and kept together.

The order of the steps is deliberate: each is cheap for what the steps before it have let through.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    Source,
    specified_rules,
    validate,
)
from graphql.language.parser import Parser
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from core.limits import Limits
from schema.documents.lexing import QuickLexer
from schema.documents.pricing import Plan
from schema.documents.scanning import scan_document
from schema.documents.walking import Walk

# A longer document is prepared in a thread, because it would hold up other requests, and not kept.
LONGEST_KEPT = 20_000
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document, the errors in it, and its operations. If it cannot be parsed, it has no nodes."""

    document: DocumentNode | None
    errors: list[GraphQLError]
    plans: Sequence[Plan] = field(default=())

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
        if len(text) > LONGEST_KEPT:
            return await asyncio.to_thread(self._prepare, text)
        prepared = self._prepare(text)
        if not prepared.errors:
            self._kept[text] = prepared
            while len(self._kept) > self._limits.max_kept_documents:
                self._kept.popitem(last=False)
        return prepared

    def _prepare(self, text: str) -> Prepared:
        if not text or text.isspace():
            return Prepared(None, [GraphQLError("The query is empty.")])
        limits = self._limits
        scan_document(text, limits)
        try:
            document = parse_document(text)
        except GraphQLError as error:
            return Prepared(None, [error])
        operations = Walk(document, self._schema, limits).run()
        most = limits.max_validation_errors
        errors = validate(self._schema, document, _RULES, max_errors=most)[:most]
        if errors:
            return Prepared(document, errors)
        return Prepared(document, [], [Plan(*operation) for operation in operations])


def parse_document(text: str, *, no_location: bool = False) -> DocumentNode:
    """Return a parsed document. Raises `GraphQLSyntaxError`."""
    source = Source(text)
    return Parser(source, no_location, lexer=QuickLexer(source)).parse_document()
