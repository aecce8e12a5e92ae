"""What webhooks are told of an event of the log: which messages it makes, and what they say."""

from typing import Any

from core.enums import WebhookEventType
from core.events import HistoryEventType

# What the body's `type` calls each message, and what `event_details.event` does, as mem0 has it.
TYPE_NAMES = {
    WebhookEventType.MEMORY_ADD: "memory.add",
    WebhookEventType.MEMORY_UPDATE: "memory.update",
    WebhookEventType.MEMORY_DELETE: "memory.delete",
    WebhookEventType.MEMORY_CATEGORIZE: "memory.categorize",
}
TEST_NAME = "test"
EVENT_NAMES = {type: type.value.removeprefix("MEMORY_") for type in WebhookEventType}

_MAIN = {
    HistoryEventType.ADD: WebhookEventType.MEMORY_ADD,
    HistoryEventType.UPDATE: WebhookEventType.MEMORY_UPDATE,
    HistoryEventType.MERGE: WebhookEventType.MEMORY_UPDATE,
    HistoryEventType.SUPERSEDE: WebhookEventType.MEMORY_UPDATE,
    HistoryEventType.DELETE: WebhookEventType.MEMORY_DELETE,
    HistoryEventType.CATEGORIZE: WebhookEventType.MEMORY_CATEGORIZE,
}


def messages_for_event(event: Any) -> tuple[WebhookEventType, ...]:
    """Return the messages that an event of the log makes, in the order in which they are sent.

    The event has the attributes of a row of the log. A memory that is given categories together
    with something else makes a message of its own about them.
    """
    main = _MAIN.get(event.type)
    if main is None:
        # Of RESTORE: what had been deleted comes back, or what is there becomes what it was.
        came_back = event.old_text is None
        main = WebhookEventType.MEMORY_ADD if came_back else WebhookEventType.MEMORY_UPDATE
    if main is not WebhookEventType.MEMORY_CATEGORIZE and _is_categorized(event):
        return main, WebhookEventType.MEMORY_CATEGORIZE
    return (main,)


def _is_categorized(event: Any) -> bool:
    given = (event.after or {}).get("categories")
    return bool(given) and given != (event.before or {}).get("categories")


def source_event_types(type: WebhookEventType) -> set[HistoryEventType]:
    """Return the kinds of events that can make a message of a type."""
    if type is WebhookEventType.MEMORY_CATEGORIZE:
        return set(HistoryEventType) - {HistoryEventType.DELETE}
    found = {kind for kind, main in _MAIN.items() if main is type}
    if type in (WebhookEventType.MEMORY_ADD, WebhookEventType.MEMORY_UPDATE):
        found.add(HistoryEventType.RESTORE)
    return found


def is_erased(event: Any) -> bool:
    """Tell whether nothing is left of an event but that it happened."""
    told = (event.old_text, event.new_text, event.before, event.after)
    return all(part is None for part in told)


def event_details(event: Any, type: WebhookEventType) -> dict[str, Any]:
    """Return the `event_details` of a message: mem0's own shape, and the categories it is about.

    The text is the one that the event left, of a deletion the one that it took; null where a
    deletion has been erased.
    """
    gone = type is WebhookEventType.MEMORY_DELETE
    data: dict[str, Any] = {"memory": event.old_text if gone else event.new_text}
    if type is WebhookEventType.MEMORY_CATEGORIZE:
        data["categories"] = (event.after or {}).get("categories") or []
    return {"id": event.memory_id, "data": data, "event": EVENT_NAMES[type]}
