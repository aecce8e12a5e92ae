"""Lists and searches by mem0's genuine Python clients: as GraphQL has them, in each one's shape."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.mem0.conftest import MIDDLE, NEWEST, OLDEST, Case, only
from tests.mem0.dialects import listed, remember, understand
from tests.mem0.homes import Home, agree
from tests.mem0.remote import options, refused

SEARCH = """
query ($query: String!, $user: String!) {
  searchMemories(query: $query, filter: {userId: {eq: $user}}, threshold: 0.1, topK: 2) {
    hits { score memory { id } }
  }
}
"""
HIKES = ("I hike in the mountains", "I drink green tea", "I read old maps before I hike")


@pytest.fixture
def ids(case: Case, client: Any) -> list[str]:
    """Three memories of Alice, in the order in which they were made; Bob has one too."""
    found = remember(case, client, *HIKES)
    remember(case, client, "I hike as well", user_id="bob")
    return found


def check_all(found: list[dict[str, Any]], ids: list[str], home: Home) -> None:
    """Check that these memories were listed, each as GraphQL shows it, the newest first."""
    assert [memory["id"] for memory in found] == ids[::-1]
    for memory in found:
        agree(memory, home.memory(memory["id"]))


def test_memories_are_listed_by_a_filter(
    case: Case, client: Any, home: Home, ids: list[str]
) -> None:
    check_all(listed(case, client, {"user_id": "alice"}), ids, home)
    either = {"OR": [{"user_id": "bob"}, {"user_id": "alice"}]}
    assert len(listed(case, client, either)) == 4
    narrow = {"AND": [{"user_id": "alice"}, {"keywords": {"icontains": "TEA"}}]}
    check_all(listed(case, client, narrow), [ids[1]], home)
    assert listed(case, client, {"user_id": "carol"}) == []


@only(OLDEST)
def test_the_oldest_client_lists_by_names(client: Any, home: Home, ids: list[str]) -> None:
    check_all(client.get_all(user_id="alice"), ids, home)
    page = client.get_all(user_id="alice", page=2, page_size=2)
    assert page["count"] == 3
    check_all(page["results"], ids[:1], home)


@only(OLDEST, MIDDLE)
def test_older_clients_list_by_names_besides_filters(
    case: Case, client: Any, home: Home, ids: list[str]
) -> None:
    version = {"version": "v2"} if case.is_oldest else {}
    answer = client.get_all(user_id="alice", **version)
    check_all(answer if case.is_oldest else answer["results"], ids, home)


def test_lists_come_in_pages(case: Case, client: Any, home: Home, ids: list[str]) -> None:
    version = {"version": "v2"} if case.is_oldest else {}
    given = {"filters": {"user_id": "alice"}, **version}
    page = client.get_all(page=2, page_size=1, **given)
    assert page["count"] == 3
    check_all(page["results"], [ids[1]], home)
    for link, number in (("next", "3"), ("previous", "1")):
        assert parse_qs(urlsplit(page[link]).query) == {"page": [number], "page_size": ["1"]}
    last = client.get_all(page=3, page_size=1, **given)
    assert (last["next"], last["previous"] is None) == (None, False)
    check_all(last["results"], [ids[0]], home)


@only(NEWEST)
def test_the_newest_client_always_lists_in_pages(client: Any, home: Home, ids: list[str]) -> None:
    page = client.get_all(filters={"user_id": "alice"})
    assert (page["count"], page["next"], page["previous"]) == (3, None, None)
    small = client.get_all(filters={"user_id": "alice"}, page_size=2)
    check_all(small["results"], ids[1:], home)
    second = client.get_all(filters={"user_id": "alice"}, page=2)
    assert (second["count"], second["results"]) == (3, [])


def searched(case: Case, client: Any, query: str, **given: Any) -> list[dict[str, Any]]:
    """Return what a search finds of Alice's memories."""
    options = {"filters": {"user_id": "alice"}, "threshold": 0.1, "top_k": 2, **given}
    if case.is_oldest:
        found: list[dict[str, Any]] = client.search(query, version="v2", **options)
        return found
    return list(client.search(query, **options)["results"])


