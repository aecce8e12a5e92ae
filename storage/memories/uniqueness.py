"""Uniqueness keys, which prevent exact duplicates even with concurrent writers.

The column `slot` of an active memory has a digest of its entities, its speaker and its text, with a
unique index. The second of two writers violates the index, its transaction is retried, and it finds
the first one's memory.
"""

import hashlib
from typing import Any

from core.text_forms import identity_form


def text_hash(text: str) -> str:
    """Return the SHA-256, in hex, of the identity form of a text with white space collapsed."""
    normal = " ".join(identity_form(text).split())
    return hashlib.sha256(normal.encode()).hexdigest()


def uniqueness_key(memory: Any) -> str:
    """Return the uniqueness key of a memory, a SHA-256 in hex.

    The same text from another speaker is a different memory, so the key includes the speaker.
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
