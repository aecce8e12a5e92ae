"""Documents and helpers for tests of search: search fields, hits, and conversations."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness.postgres import fresh_postgres
from harness.settings import settings_for
from tests.support.clients.graphql import Client
from tests.support.fixtures.factories import ADD, Tenant
from tests.support.servers.deployment import Deployment, deployed, temporary_dir

_TYPES = {
    "query": "String!",
    "filter": "MemoryFilter",
    "topK": "Int",
    "threshold": "Float",
    "rerank": "Boolean",
    "showExpired": "Boolean",
    "latestOnly": "Boolean",
    "includeMerged": "Boolean",
    "referenceDate": "DateTime",
}
_VARIABLES = ", ".join(f"${name}: {type}" for name, type in _TYPES.items())
_SEARCH = f"""
searchMemories({", ".join(f"{name}: ${name}" for name in _TYPES)}) {{
  hits {{
    score memory {{ id text version }}
    scoreBreakdown {{
      semantic keyword concept actor speaker temporal form neighbor lineage recency sibling
      feedback decay rerank
    }}
  }}
  tookMs
}}
"""
# Every field that searches. Omitted variables have their defaults.
PLACES = {
    "root": f"query ({_VARIABLES}) {{ {_SEARCH} }}",
    "project": f"query ({_VARIABLES}) {{ project {{ {_SEARCH} }} }}",
    "entity": f"""
    query ({_VARIABLES}, $type: EntityType = USER, $name: String = "alice") {{
      entity(type: $type, name: $name) {{ {_SEARCH} }}
    }}
    """,
}

# The ways in which a search gets its candidates, each with the planner limits that force it for
# scopes of any size.
WAYS: dict[str, dict[str, int]] = {
    "whole": {},
    "vectors": {"resolvers.search.planner.EXACT_SCOPE": 0},
    "index": {
        "resolvers.search.planner.EXACT_SCOPE": 0,
        "resolvers.search.planner.KEPT_VECTOR": 2**60,
    },
}


def send(monkeypatch: pytest.MonkeyPatch, way: str) -> str:
    """Force one of the ways for all searches; return its name."""
    for limit, value in WAYS[way].items():
        monkeypatch.setattr(limit, value)
    return way


class Hit(NamedTuple):
    """A hit: the memory, its score, and the named parts of the score."""

    id: str
    text: str
    version: int
    score: float
    parts: dict[str, Any]


Hits = list[Hit]


async def search(client: Client, query: str, place: str = "root", **arguments: Any) -> Hits:
    """Return the hits, best first."""
    found = await client.ask(PLACES[place], query=query, **arguments)
    while "hits" not in found:
        (found,) = found.values()
    assert found["tookMs"] >= 0
    return [
        Hit(**hit["memory"], score=hit["score"], parts=hit["scoreBreakdown"])
        for hit in found["hits"]
    ]


async def search_all(tenant: Tenant, query: str, **options: Any) -> Hits:
    """Return all memories of the project as hits, best first."""
    return await search(tenant.owner, query, **{"topK": 1000, "threshold": 0, **options})


async def parts(tenant: Tenant, query: str, part: str, **options: Any) -> dict[str, Any]:
    """Return one part of the score of each memory, by its text."""
    return {hit.text: hit.parts[part] for hit in await search_all(tenant, query, **options)}


async def cosine(tenant: Tenant, left: str, right: str) -> float:
    """Return the cosine similarity of two texts."""
    embedder = tenant.deployment.services.embedder
    one, two = (np.frombuffer(each, "<f4") for each in await embedder.embed([left, right]))
    return float(one @ two)


def near(expected: Any) -> Any:
    """Return an approximation of a number, or of several, with the precision of float32."""
    return pytest.approx(expected, abs=1e-5)


def texts(hits: Hits) -> list[str]:
    """Return the texts of hits, in order."""
    return [hit.text for hit in hits]


async def add_apart(tenant: Tenant, *texts: str, **options: Any) -> list[dict[str, Any]]:
    """Store memories in separate calls, so that they do not form a conversation."""
    return [memory for text in texts for memory in await tenant.add(text, **options)]


async def say(tenant: Tenant, *lines: str, **options: Any) -> list[str]:
    """Store lines of the form "Name: words" as one conversation; return the ids of the memories."""
    pairs = (line.split(": ", 1) for line in lines)
    messages = [{"role": "user", "name": name, "content": content} for name, content in pairs]
    payload = await tenant.owner.do(
        ADD, input={"infer": False, "messages": messages, "userId": "alice", **options}
    )
    return [memory["id"] for memory in payload["memories"]]


async def say_apart(tenant: Tenant, *lines: str, **options: Any) -> list[str]:
    """Store lines in separate calls, so that they do not form a conversation; return the ids."""
    return [id for line in lines for id in await say(tenant, line, **options)]


@contextlib.asynccontextmanager
async def idle_deployment(kind: str, name: str) -> AsyncIterator[Deployment]:
    """Run a deployment without workers on its own database, where no other workers run jobs."""
    with contextlib.ExitStack() as stack:
        data_dir, url = stack.enter_context(temporary_dir()), None
        if kind == "postgresql":
            url = stack.enter_context(fresh_postgres(f"mnemograph_test_{name}"))
        async with deployed(settings_for(data_dir, url), workers=False) as running:
            yield running
