"""Lists of memories in the three versions of the mem0 API, complete and paged."""

from typing import Any

import httpx
import pytest

from tests.rest.mem0.remembering import added, assert_same
from tests.rest.mem0.rest import NOBODY, ask, call, cost, invalid, missing, refused
from tests.support.fixtures.factories import Tenant

V1, V2, V3 = "/v1/memories/", "/v2/memories/", "/v3/memories/"
ANA = {"filters": {"user_id": "Ana"}}


def texts(listed: list[dict[str, Any]]) -> list[str]:
    """Return the texts of memories."""
    return [memory["memory"] for memory in listed]


async def peopled(tenant: Tenant) -> None:
    """Store memories of Ana, and one of somebody else."""
    await added(tenant, "one", user_id="Ana", metadata={"a": 1})
    await added(tenant, "two", user_id="Ana", run_id="r1")
    await added(tenant, "three", user_id="Ana", expiration_date="2020-01-01")
    await added(tenant, "other", user_id="Bo")


async def test_a_complete_list_is_newest_first(tenant: Tenant) -> None:
    await peopled(tenant)
    by_query = await ask(tenant.owner, "GET", V1, user_id="Ana")
    assert texts(by_query) == ["two", "one"]
    for memory in by_query:
        await assert_same(tenant.owner, memory)
    assert await ask(tenant.owner, "POST", V2, ANA) == by_query
    assert await ask(tenant.owner, "POST", V2, {"user_id": "Ana"}) == by_query
    assert await ask(tenant.reader, "POST", V2, {**ANA, "project_id": tenant.project_id}) == (
        by_query
    )


async def test_the_newest_version_always_pages(tenant: Tenant) -> None:
    await peopled(tenant)
    found = await ask(tenant.owner, "POST", V3, ANA)
    assert (found["count"], found["next"], found["previous"]) == (2, None, None)
    assert texts(found["results"]) == ["two", "one"]


async def test_pages_are_linked_by_urls(tenant: Tenant) -> None:
    await added(tenant, *(f"number {n}" for n in range(5)), user_id="Ana")
    for method, path, body in (("GET", V1, None), ("POST", V2, ANA), ("POST", V3, ANA)):
        query = {"user_id": "Ana"} if body is None else {}
        seen: list[str] = []
        previous: list[str | None] = []
        page = 1
        while True:
            found = await ask(
                tenant.owner, method, path, body, page=str(page), page_size="2", **query
            )
            assert found["count"] == 5
            previous.append(found["previous"])
            seen += texts(found["results"])
            if found["next"] is None:
                break
            page += 1
            following = httpx.URL(found["next"])
            assert following.path == path
            assert dict(following.params) == {**query, "page": str(page), "page_size": "2"}
        assert seen == [f"number {n}" for n in (4, 3, 2, 1, 0)]
        assert [address is None for address in previous] == [True, False, False]
        beyond = await ask(tenant.owner, method, path, body, page="9", page_size="2", **query)
        assert (beyond["count"], beyond["results"], beyond["next"]) == (5, [], None)


async def test_a_page_may_be_requested_in_the_body(tenant: Tenant) -> None:
    await peopled(tenant)
    for path in (V2, V3):
        found = await ask(tenant.owner, "POST", path, {**ANA, "page": 2, "page_size": 1})
        assert (found["count"], texts(found["results"])) == (2, ["one"])
        # What the query says counts.
        first = await ask(tenant.owner, "POST", path, {**ANA, "page": 2, "page_size": 1}, page="1")
        assert (first["count"], texts(first["results"])) == (2, ["two"])


async def test_a_page_may_be_larger_than_one_of_graphql(tenant: Tenant) -> None:
    wanted = [f"number {n}" for n in range(130)]
    await added(tenant, *wanted, user_id="Ana")
    found = await ask(tenant.owner, "POST", V3, ANA, page="1", page_size="120")
    assert texts(found["results"]) == wanted[:9:-1]
    assert texts(await ask(tenant.owner, "POST", V2, ANA)) == wanted[::-1]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"show_expired": True}, ["three", "two", "one"]),
        ({"filters": {"AND": [{"user_id": "Ana"}, {"run_id": "r1"}]}}, ["two"]),
        ({"metadata": {"a": 1}}, ["one"]),
        ({"keywords": "TW"}, ["two"]),
        ({"start_date": "2000-01-01", "end_date": "2000-12-31"}, []),
        ({"start_date": "2000-01-01"}, ["two", "one"]),
        ({"end_date": "2000-01-01"}, []),
    ],
)
async def test_a_list_is_filtered(
    tenant: Tenant, more: dict[str, Any], expected: list[str]
) -> None:
    await peopled(tenant)
    assert texts(await ask(tenant.owner, "POST", V2, {**ANA, **more})) == expected


