"""Runs compiled selections: each link once for all objects of a level.

A value that is unusual, such as an error or a forbidden null, ends the run with `Unusual`. Then
graphql-core completes the same root value. It gets what the resolvers have returned so far from the
records of the run, so no resolver runs twice.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from graphql import is_object_type
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.schema.schema_converter import get_arguments
from strawberry.types.info import Info

from schema.execution.leaves import Unusual
from schema.execution.selections import (
    AbstractOutput,
    LeafOutput,
    Link,
    ListOutput,
    ObjectOutput,
    Output,
    Selection,
    compile_selection,
)

if TYPE_CHECKING:
    from graphql.execution import Executor
    from strawberry.schema.config import StrawberryConfig
    from strawberry.types.scalar import ScalarDefinition

# By the keys of its path and the identity of its parent: what the resolver of a field has returned.
Resolved = dict[tuple[tuple[str, ...], int], Any]


class Run:
    """The completion of one root value."""

    def __init__(
        self,
        executor: "Executor[Any]",
        config: "StrawberryConfig",
        scalars: "dict[object, ScalarDefinition]",
    ) -> None:
        self._executor = executor
        self._config = config
        self._scalars = scalars
        self._records: list[tuple[Link, Sequence[Any], Sequence[Any]]] = []

    def resolved(self) -> Resolved:
        """Return what the resolvers have returned so far."""
        return {
            (link.path, id(parent)): value
            for link, parents, values in self._records
            for parent, value in zip(parents, values, strict=True)
        }

    async def complete(self, output: Output, values: list[Any]) -> list[Any]:
        """Return the completed values. Raises `Unusual`."""
        if isinstance(output, LeafOutput):
            try:
                return [output.serialize(value) for value in values]
            except Exception:
                raise Unusual from None
        present = [value for value in values if value is not None]
        if len(present) == len(values):
            return await self._complete_present(output, values)
        if not output.nullable:
            raise Unusual
        completed = iter(await self._complete_present(output, present))
        return [None if value is None else next(completed) for value in values]

    async def _complete_present(
        self, output: ListOutput | ObjectOutput | AbstractOutput, values: list[Any]
    ) -> list[Any]:
        if not values:
            return []
        if isinstance(output, ObjectOutput):
            return await self._objects(output.selection, values)
        if isinstance(output, AbstractOutput):
            return await self._abstract(output, values)
        if any(type(value) is not list for value in values):
            raise Unusual
        completed = await self.complete(output.item, [item for value in values for item in value])
        if len(values) == 1:
            return [completed]
        lists, start = [], 0
        for value in values:
            lists.append(completed[start : start + len(value)])
            start += len(value)
        return lists

    async def _abstract(self, output: AbstractOutput, values: list[Any]) -> list[Any]:
        completed: list[Any] = [None] * len(values)
        places: dict[int, tuple[Selection, list[int]]] = {}
        for place, value in enumerate(values):
            selection = output.selections.get(type(value))
            if selection is None:
                selection = self._selection_of(output, value)
            places.setdefault(id(selection), (selection, []))[1].append(place)
        groups = list(places.values())
        results = await _all(
            [
                self._objects(selection, [values[place] for place in group])
                for selection, group in groups
            ]
        )
        for (_, group), result in zip(groups, results, strict=True):
            for place, item in zip(group, result, strict=True):
                completed[place] = item
        return completed

    def _selection_of(self, output: AbstractOutput, value: Any) -> Selection:
        """Compile the selection of the objects of a class. Raises `Unusual` if none is known."""
        schema = self._executor.schema
        resolve = output.abstract_type.resolve_type or self._executor.type_resolver
        try:
            name: Any = resolve(value, self._type_info(output.path), output.abstract_type)
            found = schema.get_type(name)
        except Exception:
            raise Unusual from None
        if not is_object_type(found) or not schema.is_sub_type(output.abstract_type, found):
            raise Unusual
        selection = compile_selection(self._executor, found, output.details, output.path)
        output.selections[type(value)] = selection
        return selection

    async def _objects(self, selection: Selection, objects: list[Any]) -> list[Any]:
        self._check_classes(selection, objects)
        columns: list[Any] = [None] * len(selection.links)
        for place, link in selection.at_once:
            columns[place] = await self._resolve(link, objects)
        waiting = selection.waiting
        if len(waiting) == 1:
            columns[waiting[0][0]] = await self._resolve(waiting[0][1], objects)
        elif waiting:
            found = await _all([self._resolve(link, objects) for _, link in waiting])
            for (place, _), values in zip(waiting, found, strict=True):
                columns[place] = values
        try:
            return selection.build(objects, *columns)
        except Exception:
            raise Unusual from None

    def _check_classes(self, selection: Selection, objects: list[Any]) -> None:
        """Raise `Unusual` unless all objects are of the type. A class has one type."""
        for class_ in set(map(type, objects)) - selection.accepted:
            is_type_of = selection.object_type.is_type_of
            value = next(each for each in objects if type(each) is class_)
            is_wrong = is_type_of is not None and not is_type_of(value, None)  # type: ignore[arg-type]
            if is_wrong or issubclass(class_, Exception):
                raise Unusual
            selection.accepted.add(class_)

    async def _resolve(self, link: Link, parents: list[Any]) -> list[Any]:
        """Return the completed values of a link, one for each parent."""
        try:
            values = await self._values(link, parents)
        except Exception as error:
            # The batch function or the arguments have failed for all parents alike.
            self._record(link, parents, [error] * len(parents))
            raise Unusual from None
        self._record(link, parents, values)
        if any(isinstance(value, Exception) for value in values):
            raise Unusual
        return await self.complete(link.output, values)

    def _record(self, link: Link, parents: Sequence[Any], values: Sequence[Any]) -> None:
        self._records.append((link, parents, values))

    async def _values(self, link: Link, parents: list[Any]) -> list[Any]:
        field = link.strawberry
        if field.is_basic_field:
            return [getattr(parent, field.python_name) for parent in parents]
        info = self._info(link)
        if link.batch is not None:
            values: list[Any] = await link.batch(info, parents, self._arguments(link, info))
            return values
        resolver = field.base_resolver
        assert resolver is not None
        if field.extensions or not resolver.self_parameter:
            return await self._resolve_each(link, parents, info)
        arguments = self._arguments(link, info)
        if resolver.info_parameter:
            arguments = {**arguments, resolver.info_parameter.name: info}
        function: Callable[..., Any] = resolver.wrapped_func  # type: ignore[assignment]
        if field.is_async:
            return await _settled([function(parent, **arguments) for parent in parents])
        return [_called(function, parent, arguments) for parent in parents]

    async def _resolve_each(self, link: Link, parents: list[Any], info: Info) -> list[Any]:
        """Resolve a field with extensions as graphql-core does."""
        executor, resolve = self._executor, link.definition.resolve
        assert resolve is not None
        arguments = self._raw_arguments(link)
        raw = info._raw_info
        results = [resolve(parent, raw, **arguments) for parent in parents]
        if not any(map(executor.is_awaitable, results)):
            return results
        return await _settled(results)

    def _raw_arguments(self, link: Link) -> dict[str, Any]:
        if not link.definition.args:
            return {}
        executor, details = self._executor, link.details[0]
        return get_argument_values(
            link.definition,
            details.node,
            executor.variable_values,
            details.fragment_variable_values,
            executor.hide_suggestions,
        )

    def _arguments(self, link: Link, info: Info) -> dict[str, Any]:
        """Return the arguments as the resolver takes them, without the parent and the info."""
        if not link.definition.args:
            return {}
        if link.constant:
            return link.constant[0]
        field = link.strawberry
        _, arguments = get_arguments(
            field=field,
            source=None,
            info=info,
            kwargs=self._raw_arguments(link),
            config=self._config,
            scalar_registry=self._scalars,
        )
        resolver = field.base_resolver
        if resolver is not None and resolver.info_parameter:
            arguments.pop(resolver.info_parameter.name, None)
        if link.is_constant:
            link.constant.append(arguments)
        return arguments

    def _info(self, link: Link) -> Info:
        executor = self._executor
        path = _path_of(link.path)
        raw = executor.build_resolve_info(link.definition, link.nodes, link.parent, path)
        return self._config.info_class(_raw_info=raw, _field=link.strawberry)

    def _type_info(self, path: tuple[str, ...]) -> Any:
        """Return an info for the function that tells the type of an object."""
        executor = self._executor
        query = executor.schema.query_type
        assert query is not None
        field = next(iter(query.fields.values()))
        nodes: list[Any] = list(executor.operation.selection_set.selections[:1])
        return executor.build_resolve_info(field, nodes, query, _path_of(path))


def _path_of(keys: tuple[str, ...]) -> Path:
    path = None
    for key in keys:
        path = Path(path, key, None)
    assert path is not None
    return path


def _called(function: Callable[..., Any], parent: Any, arguments: dict[str, Any]) -> Any:
    try:
        return function(parent, **arguments)
    except Exception as error:
        return error


async def _settled(awaitables: Sequence[Any]) -> list[Any]:
    """Return the results, or the exceptions, of all awaitables."""
    if len(awaitables) == 1:
        try:
            return [await awaitables[0]]
        except Exception as error:
            return [error]
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result
    return results


async def _all(work: Sequence[Coroutine[Any, Any, list[Any]]]) -> list[list[Any]]:
    """Return all results. If some raise, wait for the others too, whose records are needed."""
    results = await _settled(work)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
