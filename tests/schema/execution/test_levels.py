"""What is executed by levels: what is left to graphql-core, and how often resolvers are called."""

import itertools

import orjson
import pytest

from resolvers.context import Context, authenticate
from schema.execution.executor import BreadthFirstExecutor
from schema.execution.levels import Resolved
from schema.transport.admission import Admission
from schema.transport.results import ClientOperation, execute
from tests.support.fixtures.factories import Tenant

SEARCH = """
query ($id: ID!) {
  project(id: $id) {
    found: memories(first: 2) { nodes { text history { nodes { type } } } }
    searchMemories(query: "tea") { hits { memory { history(first: %s) { nodes { type } } } } }
  }
}
"""
SEARCHES = """
query ($id: ID!) { project(id: $id) { operations(type: SEARCH) { totalCount } } }
"""


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[Resolved]:
    """What was resolved of each value that is left to graphql-core."""
    found: list[Resolved] = []
    replay = BreadthFirstExecutor._replay

    def record(executor: BreadthFirstExecutor, resolved: Resolved) -> None:
        found.append(resolved)
        replay(executor, resolved)

    monkeypatch.setattr(BreadthFirstExecutor, "_replay", record)
    return found


async def test_a_usual_response_is_built_by_levels(tenant: Tenant, left: list[Resolved]) -> None:
    await tenant.add("Tea is good.", "Coffee is better.", "I moved.")
    data = await tenant.owner.ask(SEARCH % 1, id=tenant.project_id)
    assert left == []
    assert [node["text"] for node in data["project"]["found"]["nodes"]] == [
        "I moved.",
        "Coffee is better.",
    ]
    for node in data["project"]["found"]["nodes"]:
        assert node["history"] == {"nodes": [{"type": "ADD"}]}


async def test_no_resolver_is_called_again_after_an_error(
    tenant: Tenant, left: list[Resolved]
) -> None:
    await tenant.add("Tea is good.")
    answer = await tenant.owner.answer(SEARCH % 101, id=tenant.project_id)
    (error,) = answer["errors"]
    path = ["project", "searchMemories", "hits", 0, "memory", "history"]
    assert error["path"] == path
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert len(left) == 1
    deployment = tenant.deployment
    await deployment.services.search_recorder.flush()
    data = await tenant.owner.ask(SEARCHES, id=tenant.project_id)
    assert data["project"]["operations"]["totalCount"] == 1


async def test_combinations_of_directives_are_kept_up_to_a_number(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("schema.execution.selections.MOST_KEPT", 3)
    services = tenant.deployment.services
    actor = await authenticate(services, [tenant.owner.key or ""])
    admission = Admission(services)
    query = """
      query ($id: ID!, $a: Boolean!, $b: Boolean!, $c: Boolean = false) {
        project(id: $id) { id @include(if: $a) version @skip(if: $b) ... @include(if: $c) { name } }
      }
    """
    for a, b, c in itertools.product((True, False), repeat=3):
        variables = {"id": tenant.project_id, "a": a, "b": b, "c": c}
        asked = await admission.admit(ClientOperation(query, variables), actor)
        with services.pending.claim(actor.account_id) as room:
            result = await execute(asked, Context(actor, services), room)
        wanted = ["id"] * a + ["version"] * (not b) + ["name"] * c
        assert list(orjson.loads(result.body)["data"]["project"]) == wanted
        assert asked.prepared is not None
        assert asked.prepared.compiled is not None
        assert 1 <= len(asked.prepared.compiled) <= 3
