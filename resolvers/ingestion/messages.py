"""Reads the messages of an add in the form in which model APIs send them.

An agent passes on what its model returned: messages without content, lists of parts, pictures. One
message without text must not cost the others, so it is skipped, and a note names it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import InvalidInput
from core.turn import INSTRUCTING_ROLES, Turn, canonical_role
from core.validation import LONGEST_TEXT, check_text
from resolvers.memories.creation import MOST_AT_ONCE

_TEXT_TYPES = frozenset({"text", "input_text", "output_text"})
# Only these types are repeated in notes: the caller's own words are no part of a note.
_NAMED_TYPES = _TEXT_TYPES | {
    *("image", "image_url", "input_image", "output_image", "file", "input_file", "document"),
    *("audio", "audio_url", "input_audio", "output_audio", "video", "video_url", "pdf_url"),
    *("mdx_url", "tool_use", "tool_call", "tool_result", "function_call", "refusal"),
    *("thinking", "reasoning", "redacted_thinking"),
}
_UNKNOWN_TYPE = "another type"
# A NUL character and a lone surrogate; see `core.validation`.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as a caller sends it; `content` is null, a text, a part or a list of parts."""

    role: str
    content: Any = None
    name: str | None = None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentMessages:
    """The messages with text as turns, in order, and a note for each one that lost something.

    `positions` has for each turn the position of its message, `without_text` those of the messages
    that were skipped.
    """

    turns: list[Turn] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    without_text: list[int] = field(default_factory=list)


def read_messages(messages: Sequence[SentMessage]) -> SentMessages:
    """Return the turns of a call.

    A message without text is skipped, parts without text are left out, and characters that cannot
    be stored are removed. Raises `InvalidInput`, naming the field, if there is no text at all, if
    all messages instruct the assistant, or if a role, a name or a text cannot be stored.
    """
    if not 1 <= len(messages) <= MOST_AT_ONCE:
        raise InvalidInput(f"Give 1 to {MOST_AT_ONCE:,} messages.", "input", "messages")
    read = SentMessages()
    for position, message in enumerate(messages):
        at = ("input", "messages", position)
        check_text(message.role, *at, "role")
        if message.name is not None:
            check_text(message.name, *at, "name")
        text, left_out = _text_of(message.content)
        stored = _UNSTORABLE.sub("", text)
        if not stored.strip():
            read.without_text.append(position)
            read.notes.append(f"messages.{position} has no text and was skipped{_of(left_out)}.")
            continue
        check_text(stored, *at, "content", longest=LONGEST_TEXT)
        if left_out:
            read.notes.append(f"messages.{position} has parts that were skipped{_of(left_out)}.")
        if stored != text:
            read.notes.append(
                f"messages.{position} had characters that cannot be stored; they were removed."
            )
        role = canonical_role(message.role)
        read.positions.append(position)
        read.turns.append(Turn(role, stored, message.name, message.timestamp))
    if not read.turns:
        raise InvalidInput("This must have a text.", "input", "messages", 0, "content")
    if all(canonical_role(message.role) in INSTRUCTING_ROLES for message in messages):
        raise InvalidInput("Give a message that is not a system message.", "input", "messages")
    return read


def _text_of(content: Any) -> tuple[str, list[str]]:
    """Return the text of a message, and the types of its parts that have none."""
    if isinstance(content, str):
        return content, []
    parts = content if isinstance(content, list) else [] if content is None else [content]
    texts: list[str] = []
    left_out: list[str] = []
    for part in parts:
        text = part if isinstance(part, str) else _text_of_part(part)
        if text is None:
            kind = part.get("type") if isinstance(part, dict) else None
            is_named = isinstance(kind, str) and kind in _NAMED_TYPES
            left_out.append(str(kind) if is_named else _UNKNOWN_TYPE)
        elif text.strip():
            texts.append(text)
    return "\n".join(texts), list(dict.fromkeys(left_out))


def _text_of_part(part: Any) -> str | None:
    """Return the text of a part, or None if it is not a text."""
    kind = part.get("type", "text") if isinstance(part, dict) else None
    if not isinstance(kind, str) or kind not in _TEXT_TYPES:
        return None
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")  # The form of OpenAI's threads.
    return text if isinstance(text, str) else None


def _of(left_out: Sequence[str]) -> str:
    return f" ({', '.join(left_out)})" if left_out else ""
