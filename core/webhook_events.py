"""The webhook messages of an event of the log: their types and their contents."""

from typing import Any

from core.enums import WebhookEventType
from core.events import HistoryEventType

# The values of `type` in the body, and below those of `event_details.event`, as in mem0's API.
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
    """Return the types of the messages about an event of the log, in sending order.

    The event has the attributes of a row of the log. If it sets categories together with other
    fields, a separate message is about the categories.
    """
    main = _MAIN.get(event.type)
    if main is None:
        # RESTORE either recreates a deleted memory or resets an existing one to an earlier version.
        was_deleted = event.old_text is None
        main = WebhookEventType.MEMORY_ADD if was_deleted else WebhookEventType.MEMORY_UPDATE
    if main is not WebhookEventType.MEMORY_CATEGORIZE and _is_categorized(event):
        return main, WebhookEventType.MEMORY_CATEGORIZE
    return (main,)


def _is_categorized(event: Any) -> bool:
    categories = (event.after or {}).get("categories")
    return bool(categories) and categories != (event.before or {}).get("categories")


def source_event_types(type: WebhookEventType) -> set[HistoryEventType]:
    """Return the types of log events that can cause a message of a type."""
    if type is WebhookEventType.MEMORY_CATEGORIZE:
        return set(HistoryEventType) - {HistoryEventType.DELETE}
    sources = {kind for kind, main in _MAIN.items() if main is type}
    if type in (WebhookEventType.MEMORY_ADD, WebhookEventType.MEMORY_UPDATE):
        sources.add(HistoryEventType.RESTORE)
    return sources


def is_erased(event: Any) -> bool:
    """Return whether the contents of an event have been erased."""
    contents = (event.old_text, event.new_text, event.before, event.after)
    return all(part is None for part in contents)


def event_details(event: Any, type: WebhookEventType) -> dict[str, Any]:
    """Return the `event_details` of a message: mem0's fields, and the categories if they changed.

    `memory` is the text after the event, or for a deletion the deleted text; it is null if the
    deletion has been erased.
    """
    is_deletion = type is WebhookEventType.MEMORY_DELETE
    data: dict[str, Any] = {"memory": event.old_text if is_deletion else event.new_text}
    if type is WebhookEventType.MEMORY_CATEGORIZE:
        data["categories"] = (event.after or {}).get("categories") or []
    return {"id": event.memory_id, "data": data, "event": EVENT_NAMES[type]}
