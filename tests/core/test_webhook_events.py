"""Which messages an event of the log makes, and what they say."""

from types import SimpleNamespace
from typing import Any

import pytest

from core.enums import WebhookEventType
from core.events import HistoryEventType
from core.webhook_events import event_details, is_erased, messages_for_event, source_event_types

ADD, UPDATE = WebhookEventType.MEMORY_ADD, WebhookEventType.MEMORY_UPDATE
DELETE, CATEGORIZE = WebhookEventType.MEMORY_DELETE, WebhookEventType.MEMORY_CATEGORIZE
TEA, CAKE = {"categories": ["tea"]}, {"categories": ["cake"]}


def event(type: str, old: str | None = None, new: str | None = None, **sides: Any) -> Any:
    """Return what matters of an event."""
    told = {"before": None, "after": None, **sides}
    return SimpleNamespace(
        type=HistoryEventType(type), memory_id="m", old_text=old, new_text=new, **told
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (event("ADD", None, "a", after={"userId": "u"}), (ADD,)),
        (event("ADD", None, "a", after=TEA), (ADD, CATEGORIZE)),
        (event("ADD", None, "a", after={"categories": []}), (ADD,)),
        (event("UPDATE", "a", "b", before={}, after={}), (UPDATE,)),
        (event("UPDATE", "a", "b", before=CAKE, after=TEA), (UPDATE, CATEGORIZE)),
        (event("UPDATE", "a", "b", before=TEA, after=TEA), (UPDATE,)),
        (event("UPDATE", "a", "b", before=TEA, after={"categories": []}), (UPDATE,)),
        (event("MERGE", "a", "a", before={}, after={"state": "MERGED"}), (UPDATE,)),
        (event("SUPERSEDE", "a", "a", before={}, after={}), (UPDATE,)),
        (event("RESTORE", None, "a", after=TEA), (ADD, CATEGORIZE)),
        (event("RESTORE", "b", "a", before={}, after={}), (UPDATE,)),
        (event("CATEGORIZE", "a", "a", before=TEA, after=CAKE), (CATEGORIZE,)),
        (event("CATEGORIZE", "a", "a", before=TEA, after={"categories": []}), (CATEGORIZE,)),
        (event("DELETE", "a", None, before=TEA), (DELETE,)),
        (event("DELETE"), (DELETE,)),
    ],
)
def test_the_messages_of_an_event(given: Any, expected: tuple[WebhookEventType, ...]) -> None:
    assert messages_for_event(given) == expected
    # Whoever looks for these messages among the kinds of events finds this one.
    assert all(given.type in source_event_types(type) for type in expected)


def test_details() -> None:
    changed = event("UPDATE", "a", "b", before=CAKE, after=TEA)
    assert event_details(changed, UPDATE) == {"id": "m", "data": {"memory": "b"}, "event": "UPDATE"}
    assert event_details(changed, CATEGORIZE) == {
        "id": "m",
        "data": {"memory": "b", "categories": ["tea"]},
        "event": "CATEGORIZE",
    }
    deleted = event("DELETE", "a", None, before=TEA)
    assert event_details(deleted, DELETE) == {"id": "m", "data": {"memory": "a"}, "event": "DELETE"}
    assert event_details(event("DELETE"), DELETE)["data"] == {"memory": None}


def test_events_without_content_are_erased() -> None:
    assert is_erased(event("ADD"))
    assert not is_erased(event("ADD", None, "a"))
    assert not is_erased(event("DELETE", "a"))
    assert not is_erased(event("CATEGORIZE", after={}))
