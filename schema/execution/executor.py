"""The executor of the schema: root fields by graphql-core, everything under them breadth-first."""

from collections.abc import Callable
from typing import Any

from graphql import MiddlewareManager, Undefined
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.execution.leaves import Unusual
from schema.execution.levels import Resolved, Run
from schema.execution.selections import Compiled, Output

# The name under which a transport passes on a document that is already parsed and validated.
PREPARED = "prepared"


class BreadthFirstExecutor(StrawberryGraphQLCoreExecutionContext):
    """Completes the values of root fields level by level."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prepared = (self.operation_extensions or {}).get(PREPARED)
        self._compiled: Compiled | None = None if prepared is None else prepared.compiled
        self._met: set[Any] = set()

    def build_per_event_executor(self, payload: Any) -> Any:
        """Return the executor of one event of a subscription."""
        executor: Any = super().build_per_event_executor(payload)
        executor._met = set()
        if isinstance(executor.middleware_manager, _Replay):
            executor.middleware_manager = executor.middleware_manager.others
        return executor

    def complete_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a value. The methods of the base class that call it are not public."""
        is_first = path.prev is None and path.key not in self._met
        if is_first and self._compiled is not None:
            self._met.add(path.key)
            if result is not None and result is not Undefined and not isinstance(result, Exception):
                output = self._compiled.output(self, return_type, field_details_list, path.key)
                if output is not None:
                    return self._complete_by_levels(
                        output,
                        return_type,
                        field_details_list,
                        info,
                        path,
                        result,
                        position_context,
                    )
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    async def _complete_by_levels(
        self,
        output: Output,
        return_type: Any,
        details: Any,
        info: Any,
        path: Any,
        result: Any,
        position: Any,
    ) -> Any:
        strawberry_schema = self.schema._strawberry_schema  # type: ignore[attr-defined]
        run = Run(
            self, strawberry_schema.config, strawberry_schema.schema_converter.scalar_registry
        )
        try:
            (completed,) = await run.complete(output, [result])
        except Unusual:
            self._replay(run.resolved())
            completed = super().complete_value(return_type, details, info, path, result, position)
            if self.is_awaitable(completed):
                completed = await completed
        return completed

    def _replay(self, resolved: Resolved) -> None:
        """Let graphql-core take what is resolved instead of calling resolvers again."""
        replay: Any = self.middleware_manager
        if not isinstance(replay, _Replay):
            replay = self.middleware_manager = _Replay(replay)  # type: ignore[assignment]
        replay.resolved |= resolved


class _Replay:
    """Has the interface of graphql-core's manager of middleware, which wraps resolvers."""

    def __init__(self, others: MiddlewareManager | None) -> None:
        self.resolved: Resolved = {}
        self.others = others

    def get_field_resolver(self, resolver: Callable[..., Any]) -> Callable[..., Any]:
        """Return a resolver that first looks for what it has already returned."""
        wrapped = self.others.get_field_resolver(resolver) if self.others else resolver

        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            keys = tuple(key for key in info.path.as_list() if isinstance(key, str))
            known = (keys, id(source))
            if known not in self.resolved:
                return wrapped(source, info, **arguments)
            value = self.resolved[known]
            if isinstance(value, Exception):
                raise value
            return value

        return resolve
