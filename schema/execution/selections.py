"""What an operation selects, compiled once per document.

The fields of an object are of two kinds. A plain field is an attribute of the object, and a leaf. A
link is everything else: it has a resolver, or objects under it. For each type and selection, one
generated function builds the results of all objects of a level; it gets the objects, and for each
link the completed values.

What a selection contains can depend on variables only through `@skip` and `@include`, so it is
compiled once for each combination of the values of the variables in these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    Node,
    VariableNode,
    Visitor,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    visit,
)
from strawberry.types.field import StrawberryField

from schema.execution.leaves import Unusual, expression, is_leaf_output, serializer

if TYPE_CHECKING:
    from graphql.execution import Executor

# The number of compiled root fields of one document that are kept: the variables in `@skip` and
# `@include` can have many combinations of values.
MOST_KEPT = 32
_TYPENAME = "__typename"


@dataclass(frozen=True, slots=True)
class LeafOutput:
    """Leaves, or lists of leaves."""

    serialize: Callable[[Any], Any]
    suspends = False


@dataclass(frozen=True, slots=True)
class ListOutput:
    """Lists of objects."""

    item: "Output"
    nullable: bool

    @property
    def suspends(self) -> bool:
        """Whether completing them may wait for something."""
        return self.item.suspends


@dataclass(frozen=True, slots=True)
class ObjectOutput:
    """Objects of one type."""

    selection: "Selection"
    nullable: bool

    @property
    def suspends(self) -> bool:
        """Whether completing them may wait for something."""
        return self.selection.suspends


@dataclass(frozen=True, slots=True)
class AbstractOutput:
    """Objects of an interface or a union. Their selections are compiled when they are first met."""

    abstract_type: Any
    nullable: bool
    details: Any
    path: tuple[str, ...]
    # By the class of the objects.
    selections: dict[type[Any], "Selection"] = field(default_factory=dict)
    suspends = True


Output = LeafOutput | ListOutput | ObjectOutput | AbstractOutput


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A field that is resolved, or that has objects under it."""

    key: str
    path: tuple[str, ...]
    parent: GraphQLObjectType
    definition: GraphQLField
    strawberry: StrawberryField
    nodes: list[FieldNode]
    details: Any
    output: Output
    # Whether the arguments are the same in every execution, and if so, once they are known.
    is_constant: bool
    constant: list[dict[str, Any]] = field(default_factory=list)

    @property
    def suspends(self) -> bool:
        """Whether resolving or completing it may wait for something."""
        return self.is_async or self.output.suspends

    @property
    def is_async(self) -> bool:
        """Whether its resolver may wait for something."""
        return (
            self.batch is not None or self.strawberry.is_async or bool(self.strawberry.extensions)
        )

    @property
    def batch(self) -> Any:
        """The function that resolves it for all parents of a level, or None."""
        return self.strawberry.metadata.get("batch")


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The fields of objects of one type."""

    object_type: GraphQLObjectType
    links: Sequence[Link]
    build: Callable[..., list[dict[str, Any]]]
    # The classes of objects that are known to be of this type.
    accepted: set[type[Any]] = field(default_factory=set)
    at_once: Sequence[tuple[int, Link]] = field(init=False)
    waiting: Sequence[tuple[int, Link]] = field(init=False)

    def __post_init__(self) -> None:
        numbered = list(enumerate(self.links))
        object.__setattr__(self, "at_once", [each for each in numbered if not each[1].suspends])
        object.__setattr__(self, "waiting", [each for each in numbered if each[1].suspends])

    @property
    def suspends(self) -> bool:
        """Whether completing such objects may wait for something."""
        return bool(self.waiting)


class Compiled:
    """The compiled selections of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._deciding = _deciding_variables(document)
        self._outputs: dict[Any, Output | None] = {}

    def __len__(self) -> int:
        return len(self._outputs)

    def output(self, executor: "Executor[Any]", type: Any, details: Any, key: str) -> Output | None:
        """Return how to complete a root field, or None if graphql-core has to do it."""
        given = executor.variable_values.coerced
        decisions = tuple(given.get(name) is True for name in self._deciding)
        known = (id(executor.operation), key, decisions)
        if known not in self._outputs:
            if len(self._outputs) >= MOST_KEPT:
                self._outputs.clear()
            try:
                self._outputs[known] = compile_output(executor, type, details, (key,))
            except Unusual:
                self._outputs[known] = None
        return self._outputs[known]


