"""Slots: what makes twins impossible, however many writers store the same thing at once.

An active memory holds the slot of its entities, its speaker and its text, under a unique index.
Whoever comes second meets the index, looks again, and finds the first.
"""

import hashlib
import unicodedata
from typing import Any


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, of a text in Unicode form NFC with its white space collapsed."""
    normal = " ".join(unicodedata.normalize("NFC", text).split())
    return hashlib.sha256(normal.encode()).hexdigest()


def uniqueness_key(memory: Any) -> str:
    """Return the slot of a memory, a SHA-256 in hex.

    The same words from another mouth are another memory, so who speaks is part of it.
    """
    parts = (
        memory.project_id,
        memory.user_key,
        memory.agent_key,
        memory.app_key,
        memory.run_key,
        memory.role,
        memory.actor,
        memory.hash,
    )
    return hashlib.sha256("\0".join(part or "" for part in parts).encode()).hexdigest()
