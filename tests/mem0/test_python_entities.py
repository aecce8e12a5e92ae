"""Users, agents, apps and runs by mem0's genuine Python clients, and many memories at once."""

from typing import Any

import pytest

from harness.process import wait_until
from tests.mem0.conftest import MIDDLE, NEWEST, OLDEST, Case, only
from tests.mem0.dialects import remember
from tests.mem0.homes import Home
from tests.mem0.remote import refused

ENTITIES = "{ project { name entities(first: 100) { nodes { id type name totalMemories } } } }"


def entities_of(home: Home) -> list[dict[str, Any]]:
    """Return all entities of a project."""
    found: list[dict[str, Any]] = home.ask(ENTITIES)["project"]["entities"]["nodes"]
    return found


def names_of(home: Home) -> set[tuple[str, str]]:
    """Return the kind and the name of each entity."""
    return {(entity["type"], entity["name"]) for entity in entities_of(home)}


def test_entities_are_listed_with_their_numbers(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "I hike", "I swim", run_id="trip")
    remember(case, client, "I sing", user_id="bob", agent_id="guide", app_id="web")
    answer = client.users()
    assert (answer["count"], answer["next"], answer["previous"]) == (5, None, None)
    totals = {name: answer[f"total_{name}"] for name in ("users", "agents", "apps", "runs")}
    assert totals == {"users": 2, "agents": 1, "apps": 1, "runs": 1}
    shown = [
        (entity["id"], entity["type"].upper(), entity["name"], entity["total_memories"])
        for entity in answer["results"]
    ]
    expected = [tuple(entity.values()) for entity in entities_of(home)]
    assert sorted(shown) == sorted(expected)
    assert ("USER", "alice", 2) in {entity[1:] for entity in shown}


def test_an_entity_is_deleted_with_its_memories(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "I hike", run_id="trip")
    remember(case, client, "I sing", user_id="bob")
    remember(case, client, "I read", user_id="bob", agent_id="guide")
    assert client.delete_users(user_id="alice") == {"message": "Entity deleted successfully."}
    wait_until(lambda: home.texts() == ["I read", "I sing"], "an end of the user's memories")
    assert ("USER", "alice") not in names_of(home)
    client.delete_users(agent_id="guide")
    wait_until(lambda: home.texts() == ["I sing"], "an end of the agent's memories")
    error = refused(client.delete_users, user_id="alice")
    assert error.kind == case.error("MemoryNotFoundError")


@only(NEWEST)
@pytest.mark.parametrize("name", ["a/b c", "50% für Ünal", "alice?#"])
def test_the_newest_client_takes_any_name(case: Case, client: Any, home: Home, name: str) -> None:
    remember(case, client, "I sing", user_id="bob")
    remember(case, client, "I hike", user_id=name)
    client.delete_users(user_id=name)
    wait_until(lambda: home.texts() == ["I sing"], "an end of the user's memories")
    assert names_of(home) == {("USER", "bob")}


@only(OLDEST, MIDDLE)
def test_older_clients_take_names_that_are_no_paths(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "I hike", user_id="Ünal Öz")
    client.delete_users(user_id="Ünal Öz")
    wait_until(lambda: home.texts() == [], "an end of the user's memories")
    assert names_of(home) == set()


@pytest.mark.parametrize("method", ["delete_users", "reset"])
def test_everybody_is_deleted(case: Case, client: Any, home: Home, method: str) -> None:
    remember(case, client, "I hike", run_id="trip")
    remember(case, client, "I sing", user_id="bob", agent_id="guide", app_id="web")
    assert isinstance(getattr(client, method)()["message"], str)
    wait_until(lambda: home.texts() == [], "an end of all memories")
    assert names_of(home) == set()


def test_many_memories_are_changed_at_once(case: Case, client: Any, home: Home) -> None:
    ids = remember(case, client, "I hike", "I swim", "I sing")
    changes = [
        {"memory_id": ids[0], "text": "0 times"},
        {"memory_id": ids[1], "text": "1 times", "metadata": {"often": True}},
    ]
    answer = client.batch_update(changes)
    assert answer["message"] == "Successfully updated 2 memories"
    found = [home.memory(id) for id in ids]
    assert [memory and memory["text"] for memory in found] == ["0 times", "1 times", "I sing"]
    assert [memory and memory["metadata"] for memory in found] == [{}, {"often": True}, {}]


def test_many_memories_are_deleted_at_once(case: Case, client: Any, home: Home) -> None:
    ids = remember(case, client, "I hike", "I swim", "I sing")
    answer = client.batch_delete([{"memory_id": id} for id in ids[:2]])
    assert answer["message"] == "Successfully deleted 2 memories"
    assert home.texts() == ["I sing"]


@pytest.mark.parametrize("method", ["batch_update", "batch_delete"])
def test_batches_of_none_or_too_many_are_refused(
    case: Case, client: Any, home: Home, method: str
) -> None:
    (id,) = remember(case, client, "I hike")
    for count in (0, 1001):
        error = refused(getattr(client, method), [{"memory_id": id, "text": "I swim"}] * count)
        assert error.kind == case.error("ValidationError")
    assert home.texts() == ["I hike"]
