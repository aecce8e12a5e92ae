"""One message of a conversation, and its speaker."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

# Messages with these roles are context for the model. No memories are extracted from them.
CONTEXT_ROLES = frozenset({"system", "developer"})

ASSISTANT_ROLE = "assistant"


class Speaker(Enum):
    """The speaker of a fact: the assistant, or for every other role the user.

    The speaker decides which entities a memory is about, never its text.
    """

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation. `timestamp` is when it was sent, or None if unknown."""

    role: str
    content: str
    name: str | None = None
    timestamp: datetime | None = None

    @property
    def is_context(self) -> bool:
        """Whether the message is only context, from which no memories are extracted."""
        return self.role in CONTEXT_ROLES

    @property
    def speaker(self) -> Speaker:
        """The speaker of the message."""
        return Speaker.ASSISTANT if self.role == ASSISTANT_ROLE else Speaker.USER
