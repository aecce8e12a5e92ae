"""The shape of a parsed document: one walk that counts what the limits are about.

The walk merges selections as the execution does: fields with the same name in the response are one
field, with everything that is selected in any of them. A merged selection is walked once, however
often it is reached, so a fragment that spreads the next one twice costs nothing extra. The counts
of a selection include those of the selections in it, along each path.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SchemaMetaFieldDef,
    SelectionSetNode,
    TypeMetaFieldDef,
    get_named_type,
)

from core.errors import TooComplex
from core.limits.settings import Limits

# A fragment is read once for each selection that spreads it, and other fields once.
_FIELDS_PER_TOKEN = 10
_META_FIELDS = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}

# The directives of a field and of the inline fragments around it.
Conditions = tuple[DirectiveNode, ...]
# A selection set, with the name of the type it selects from, if the schema has it.
_Part = tuple[SelectionSetNode, str | None]


@dataclass(eq=False, slots=True)
class Selected:
    """A field of a merged selection."""

    name: str
    node: FieldNode
    definition: GraphQLField | None
    occurrences: list[Conditions] = field(default_factory=list)
    inner: "Selection | None" = None


@dataclass(eq=False, slots=True)
class Selection:
    """A merged selection, with counts of everything in it."""

    fields: list[Selected] = field(default_factory=list)
    depth: int = 0
    aliases: int = 0
    introspections: Counter[str] = field(default_factory=Counter)
    own_fields: int = 0


_NOTHING = Selection()


class Walk:
    """The walk over one document."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema, limits: Limits) -> None:
        self._document = document
        self._schema = schema
        self._limits = limits
        self._fragments: dict[str, FragmentDefinitionNode] = {}
        self._selections: dict[frozenset[tuple[int, str | None]], Selection | None] = {}
        self._fields_left = limits.max_tokens * _FIELDS_PER_TOKEN

    def run(self) -> list[tuple[OperationDefinitionNode, Selection]]:
        """Return the operations and what they select. Raises `TooComplex`."""
        limits = self._limits
        operations: list[OperationDefinitionNode] = []
        fragments: list[FragmentDefinitionNode] = []
        for definition in self._document.definitions:
            self._check_directives(definition)
            if isinstance(definition, OperationDefinitionNode):
                operations.append(definition)
                for variable in definition.variable_definitions or ():
                    self._check_directives(variable)
            elif isinstance(definition, FragmentDefinitionNode):
                fragments.append(definition)
        _check("operations", len(operations), limits.max_operations)
        _check("fragments", len(fragments), limits.max_fragments)
        self._fragments = {fragment.name.value: fragment for fragment in fragments}
        walked = [(operation, self._walk(operation)) for operation in operations]
        for fragment in fragments:
            # A fragment that no operation spreads is validated all the same.
            self._select([(fragment.selection_set, fragment.type_condition.name.value)], 1)
        counts: Counter[str] = Counter()
        for _, selection in walked:
            counts.update(selection.introspections)
        _check("__schema", counts["__schema"], limits.max_schema_fields)
        _check("__type", counts["__type"], limits.max_type_fields)
        return walked

    def _walk(self, operation: OperationDefinitionNode) -> Selection:
        root = self._schema.get_root_type(operation.operation)
        selection = self._select([(operation.selection_set, root.name if root else None)], 1)
        _check("aliases", selection.aliases, self._limits.max_aliases)
        _check("rootFields", selection.own_fields, self._limits.max_root_fields)
        return selection

    def _select(self, parts: Iterable[_Part], level: int) -> Selection:
        """Return the merged selection of selection sets, whose fields are at this level."""
        parts = list(parts)
        is_introspection = (parts[0][1] or "").startswith("__")
        limits = self._limits
        limit, most = (
            ("introspectionDepth", limits.max_introspection_depth)
            if is_introspection
            else ("depth", limits.max_depth)
        )
        # A level that is too deep is not walked: this bounds the recursion.
        _check(limit, level, most)
        key = frozenset((id(selection_set), name) for selection_set, name in parts)
        if key in self._selections:
            # A selection inside itself is a cycle, which validation reports.
            selection = self._selections[key] or _NOTHING
        else:
            self._selections[key] = None
            selection = self._selections[key] = self._merge(parts, level)
        _check(limit, level - 1 + selection.depth, most)
        return selection

    def _merge(self, parts: list[_Part], level: int) -> Selection:
        merged = Selection()
        fields: dict[tuple[str, str | None], Selected] = {}
        inner: dict[str, dict[int, _Part]] = {}
        repeats: Counter[str] = Counter()
        for node, type_name, conditions in self._fields(parts):
            name = node.alias.value if node.alias else node.name.value
            repeats[name] += 1
            _check("repeats", repeats[name], self._limits.max_repeats)
            merged.aliases += node.alias is not None
            merged.own_fields += 1
            if node.name.value in _META_FIELDS:
                merged.introspections[node.name.value] += 1
            definition = self._definition(type_name, node.name.value)
            selected = fields.setdefault((name, type_name), Selected(name, node, definition))
            selected.occurrences.append(conditions)
            if node.selection_set is not None:
                returned = get_named_type(definition.type).name if definition else None
                inner.setdefault(name, {})[id(node.selection_set)] = node.selection_set, returned
        selections = {name: self._select(sets.values(), level + 1) for name, sets in inner.items()}
        for selection in selections.values():
            merged.aliases += selection.aliases
            merged.introspections.update(selection.introspections)
        for selected in fields.values():
            selected.inner = selections.get(selected.name)
            if selected.node.name.value in _META_FIELDS:
                merged.depth = max(merged.depth, 1)
            else:
                merged.depth = max(merged.depth, 1 + (selected.inner or _NOTHING).depth)
        merged.fields = list(fields.values())
        return merged

    def _fields(self, parts: list[_Part]) -> Iterator[tuple[FieldNode, str | None, Conditions]]:
        """Yield the fields of selection sets and of the fragments in them, each fragment once."""
        spread: set[str] = set()
        pending: list[tuple[SelectionSetNode, str | None, Conditions]]
        pending = [(*part, ()) for part in parts]
        while pending:
            selection_set, type_name, around = pending.pop()
            for node in selection_set.selections:
                self._fields_left -= 1
                if self._fields_left < 0:
                    most = self._limits.max_tokens * _FIELDS_PER_TOKEN
                    _check("fields", most + 1, most)
                self._check_directives(node)
                if isinstance(node, FieldNode):
                    yield node, type_name, around + tuple(node.directives or ())
                elif isinstance(node, InlineFragmentNode):
                    on = node.type_condition.name.value if node.type_condition else type_name
                    conditions = around + tuple(node.directives or ())
                    pending.append((node.selection_set, on, conditions))
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    # Its directives are not evaluated: elsewhere it may be spread without any.
                    spread.add(node.name.value)
                    fragment = self._fragments.get(node.name.value)
                    if fragment is None:
                        continue
                    on = fragment.type_condition.name.value
                    pending.append((fragment.selection_set, on, ()))

    def _definition(self, type_name: str | None, name: str) -> GraphQLField | None:
        if name in _META_FIELDS:
            return _META_FIELDS[name]
        fields = getattr(self._schema.type_map.get(type_name or ""), "fields", {})
        found = fields.get(name)
        return found if isinstance(found, GraphQLField) else None

    def _check_directives(self, node: Node) -> None:
        if directives := getattr(node, "directives", None):
            _check("directives", len(directives), self._limits.max_directives)


