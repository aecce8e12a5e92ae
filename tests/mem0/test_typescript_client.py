"""The life of a memory in the hands of mem0's genuine TypeScript client.

It writes all names its own way, `userId` for `user_id`, and reads what it is answered so too, but
for what people name themselves: metadata and categories.
"""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from harness.process import Process, wait_until
from tests.mem0.dialects import remember_in_typescript as remember
from tests.mem0.homes import Home, agree
from tests.mem0.remote import Program, refused

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
SEARCH = """
query ($query: String!) {
  searchMemories(query: $query, filter: {userId: {eq: "alice"}}, threshold: 0.1, topK: 2) {
    hits { score memory { id } }
  }
}
"""
ENTITIES = "{ project { entities(first: 100) { nodes { id type name totalMemories } } } }"
ALICE = {"filters": {"user_id": "alice"}}


def snaked(given: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its names as they were sent."""
    return {re.sub("([A-Z])", r"_\1", name).lower(): value for name, value in given.items()}


def test_the_client_learns_whom_its_key_acts_for(typescript: Any, home: Home) -> None:
    email = home.ask("{ viewer { account { email } } }")["viewer"]["account"]["email"]
    assert typescript.ping() is None
    assert typescript.organizationId() == home.organization_id
    assert typescript.projectId() == home.project_id
    assert typescript.telemetryId() == email


def test_a_slash_behind_the_address_does_no_harm(
    typescript_program: Program, mem0_server: Process, home: Home
) -> None:
    """The paths of this client then begin with two of them."""
    host = f"{mem0_server.url}/"
    typescript = typescript_program.client({"apiKey": home.key, "host": host})
    (id,) = remember(typescript, "I hike")
    assert typescript.get(id)["memory"] == "I hike"
    assert typescript.getProject({"fields": ["name"]}).keys() == {"name"}


def test_messages_are_stored_verbatim(typescript: Any, home: Home) -> None:
    said = [{"role": "user", "content": "I hike"}, {"role": "assistant", "content": "Take maps"}]
    metadata = {"boot_size": 44, "Deep": {"snake_case": None}}
    more = {"runId": "trip", "expirationDate": "2999-12-31", "metadata": metadata}
    answer = typescript.add(said, {"userId": "alice", "infer": False, **more})
    assert answer["status"] == "SUCCEEDED"
    told = [(result["event"], result["data"]["memory"]) for result in answer["results"]]
    assert told == [("ADD", "I hike"), ("ADD", "Take maps")]
    for result, message in zip(answer["results"], said, strict=True):
        memory = home.memory(result["id"])
        assert memory is not None
        assert (memory["text"], memory["role"]) == (message["content"], message["role"])
        assert (memory["userId"], memory["runId"]) == ("alice", "trip")
        assert (memory["metadata"], memory["expirationDate"]) == (metadata, "2999-12-31")
        agree(snaked(typescript.get(result["id"])), memory)


def test_facts_are_inferred(typescript: Any, home: Home) -> None:
    promise = typescript.add(
        [{"role": "user", "content": "I live in Lisbon."}], {"userId": "alice"}
    )
    assert promise["status"] == "PENDING"
    event = home.event(promise["eventId"])
    assert event["status"] == "SUCCEEDED"
    (memory,) = home.memories()
    assert memory["text"] == "I live in Lisbon."
    assert [result["id"] for result in event["results"]] == [memory["id"]]


def test_memories_are_listed_in_pages(typescript: Any, home: Home) -> None:
    ids = remember(typescript, "I hike", "I swim", "I read")
    remember(typescript, "I sing", userId="bob")
    page = typescript.getAll(ALICE)
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)
    assert [memory["id"] for memory in page["results"]] == ids[::-1]
    for memory in page["results"]:
        agree(snaked(memory), home.memory(memory["id"]))
    page = typescript.getAll({**ALICE, "page": 2, "pageSize": 1})
    assert (page["count"], [memory["id"] for memory in page["results"]]) == (3, [ids[1]])
    for link, number in (("next", "3"), ("previous", "1")):
        assert parse_qs(urlsplit(page[link]).query) == {"page": [number], "page_size": ["1"]}


def test_a_search_finds_what_graphql_finds(typescript: Any, home: Home) -> None:
    remember(
        typescript, "I hike in the mountains", "I drink green tea", "I read maps before I hike"
    )
    query = "Where do I hike?"
    hits = home.ask(SEARCH, query=query)["searchMemories"]["hits"]
    found = typescript.search(query, {**ALICE, "topK": 2, "threshold": 0.1})["results"]
    assert found[0]["memory"] == "I hike in the mountains"
    assert [memory["id"] for memory in found] == [hit["memory"]["id"] for hit in hits]
    assert [memory["score"] for memory in found] == pytest.approx([hit["score"] for hit in hits])
    for memory in found:
        agree(snaked(memory), home.memory(memory["id"]))
    few = typescript.search(query, {**ALICE, "topK": 1, "fields": ["memory"]})["results"]
    assert few == [{"id": found[0]["id"], "memory": "I hike in the mountains"}]


def test_a_changed_memory_tells_its_history(typescript: Any, home: Home) -> None:
    (id,) = remember(typescript, "I like tea")
    changes = {"text": "I like coffee", "metadata": {"cup_size": 2}, "timestamp": 1_740_787_200}
    changed = typescript.update(id, {**changes, "expirationDate": "2999-12-31"})
    memory = home.memory(id)
    assert memory is not None
    assert (memory["text"], memory["metadata"]) == ("I like coffee", {"cup_size": 2})
    assert memory["timestamp"].startswith("2025-03-01T00:00:00")
    assert memory["expirationDate"] == "2999-12-31"
    agree(snaked(changed), memory)
    typescript.update(id, {"expirationDate": None})
    memory = home.memory(id)
    assert memory is not None
    assert memory["expirationDate"] is None
    past = typescript.history(id)
    told = [(event["event"], event["oldMemory"], event["newMemory"]) for event in past]
    assert told[:2] == [("ADD", None, "I like tea"), ("UPDATE", "I like tea", "I like coffee")]
    assert [event["event"] for event in past] == ["ADD", "UPDATE", "UPDATE"]
    assert past[1]["metadata"] == {"cup_size": 2}


def test_memories_are_deleted(typescript: Any, home: Home) -> None:
    ids = remember(typescript, "I hike", "I swim", "I read")
    remember(typescript, "I sing", userId="bob")
    assert typescript.delete(ids[0])["message"] == "Memory deleted successfully!"
    assert home.texts() == ["I read", "I sing", "I swim"]
    assert isinstance(typescript.deleteAll({"userId": "alice"})["message"], str)
    assert home.texts() == ["I sing"]
    error = refused(typescript.deleteAll)
    assert (error.kind, error.code) == ("ValidationError", "HTTP_400")
    assert home.texts() == ["I sing"]


def test_a_memory_is_deleted_with_what_it_replaced(typescript: Any, home: Home) -> None:
    for place in ("Berlin", "Lisbon"):
        said = [{"role": "user", "content": f"I live in {place}."}]
        assert (
            home.event(typescript.add(said, {"userId": "alice"})["eventId"])["status"]
            == "SUCCEEDED"
        )
    newer, older = home.memories()
    assert (older["text"], older["state"]) == ("I live in Berlin.", "SUPERSEDED")
    assert typescript.delete(newer["id"], {"deleteLinked": True})["cascadeCount"] == 1
    assert home.memories() == []


def test_many_memories_are_changed_and_deleted_at_once(typescript: Any, home: Home) -> None:
    ids = remember(typescript, "I hike", "I swim", "I sing")
    changes = [{"memoryId": id, "text": f"{n} times"} for n, id in enumerate(ids[:2])]
    assert typescript.batchUpdate(changes)["message"] == "Successfully updated 2 memories"
    assert home.texts() == ["0 times", "1 times", "I sing"]
    assert typescript.batchDelete(ids[:2])["message"] == "Successfully deleted 2 memories"
    assert home.texts() == ["I sing"]


def test_entities_are_listed_and_deleted(typescript: Any, home: Home) -> None:
    remember(typescript, "I hike", runId="trip")
    remember(typescript, "I sing", userId="a/b c")
    remember(typescript, "I read", userId="bob", agentId="guide")
    answer = typescript.users({"page": 1, "pageSize": 50})
    totals = [answer[f"total{name}"] for name in ("Users", "Agents", "Apps", "Runs")]
    assert (answer["count"], totals) == (5, [3, 1, 0, 1])
    expected = home.ask(ENTITIES)["project"]["entities"]["nodes"]
    names = ("id", "type", "name", "totalMemories")
    shown = [{name: entity[name] for name in names} for entity in answer["results"]]
    for entity in expected:
        assert entity | {"type": entity["type"].lower()} in shown
    typescript.deleteUsers({"userId": "a/b c"})
    wait_until(lambda: home.texts() == ["I hike", "I read"], "an end of the user's memories")
    (guide,) = (entity["id"] for entity in expected if entity["name"] == "guide")
    typescript.deleteUser({"entity_id": guide, "entity_type": "agent"})
    wait_until(lambda: home.texts() == ["I hike"], "an end of the agent's memories")
    typescript.deleteUsers()
    wait_until(lambda: home.texts() == [], "an end of all memories")
    assert home.ask(ENTITIES)["project"]["entities"]["nodes"] == []


def test_errors_reach_the_client(typescript: Any, home: Home) -> None:
    def told(method: Any, *given: Any) -> tuple[str, str | None]:
        error = refused(method, *given)
        return error.kind, error.code

    unknown, wrong = ("MemoryNotFoundError", "HTTP_404"), ("ValidationError", "HTTP_400")
    for method, given in (
        (typescript.get, []),
        (typescript.history, []),
        (typescript.delete, []),
        (typescript.update, [{"text": "I hike"}]),
    ):
        assert told(method, UNKNOWN, *given) == unknown
        assert told(method, "not-a-uuid", *given) == wrong
    assert told(typescript.search, "hiking", {"filters": {}}) == wrong
    assert told(typescript.getAll, {"filters": {"user_id": {"like": "alice"}}}) == wrong
    long = [{"role": "user", "content": "I hike. " * 200_000}]
    too_large = ("MemoryQuotaExceededError", "HTTP_413")
    assert told(typescript.add, long, {"userId": "alice"}) == too_large
    assert told(typescript.deleteUsers, {"userId": "nobody"}) == ("APIError", None)
    assert home.memories() == []


def test_a_wrong_key_is_told_of(
    typescript_program: Program, mem0_server: Process, home: Home
) -> None:
    """This client is made without waiting for an answer, so that the first call fails."""
    wrong = typescript_program.client({"apiKey": home.key[:-1], "host": mem0_server.url})
    for method, *given in (("ping",), ("get", UNKNOWN)):
        error = refused(getattr(wrong, method), *given)
        assert (error.kind, error.code) == ("AuthenticationError", "HTTP_401")
