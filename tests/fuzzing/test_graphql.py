"""Generated documents: whatever arguments an operation receives, it is not a defect.

The documents are generated from the schema: all root fields with arguments of their types, and any
selection. The server answers them or rejects them; the code `INTERNAL` and statuses from 500 on
would be defects.
"""

from collections.abc import Callable, Mapping
from functools import cache

import pytest
from graphql import ValueNode, parse_value
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis_graphql import Mode, mutations, nodes, queries

from schema.contract import print_schema, schema
from tests.fuzzing.generation import TEXTS, fuzzing, ids
from tests.permissions.world import World

# The server runs in the same process, and uses `random` while Hypothesis generates.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)

Kind = Callable[..., SearchStrategy[str]]

SDL = print_schema()
GRAPH = schema._schema
NUMBERS = (0, 1, -1, 20, 100, 101, 2**31 - 1, -(2**31))
FLOATS = (*NUMBERS, 0.5, 1e308, -1e308, 5e-324)
JSON = (
    *("null", "1", '"text"', "true", "[]", "{}", "{a: {b: [1, null]}}", '{type: "object"}'),
    *('{a: "\\u0000"}', "{a: 1e400}", f"{{a: {'9' * 400}}}", "{_: [[[[[[[[[[{}]]]]]]]]]]}"),
    *('{type: "object", properties: {a: {type: "string"}}}', "{a: {gt: 1}}"),
    *("{type: 7}", '{type: "object", properties: 7}'),
)
TIMES = (
    *("2026-03-01T09:30:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01"),
    *("1969-12-31T23:59:59+14:00", "2026-03-01T09:30:00"),
)


def scalars(names: Mapping[str, str]) -> dict[str, SearchStrategy[ValueNode]]:
    """Return the values of each scalar."""
    texts = st.one_of(st.sampled_from((*TEXTS, *names.values())), st.text(max_size=20))
    moments = st.sampled_from((*TIMES, *TEXTS))
    return {
        "ID": ids(names).map(nodes.String),
        "String": texts.map(nodes.String),
        "Int": st.sampled_from(NUMBERS).map(nodes.Int),
        "Float": st.sampled_from(FLOATS).map(nodes.Float),
        "JSON": st.sampled_from([parse_value(text) for text in JSON]),
        "DateTime": moments.map(nodes.String),
        "Date": moments.map(nodes.String),
        "Cursor": st.sampled_from((*TEXTS, "MQ==")).map(nodes.String),
    }


@cache
def documents(kind: Kind, field: str, names: tuple[tuple[str, str], ...]) -> SearchStrategy[str]:
    """Return the documents with a root field; a third of them have one error of types."""
    modes = (Mode.POSITIVE, Mode.POSITIVE, Mode.NEGATIVE)
    values = scalars(dict(names))
    return st.one_of(
        [kind(SDL, fields=[field], custom_scalars=values, mode=mode) for mode in modes]
    )


async def check(world: World, document: str) -> None:
    """Assert that the response to a document is not an internal error."""
    answer = await world.tenant.owner.post(document)
    assert answer.status_code < 500, answer.text
    body = answer.json()
    codes = {error["extensions"]["code"] for error in body.get("errors", ())}
    assert "data" in body or codes
    assert "INTERNAL" not in codes


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        pytest.param(kind, field, id=field)
        for kind, root in ((queries, GRAPH.query_type), (mutations, GRAPH.mutation_type))
        for field in sorted(root.fields if root else ())
    ],
)
@fuzzing(examples=8)
@given(data=st.data())
async def test_generated_documents(
    world: World, kind: Kind, field: str, data: st.DataObject
) -> None:
    await check(world, data.draw(documents(kind, field, tuple(world.names.items()))))
