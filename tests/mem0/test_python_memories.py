"""The life of a memory in the hands of mem0's genuine Python clients, synchronous or not."""

from collections.abc import Callable
from typing import Any

from harness.process import Process
from tests.mem0.conftest import MIDDLE, NEWEST, OLDEST, Case, only
from tests.mem0.dialects import listed, remember, understand
from tests.mem0.homes import Home, agree, make_home
from tests.mem0.remote import options, refused

SAID = [
    {"role": "user", "content": "I drink green tea"},
    {"role": "assistant", "content": "You might like genmaicha"},
]


def test_a_client_learns_whom_its_key_acts_for(client: Any, home: Home) -> None:
    email = home.ask("{ viewer { account { email } } }")["viewer"]["account"]["email"]
    assert client.org_id() == home.organization_id
    assert client.project_id() == home.project_id
    assert client.user_email() == email


def test_a_slash_behind_the_address_does_no_harm(
    connect: Callable[..., Any], mem0_server: Process, home: Home
) -> None:
    client = connect(home.key, host=f"{mem0_server.url}/")
    assert client.project_id() == home.project_id
    assert client.users()["results"] == []


@only(OLDEST, MIDDLE)
def test_older_clients_choose_the_project(
    case: Case, connect: Callable[..., Any], mem0_server: Process, home: Home
) -> None:
    """The key reaches both projects, and neither is the one it would take by itself."""
    other = make_home(mem0_server, "Other")
    given = {"org_id": home.organization_id, "project_id": home.project_id}
    client = connect(mem0_server.key, **given)
    (id,) = remember(case, client, "I live here")
    assert home.texts() == ["I live here"]
    agree(client.get(id), home.memory(id))
    elsewhere = connect(mem0_server.key, **given | {"project_id": other.project_id})
    assert other.texts() == []
    error = refused(elsewhere.get, id)
    assert error.kind == case.error("MemoryNotFoundError")


def test_messages_are_stored_verbatim(case: Case, client: Any, home: Home) -> None:
    given: dict[str, Any] = {"user_id": "alice", "run_id": "trip", "metadata": {"n": [1, None]}}
    if case.version == "1.0.11":
        given["async_mode"] = False
    answer = client.add(SAID, infer=False, **given)
    if case.is_newest:
        assert answer["status"] == "SUCCEEDED"
        assert home.event(answer["event_id"])["results"] == answer["results"]
        told = [(result["event"], result["data"]["memory"]) for result in answer["results"]]
    else:
        told = [(result["event"], result["memory"]) for result in answer["results"]]
    assert told == [("ADD", message["content"]) for message in SAID]
    for result, message in zip(answer["results"], SAID, strict=True):
        memory = home.memory(result["id"])
        assert memory is not None
        assert (memory["text"], memory["role"]) == (message["content"], message["role"])
        assert (memory["userId"], memory["runId"]) == ("alice", "trip")
        assert memory["metadata"] == {"n": [1, None]}
        agree(client.get(result["id"]), memory)


def test_facts_are_inferred(case: Case, client: Any, home: Home) -> None:
    said = [{"role": "user", "content": "I live in Lisbon."}]
    answer = client.add(said, user_id="alice")
    if not case.is_oldest:
        (promise,) = [answer] if case.is_newest else answer["results"]
        assert promise["status"] == "PENDING"
        event = home.event(promise["event_id"])
        assert (event["event_type"], event["status"]) == ("ADD", "SUCCEEDED")
        answer = event
    (memory,) = home.memories()
    assert (memory["text"], memory["userId"]) == ("I live in Lisbon.", "alice")
    (result,) = answer["results"]
    assert (result["id"], result["event"]) == (memory["id"], "ADD")
    assert result["memory"] == memory["text"]


@only(OLDEST, MIDDLE)
def test_older_clients_choose_whether_to_wait(client: Any, home: Home) -> None:
    (promise,) = client.add(SAID, user_id="alice", async_mode=True)["results"]
    assert promise["status"] == "PENDING"
    assert home.event(promise["event_id"])["status"] == "SUCCEEDED"
    said = [{"role": "user", "content": "I live in Lisbon."}]
    (result,) = client.add(said, user_id="bob", async_mode=False)["results"]
    assert (result["event"], result["memory"]) == ("ADD", "I live in Lisbon.")
    memory = home.memory(result["id"])
    assert memory is not None
    assert (memory["text"], memory["userId"]) == ("I live in Lisbon.", "bob")


@only(MIDDLE, NEWEST)
def test_newer_clients_take_a_text_for_a_message(case: Case, client: Any, home: Home) -> None:
    more = {} if case.is_newest else {"async_mode": False}
    client.add("I hike", user_id="alice", infer=False, **more)
    client.add({"role": "user", "content": "I swim"}, user_id="alice", infer=False, **more)
    assert home.texts() == ["I hike", "I swim"]