@pytest.mark.usefixtures("ids")
def test_a_search_finds_what_graphql_finds(case: Case, client: Any, home: Home) -> None:
    query = "Where do I hike?"
    hits = home.ask(SEARCH, query=query, user="alice")["searchMemories"]["hits"]
    found = searched(case, client, query)
    assert found[0]["memory"] == "I hike in the mountains"
    assert [memory["id"] for memory in found] == [hit["memory"]["id"] for hit in hits]
    assert [memory["score"] for memory in found] == pytest.approx([hit["score"] for hit in hits])
    for memory in found:
        agree(memory, home.memory(memory["id"]))
    filters = {"AND": [{"user_id": "alice"}, {"keywords": {"icontains": "tea"}}]}
    (tea,) = searched(case, client, "hot drinks", filters=filters, threshold=0)
    assert tea["memory"] == "I drink green tea"


@only(OLDEST)
@pytest.mark.usefixtures("ids")
def test_the_oldest_client_searches_by_names(client: Any) -> None:
    found = client.search("Where do I hike?", user_id="alice", top_k=1)
    assert [memory["memory"] for memory in found] == ["I hike in the mountains"]
    answer = client.search("Where do I hike?", user_id="alice", top_k=1, output_format="v1.1")
    assert [memory["id"] for memory in answer["results"]] == [found[0]["id"]]
    assert isinstance(answer["relations"], list)


@pytest.mark.usefixtures("ids")
def test_lists_without_an_entity_are_refused(case: Case, client: Any) -> None:
    for filters in ({}, {"created_at": {"gte": "2024-01-01"}}):
        error = refused(listed, case, client, filters)
        assert error.kind == case.error("ValidationError")
        error = refused(searched, case, client, "hiking", filters=filters)
        assert error.kind == case.error("ValidationError")


@only(NEWEST)
def test_the_newest_client_narrows_lists_and_searches(case: Case, client: Any, home: Home) -> None:
    """Of three memories one has expired and one was replaced."""
    remember(case, client, "I hiked in May", expiration_date="2000-01-01")
    for place in ("Berlin", "Lisbon"):
        understand(case, client, home, f"I live in {place}.")
    texts = {memory["id"]: memory["text"] for memory in home.memories()}
    assert sorted(texts.values()) == ["I hiked in May", "I live in Berlin.", "I live in Lisbon."]
    whose = {"filters": {"user_id": "alice"}}
    for given, expected in (
        ({}, {"I live in Berlin.", "I live in Lisbon."}),
        ({"latest_only": True}, {"I live in Lisbon."}),
        ({"show_expired": True}, set(texts.values())),
    ):
        page = client.get_all(options("GetAllMemoryOptions", **whose, **given))
        assert {memory["memory"] for memory in page["results"]} == expected
        wide = options("SearchMemoryOptions", **whose, **given, threshold=0, top_k=100)
        found = client.search("Where do I live?", wide)["results"]
        assert {memory["memory"] for memory in found} == expected
    few = options("SearchMemoryOptions", **whose, fields=["memory"], latest_only=True, threshold=0)
    (id,) = (id for id, text in texts.items() if text == "I live in Lisbon.")
    expected_fields = [{"id": id, "memory": "I live in Lisbon."}]
    assert client.search("Where do I live?", few)["results"] == expected_fields


def test_categories_and_metadata_narrow_a_list(case: Case, client: Any, home: Home) -> None:
    client.project.update(custom_categories=[{"tea": "tea, cups, teapots"}, {"pets": "cats, dogs"}])
    understand(case, client, home, "I drink green tea from a cup.", metadata={"n": 1})
    understand(case, client, home, "I have a cat and two dogs.", metadata={"n": 2})
    expected = {memory["text"]: memory["categories"] for memory in home.memories()}
    assert expected == {
        "I drink green tea from a cup.": ["tea"],
        "I have a cat and two dogs.": ["pets"],
    }
    for condition in ({"metadata": {"n": 2}}, {"categories": {"in": ["pets"]}}):
        (found,) = listed(case, client, {"AND": [{"user_id": "alice"}, condition]})
        agree(found, home.memory(found["id"]))
        assert (found["memory"], found["metadata"]) == ("I have a cat and two dogs.", {"n": 2})
