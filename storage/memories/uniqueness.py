"""Uniqueness keys, which prevent exact duplicates even with concurrent writers.

The column `slot` of an active memory has a digest of its entities, its speaker, its text and the
days that the text means, with a unique index. The second of two writers violates the index, its
transaction is retried, and it finds the first one's memory.
"""

import hashlib
from typing import Any

from core.text_forms import identity_form
from language.dates.identity import days_of
from language.dates.moments import Moment


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, of the identity form of a text with white space collapsed."""
    normal = " ".join(identity_form(text).split())
    return hashlib.sha256(normal.encode()).hexdigest()


def uniqueness_key(memory: Any) -> str:
    """Return the uniqueness key of a memory, a SHA-256 in hex.

    The same text from another speaker is a different memory, so the key includes the speaker; and
    so is "tomorrow" said on another day.
    """
    days = days_of_memory(memory)
    return _digest(memory, *([days] if days else []))


def undated_key(memory: Any) -> str:
    """Return the key that a memory had before keys included days.

    Rows that are older than that keep it, so a memory is looked up under both.
    """
    return _digest(memory)


def days_of_memory(memory: Any) -> str:
    """Return the days that the text of a memory means; empty for a timeless text."""
    moment = None
    if memory.timestamp_precision is not None:
        moment = Moment(memory.timestamp, memory.timestamp_precision, memory.timestamp_until)
    return days_of(memory.text, moment, memory.happened_at)


def _digest(memory: Any, *more: str) -> str:
    parts = (
        memory.project_id,
        memory.user_key,
        memory.agent_key,
        memory.app_key,
        memory.run_key,
        memory.role,
        memory.actor,
        memory.hash,
        *more,
    )
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()