@only(NEWEST)
def test_the_newest_client_names_people_in_filters(case: Case, client: Any, home: Home) -> None:
    given = {"infer": False, "timestamp": 1_740_787_200, "expiration_date": "2999-12-31"}
    filters = {"user_id": "alice", "agent_id": "guide"}
    client.add("I hike", options("AddMemoryOptions", filters=filters, **given))
    (memory,) = home.memories()
    assert (memory["userId"], memory["agentId"]) == ("alice", "guide")
    assert memory["timestamp"].startswith("2025-03-01T00:00:00")
    assert memory["expirationDate"] == "2999-12-31"


def test_a_changed_memory_tells_its_history(case: Case, client: Any, home: Home) -> None:
    (id,) = remember(case, client, "I like tea", metadata={"cup": 1}, run_id="trip")
    changed = client.update(id, text="I like coffee", metadata={"cup": 2})
    memory = home.memory(id)
    agree(changed, memory)
    assert memory is not None
    assert (memory["text"], memory["metadata"]) == ("I like coffee", {"cup": 2})
    past = client.history(id)
    told = [(event["event"], event["old_memory"], event["new_memory"]) for event in past]
    assert told == [("ADD", None, "I like tea"), ("UPDATE", "I like tea", "I like coffee")]
    for event, metadata in zip(past, ({"cup": 1}, {"cup": 2}), strict=True):
        assert event["memory_id"] == id
        assert (event["user_id"], event["session_id"]) == ("alice", "trip")
        assert event["input"] == [{"role": "user", "content": "I like tea"}]
        assert event["metadata"] == metadata
    log = "query ($id: ID!) { memory(id: $id) { history { nodes { id } } } }"
    logged = home.ask(log, id=id)["memory"]["history"]["nodes"]
    assert [event["id"] for event in past] == [event["id"] for event in logged]


@only(MIDDLE, NEWEST)
def test_newer_clients_change_moments(case: Case, client: Any, home: Home) -> None:
    (id,) = remember(case, client, "I like tea")
    client.update(id, timestamp=1_740_787_200)
    memory = home.memory(id)
    assert memory is not None
    assert memory["timestamp"].startswith("2025-03-01T00:00:00")
    if case.is_newest:
        for day in ("2999-12-31", None):
            client.update(id, expiration_date=day)
            changed = home.memory(id)
            assert changed is not None
            assert changed["expirationDate"] == day
            assert changed["timestamp"] == memory["timestamp"]


def test_a_deleted_memory_is_gone(case: Case, client: Any, home: Home) -> None:
    gone, kept = remember(case, client, "I like tea", "I like coffee")
    assert client.delete(gone)["message"] == "Memory deleted successfully!"
    assert home.memory(gone) is None
    assert home.texts() == ["I like coffee"]
    error = refused(client.get, gone)
    assert error.kind == case.error("MemoryNotFoundError")
    told = [event["event"] for event in client.history(gone)]
    assert told == ["ADD", "DELETE"]
    assert [memory["id"] for memory in listed(case, client, {"user_id": "alice"})] == [kept]


@only(NEWEST)
def test_the_newest_client_deletes_what_a_memory_replaced(
    case: Case, client: Any, home: Home
) -> None:
    understand(case, client, home, "I live in Berlin.")
    understand(case, client, home, "I live in Lisbon.")
    newer, older = home.memories()
    assert (older["text"], older["state"]) == ("I live in Berlin.", "SUPERSEDED")
    agree(client.get(older["id"]), older)
    assert client.delete(newer["id"], delete_linked=True)["cascade_count"] == 1
    assert home.memories() == []


def test_all_memories_of_somebody_are_deleted(case: Case, client: Any, home: Home) -> None:
    remember(case, client, "I hike", "I swim")
    remember(case, client, "I sing", user_id="bob")
    answer = client.delete_all(user_id="alice")
    assert isinstance(answer["message"], str)
    assert home.event(answer["event_id"])["status"] == "SUCCEEDED"
    assert home.texts() == ["I sing"]
    error = refused(client.delete_all)
    assert error.kind == case.error("ValidationError")
    assert home.texts() == ["I sing"]
    if case.is_newest:
        # The client writes this object into the query as Python shows it.
        client.delete_all(options("DeleteAllMemoryOptions", filters={"user_id": "bob"}))
        assert home.texts() == []


def test_all_memories_of_everybody_are_deleted(case: Case, client: Any, home: Home) -> None:
    """A star stands for whoever there is of a kind, and for nobody."""
    remember(case, client, "I hike")
    remember(case, client, "I sing", user_id="bob", agent_id="guide")
    remember(case, client, "We close at six", user_id=None, agent_id="clerk")
    client.delete_all(user_id="*")
    assert home.texts() == ["We close at six"]
    client.delete_all(user_id="*", agent_id="*", app_id="*", run_id="*")
    assert home.texts() == []