async def test_a_list_beyond_the_limit_requires_pages(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rest.mem0.pages.MOST", 100)
    await added(tenant, *(f"number {n}" for n in range(101)), user_id="Ana")
    assert await refused(tenant.owner, "POST", V2, ANA) == invalid("page")
    assert len((await ask(tenant.owner, "POST", V2, ANA, page="1"))["results"]) == 100


async def test_a_category_must_be_one_of_the_catalog(tenant: Tenant) -> None:
    asked = {"filters": {"user_id": "Ana", "categories": ["nonsense"]}}
    status, code, path = await refused(tenant.owner, "POST", V2, asked)
    assert (status, code, path[:2]) == (400, "INVALID_INPUT", ["filters", "categories"])
    assert await ask(tenant.owner, "POST", V2, {**ANA, "categories": ["food"]}) == []


async def test_only_some_fields(tenant: Tenant) -> None:
    (id, *_) = await added(tenant, "one", user_id="Ana")
    asked = {**ANA, "fields": ["memory"]}
    assert await ask(tenant.owner, "POST", V2, asked) == [{"id": id, "memory": "one"}]


async def test_memories_of_an_entity_by_its_path(tenant: Tenant) -> None:
    await added(tenant, "one", user_id="a/b c")
    found = await ask(tenant.owner, "GET", "/v1/memories/user/a%2Fb%20c/")
    assert texts(found) == ["one"]
    assert await ask(tenant.owner, "GET", "/v1/memories/user/nobody/") == []
    wrong = await refused(tenant.owner, "GET", "/v1/memories/team/x/")
    assert wrong == invalid("entity_type")


@pytest.mark.parametrize(
    ("path", "body", "query", "at"),
    [
        (V3, {}, {}, ["filters"]),
        (V3, {"user_id": "Ana"}, {}, ["user_id"]),
        (V3, {**ANA, "run_id": "r1"}, {}, ["run_id"]),
        (V3, ANA, {"page": "0"}, ["page"]),
        (V3, ANA, {"page_size": "201"}, ["page_size"]),
        (V3, {**ANA, "page": 0}, {}, ["page"]),
        (V2, {**ANA, "page_size": 201}, {}, ["page_size"]),
        (V2, {"filters": []}, {}, ["filters"]),
        (V2, {"filters": {"text": "x"}}, {}, ["filters"]),
        (V2, {}, {}, ["filters"]),
    ],
)
async def test_an_invalid_list_request_is_rejected(
    tenant: Tenant, path: str, body: dict[str, Any], query: dict[str, str], at: list[str]
) -> None:
    response = await call(tenant.owner, "POST", path, body, **query)
    found = response.json()
    assert (response.status_code, found["code"], found["path"][:1]) == (400, "INVALID_INPUT", at)


async def test_who_may_list(tenant: Tenant) -> None:
    await peopled(tenant)
    ids = {"project_id": tenant.project_id}
    for method, path, body, query in (
        ("GET", V1, None, {"user_id": "Ana", **ids}),
        ("POST", V2, {**ANA, **ids}, {}),
        ("POST", V3, ANA, ids),
    ):
        assert await refused(tenant.nobody, method, path, body, **query) == NOBODY
        gone = missing("project_id")
        assert await refused(tenant.stranger, method, path, body, **query) == gone
        assert await ask(tenant.reader, method, path, body, **query)


async def test_pages_cost_the_same_wherever_they_are(tenant: Tenant) -> None:
    await added(tenant, *(f"number {n}" for n in range(30)), user_id="Ana")
    costs = [
        await cost(tenant.owner, tenant.deployment, "POST", V3, ANA, page=page, page_size=size)
        for page, size in (("1", "5"), ("6", "5"), ("1", "30"))
    ]
    # The key, the project twice, the page and the count.
    assert costs == [costs[0]] * 3
    assert costs[0] <= 5
