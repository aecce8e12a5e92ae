"""Documents just within and just beyond each limit, and a way to send them over each transport."""

import json
from dataclasses import dataclass
from typing import Any

from graphql import get_introspection_query

from tests.support.clients.websocket import connected
from tests.support.fixtures.factories import Tenant

TRANSPORTS = ("http", "sse", "websocket")


@dataclass(frozen=True)
class Sent:
    """A document with its variables."""

    query: str
    variables: dict[str, Any] | None = None


@dataclass(frozen=True)
class Case:
    """A limit, what is within it, what is beyond it, and how much the latter asks for."""

    limit: str
    within: Sent
    beyond: Sent
    requested: int
    allowed: int


def _repeated(count: int, form: str) -> str:
    return " ".join(form.replace("#", str(number)) for number in range(count))


def _tokens(count: int) -> Sent:
    return Sent("#\n" * (count - 3) + "{__typename}")


def _account(selection: str) -> Sent:
    return Sent(f"{{ viewer {{ account {{ {selection} }} }} }}")


def _depth(levels: int) -> Sent:
    """Return a document of so many levels, which begin with viewer and project."""
    names = ["viewer", "project"]
    while len(names) < levels - 1:
        names += ["organization", "projects(first: 1)", "nodes"]
    names = names[: levels - 1]
    text = " { ".join([*names, "__typename"])
    return Sent(f"{{ {text} " + "}" * levels)


def _introspection(levels: int) -> Sent:
    text = " { ".join(["__schema", "types", "fields", "type", *["ofType"] * (levels - 5), "name"])
    return Sent(f"{{ {text} " + "}" * levels)


def _literal(levels: int) -> Sent:
    """Return a document with so many levels of brackets."""
    inner = levels - 5
    value = "[" * inner + "1" + "]" * inner
    filter = f'{{metadata: [{{key: "a", eq: {value}}}]}}'
    return Sent(f"{{ memories(filter: {filter}) {{ nodes {{ id }} }} }}")


def _nested(levels: int) -> Sent:
    value: Any = 1
    for _ in range(levels - 1):
        value = [value]
    return Sent("{ __typename }", {"unused": value})


def _fragments(count: int) -> Sent:
    spreads = _repeated(count, "...F#")
    return Sent(f"{{ {spreads} }} " + _repeated(count, "fragment F# on Query { __typename }"))


def _spread_twice(aliases: int) -> Sent:
    """Return a document whose aliases are in a fragment that is spread under two fields."""
    inside = _repeated(aliases, "a#: id")
    return Sent(
        "{ viewer { ...F } again: viewer { ...F } } "
        f"fragment F on Viewer {{ account {{ {inside} }} }}"
    )


def _halves(outside: int, inside: int) -> Sent:
    """Return a document with one field in a selection and in a fragment of it."""
    return Sent(
        f"{{ viewer {{ account {{ {'id ' * outside} ...F }} }} }} "
        f"fragment F on Account {{ {'id ' * inside} }}"
    )


def _operations(count: int) -> Sent:
    return Sent(_repeated(count, "query q# { __typename }"))


def related_cost(first: int) -> int:
    """Return the documented cost of 100 memories with so many related ones each."""
    return 30 + 2 + 100 * (1 + 15 + first)


def _related(first: int) -> Sent:
    query = "query ($n: Int!) { memories(first: 100) { nodes { related(first: $n) { score } } } }"
    return Sent(query, {"n": first})


CASES = [
    Case("tokens", _tokens(2_000), _tokens(2_001), 2_001, 2_000),
    Case("nesting", _literal(64), _literal(65), 65, 64),
    Case("nesting", _nested(64), _nested(65), 65, 64),
    Case(
        "values",
        Sent("{ __typename }", {"unused": [0] * 49_998}),
        Sent("{ __typename }", {"unused": [0] * 49_999}),
        50_001,
        50_000,
    ),
    Case(
        "name",
        _account("a" * 999 + ": id"),
        _account("a" * 1_001 + ": id"),
        1_001,
        1_000,
    ),
    Case(
        "lines",
        Sent("\n" * 9_999 + "{ __typename }"),
        Sent("\n" * 10_000 + "{ __typename }"),
        10_001,
        10_000,
    ),
    Case("depth", _depth(12), _depth(13), 13, 12),
    Case("introspectionDepth", Sent(get_introspection_query()), _introspection(16), 16, 15),
    Case("fragments", _fragments(20), _fragments(51), 51, 50),
    Case("operations", _operations(50), _operations(51), 51, 50),
    Case("aliases", _account(_repeated(30, "a#: id")), _account(_repeated(31, "a#: id")), 31, 30),
    Case(
        "aliases",
        _spread_twice(14),
        _spread_twice(15),
        31,
        30,
    ),
    Case(
        "rootFields",
        Sent("{ " + _repeated(20, "a#: __typename") + " }"),
        Sent("{ " + _repeated(21, "a#: __typename") + " }"),
        21,
        20,
    ),
    Case("repeats", _account("id " * 20), _account("id " * 21), 21, 20),
    Case(
        "repeats",
        _halves(10, 10),
        _halves(10, 11),
        21,
        20,
    ),
    Case(
        "directives",
        Sent("{ __typename @include(if: true) @skip(if: false) }"),
        Sent("{ __typename " + "@include(if: true) " * 11 + "}"),
        11,
        10,
    ),
    Case(
        "__schema",
        Sent("{ __schema { queryType { name } } }"),
        Sent("{ a: __schema { queryType { name } } b: __schema { queryType { name } } }"),
        2,
        1,
    ),
    Case(
        "__type",
        Sent("{ " + _repeated(5, 'a#: __type(name: "Memory") { name }') + " }"),
        Sent("{ " + _repeated(6, 'a#: __type(name: "Memory") { name }') + " }"),
        6,
        5,
    ),
    Case("cost", _related(83), _related(84), related_cost(84), 10_000),
]


async def errors_over(
    transport: str, tenant: Tenant, address: str, sent: Sent
) -> list[dict[str, Any]]:
    """Send a document over a transport; return the errors of the request."""
    payload = {"query": sent.query, "variables": sent.variables}
    if transport == "websocket":
        async with connected(address, tenant.owner.key) as socket:
            await socket.send({"id": "1", "type": "subscribe", "payload": payload})
            message = await socket.next("1")
        found = message["payload"]
        return found if message["type"] == "error" else found.get("errors", [])
    headers = {"Authorization": f"Bearer {tenant.owner.key}"}
    if transport == "sse":
        headers["Accept"] = "text/event-stream"
    response = await tenant.owner.http.post("/graphql", json=payload, headers=headers)
    assert response.status_code == 200, response.text
    text = response.text
    if transport == "sse":
        text = next(line[6:] for line in text.splitlines() if line.startswith("data: {"))
    errors: list[dict[str, Any]] = json.loads(text).get("errors", [])
    return errors
