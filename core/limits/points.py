"""What work costs, in points of about 50 µs of CPU: the prices that GraphQL and mem0 share."""

from typing import Any

from core.limits.json_size import characters_in

# What every request costs.
REQUEST_POINTS = 30
SUMMARY_POINTS = 4_500


def search_points(query: Any, *, rerank: bool) -> int:
    """Return what a search costs without its hits."""
    longer = len(query) - 256 if isinstance(query, str) else 0
    return 400 + (1_800 if rerank else 0) + max(longer, 0) // 5


def message_characters(messages: Any) -> int:
    """Return the number of characters that the messages of an add say."""
    items = messages if isinstance(messages, list) else [messages]
    return characters_in(
        [item.get("content") if isinstance(item, dict) else item for item in items]
    )


def add_points(messages: Any, *, infer: bool) -> int:
    """Return what adding messages costs a key."""
    if infer:
        return 2_400 + 4 * message_characters(messages)
    return 600 * (len(messages) if isinstance(messages, list) else 1)