_MESSAGES = {
    "operations": "A document can have {allowed:,} operations, not {requested:,}.",
    "fragments": "A document can have {allowed:,} fragments, not {requested:,}.",
    "__schema": "A document can select __schema {allowed:,} times, not {requested:,}.",
    "__type": "A document can select __type {allowed:,} times, not {requested:,}.",
    "aliases": "An operation can have {allowed:,} aliases, with those of its fragments; this one "
    "has {requested:,}.",
    "rootFields": "An operation can have {allowed:,} root fields, not {requested:,}.",
    "depth": "Fields can be nested {allowed:,} levels deep, not {requested:,}.",
    "introspectionDepth": "An introspection can be nested {allowed:,} levels deep, not "
    "{requested:,}.",
    "repeats": "One name can appear {allowed:,} times in a selection, not {requested:,}.",
    "fields": "A document can have {allowed:,} fields, with those of its fragments; this one has "
    "more.",
    "directives": "One place of a document can have {allowed:,} directives, not {requested:,}.",
}
_LARGEST_COUNT = 10**15


def _check(limit: str, requested: int, allowed: int) -> None:
    if requested > allowed:
        requested = min(requested, _LARGEST_COUNT)
        message = _MESSAGES[limit].format(requested=requested, allowed=allowed)
        raise TooComplex(message, limit=limit, requested=requested, allowed=allowed)