def _deciding_variables(document: DocumentNode) -> list[str]:
    """Return the names of the variables on which `@skip` and `@include` depend."""
    found = _DecidingVariables()
    visit(document, found)
    return sorted(found.names)


class _DecidingVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: Any, *_: Any) -> None:
        """Collect the variables among the arguments of a directive."""
        for argument in node.arguments or ():
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)


def compile_output(
    executor: "Executor[Any]", type: Any, details: Any, path: tuple[str, ...]
) -> Output:
    """Return how to complete values of a type. Raises `Unusual` for what only graphql-core knows.

    `details` are the selected fields as graphql-core has collected them, and `path` are the keys
    from the root of the response.
    """
    if is_leaf_output(type):
        return LeafOutput(serializer(type))
    nullable = not is_non_null_type(type)
    inner = type if nullable else type.of_type
    if is_list_type(inner):
        return ListOutput(compile_output(executor, inner.of_type, details, path), nullable)
    if is_abstract_type(inner):
        return AbstractOutput(inner, nullable, details, path)
    if is_object_type(inner):
        return ObjectOutput(compile_selection(executor, inner, details, path), nullable)
    raise Unusual


def compile_selection(
    executor: "Executor[Any]", type: GraphQLObjectType, details: Any, path: tuple[str, ...]
) -> Selection:
    """Return what is selected of an object type. Raises `Unusual` as `compile_output`."""
    collected = executor.collect_subfields(type, details)
    if collected.new_defer_usages or collected.forbidden_directive_instances:
        raise Unusual
    links: list[Link] = []
    parts: list[str] = []
    namespace: dict[str, Any] = {}
    for key, field_details in collected.grouped_field_set.items():
        name = field_details[0].node.name.value
        if name == _TYPENAME:
            parts.append(f"{key!r}: {type.name!r}")
            continue
        definition = type.fields.get(name)
        if definition is None or "strawberry-definition" not in definition.extensions:
            raise Unusual
        strawberry = definition.extensions["strawberry-definition"]
        if strawberry.is_basic_field and is_leaf_output(definition.type):
            value = f"o.{strawberry.python_name}"
            part = expression(definition.type, value, f"f{len(parts)}", namespace)
        else:
            part = f"x{len(links)}"
            links.append(_link(executor, type, definition, key, field_details, path))
        parts.append(f"{key!r}: {part}")
    return Selection(type, links, _generated(parts, len(links), namespace))


def _link(
    executor: "Executor[Any]",
    parent: GraphQLObjectType,
    definition: GraphQLField,
    key: str,
    details: Any,
    path: tuple[str, ...],
) -> Link:
    nodes = [each.node for each in details]
    return Link(
        key,
        (*path, key),
        parent,
        definition,
        definition.extensions["strawberry-definition"],
        nodes,
        details,
        compile_output(executor, definition.type, details, (*path, key)),
        not any(_has_variable(argument) for argument in nodes[0].arguments or ()),
    )


def _has_variable(argument: ArgumentNode) -> bool:
    pending: list[Node] = [argument.value]
    while pending:
        node = pending.pop()
        if isinstance(node, VariableNode):
            return True
        pending.extend(getattr(node, "values", None) or ())
        pending.extend(each.value for each in getattr(node, "fields", None) or ())
    return False


def _generated(
    parts: Sequence[str], links: int, namespace: dict[str, Any]
) -> Callable[..., list[dict[str, Any]]]:
    """Return the function that builds the results of objects.

    The code is made of response keys and attribute names, which are identifiers, and of constants.
    """
    columns = "".join(f", c{number}" for number in range(links))
    values = "".join(f", x{number}" for number in range(links))
    each = f"o{values} in zip(o_{columns})" if links else "o in o_"
    code = f"def build(o_{columns}):\n    return [{{{', '.join(parts)}}} for {each}]\n"
    exec(compile(code, "<selection>", "exec"), namespace)
    build: Callable[..., list[dict[str, Any]]] = namespace["build"]
    return build
