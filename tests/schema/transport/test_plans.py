"""Which subscriptions share one execution: those that cannot tell their results apart."""

from dataclasses import replace
from typing import Any

import pytest

from core.access import Actor, ApiKeyPermission, ApiKeyReach
from schema.transport.plans import plan_of

ALICE = Actor(
    "account-a",
    "alice@example.com",
    "key-a",
    "mg_a",
    ApiKeyPermission.READ,
    ApiKeyReach.ACCOUNT,
    "project",
    None,
)
BOB = replace(ALICE, account_id="account-b", email="bob@example.com", key_id="key-b")
OWN = "subscription ($after: Cursor) { memoryEvents(after: $after) { sequence newText } }"
LINKED = "subscription { memoryEvents { sequence memory { text } } }"


def key(
    document: str,
    variables: dict[str, Any] | None = None,
    actor: Actor = ALICE,
    project: str = "project",
    name: str | None = None,
) -> str:
    """Return the key of a subscription; equal keys share."""
    plan = plan_of(document, name)
    assert plan is not None
    return plan.key(variables, project, actor)


@pytest.mark.parametrize(
    "other",
    [
        "subscription($after:Cursor){memoryEvents(after:$after){sequence,newText}}",
        "# why\n" + OWN,
    ],
)
def test_how_a_document_is_written_does_not_matter(other: str) -> None:
    assert key(other) == key(OWN)


def test_where_a_subscription_begins_does_not_matter() -> None:
    assert key(OWN, {"after": "one"}) == key(OWN, {"after": "two"}) == key(OWN, {}) == key(OWN)
    literal = 'subscription { memoryEvents(after: "%s", types: [ADD]) { sequence } }'
    assert key(literal % "one") == key(literal % "two")
    assert key(literal % "one") != key("subscription { memoryEvents { sequence } }")


def test_a_cursor_that_does_more_than_that_matters() -> None:
    document = """
    subscription ($after: Cursor) {
      memoryEvents(after: $after) { memory { history(after: $after) { nodes { id } } } }
    }
    """
    assert key(document, {"after": "one"}) != key(document, {"after": "two"})
    assert key(document, {"after": "one"}) == key(document, {"after": "one"})
    nested = 'subscription { memoryEvents { memory { history(after: "%s") { nodes { id } } } } }'
    assert key(nested % "one") != key(nested % "two")


def test_all_else_that_is_asked_for_matters() -> None:
    typed = "subscription ($types: [HistoryEventType!]) { memoryEvents(types: $types) { id } }"
    keys = [
        key(OWN),
        key(OWN, project="another"),
        key(LINKED),
        key(typed, {"types": ["ADD"]}),
        key(typed, {"types": ["DELETE"]}),
        key(typed, {"types": None}),
        key("subscription { memoryEvents { sequence newText: oldText } }"),
        key(
            "subscription A { memoryEvents { id } } subscription B { memoryEvents { id } }",
            name="A",
        ),
        key(
            "subscription A { memoryEvents { id } } subscription B { memoryEvents { id } }",
            name="B",
        ),
    ]
    assert len(set(keys)) == len(keys)


def test_the_order_of_variables_does_not_matter() -> None:
    document = """
    subscription ($types: [HistoryEventType!], $filter: MemoryFilter) {
      memoryEvents(types: $types, filter: $filter) { id }
    }
    """
    filter = {"userId": {"eq": "alice"}, "runId": {"eq": "one"}}
    one = {"types": ["ADD"], "filter": filter}
    other = {"filter": dict(reversed(filter.items())), "types": ["ADD"]}
    assert key(document, one) == key(document, other)


@pytest.mark.parametrize(
    ("document", "shared"),
    [
        (OWN, True),
        ("subscription { memoryEvents { ...F } } fragment F on HistoryEvent { id }", True),
        ("subscription { memoryEvents { ... on HistoryEvent { id } } }", True),
        (LINKED, False),
        (
            "subscription { memoryEvents { ...F } } fragment F on HistoryEvent { memory { id } }",
            False,
        ),
        ("subscription { memoryEvents { ... on HistoryEvent { memory { id } } } }", False),
    ],
)
def test_accounts_share_only_what_does_not_depend_on_who_asks(document: str, shared: bool) -> None:
    assert (key(document) == key(document, actor=BOB)) is shared
    # Two keys of one account see the same, unless one of them is confined.
    second = replace(ALICE, key_id="key-2", key_prefix="mg_2")
    assert key(document) == key(document, actor=second)
    confined = replace(second, reach=ApiKeyReach.PROJECT)
    assert (key(document) == key(document, actor=confined)) is shared


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { account { id } } }",
        "subscription { operationUpdates(id: 1) { id } }",
        "subscription { memoryEvents { id } operationUpdates(id: 1) { id } }",
        "subscription { ... on Subscription { memoryEvents { id } } }",
        "subscription A { memoryEvents { id } } subscription B { memoryEvents { id } }",
        "fragment F on HistoryEvent { id }",
        "subscription {",
        "",
    ],
)
def test_documents_without_a_plan(document: str) -> None:
    assert plan_of(document, None) is None
