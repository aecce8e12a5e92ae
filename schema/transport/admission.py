"""Admission of operations: the limits that every transport applies before anything is executed."""

from collections.abc import Mapping
from dataclasses import replace

from core.access import Actor
from core.limits.json_size import check_json
from core.limits.points import REQUEST_POINTS
from resolvers.context import Services
from schema.contract import schema
from schema.documents.preparing import Documents, Prepared
from schema.transport.results import ClientOperation

# The errors in so many values are looked for in a thread, because they would hold up others.
_MANY_VALUES = 1_000
SHOW_COST = "mnemograph-show-cost"


class Admission:
    """The checks of one process, and the documents that have passed them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.documents = Documents(schema.graphql_schema, services.limits)

    def shows_cost(self, headers: Mapping[str, str]) -> bool:
        """Return whether the responses to a client show their cost."""
        asked = headers.get(SHOW_COST, "").lower() in ("1", "true")
        return asked or self._services.limits.show_cost

    async def admit(self, asked: ClientOperation, actor: Actor) -> ClientOperation:
        """Return the operation with its document and its cost, which the key has paid.

        Raises `TooComplex` or `RateLimited`. A document with errors is returned with them.
        """
        if asked.prepared is not None:
            return asked
        limits = self._services.limits
        values = check_json(asked.variables, limits) if asked.variables else 0
        prepared = await self.documents.prepare(asked.query)
        plan = prepared.plan(asked.operation_name)
        if plan is None:
            self._services.rates.charge(actor.key_id, REQUEST_POINTS)
            return replace(asked, prepared=prepared)
        cost = plan.check_cost(asked.variables, limits)
        self._services.rates.charge(actor.key_id, cost.points + cost.work, cost.characters)
        if values > _MANY_VALUES:
            assert asked.variables is not None
            errors = await self.documents.variable_errors(plan, asked.variables)
            if errors:
                return replace(asked, prepared=Prepared(prepared.document, errors), cost=cost)
        return replace(asked, prepared=prepared, plan=plan, cost=cost)
