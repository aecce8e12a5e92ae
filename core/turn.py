"""One message of a conversation, and whose part of it that is."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

# What a system says is context for a model, never something to remember.
CONTEXT_ROLES = frozenset({"system", "developer"})

ASSISTANT_ROLE = "assistant"


class Speaker(Enum):
    """Whose part of a conversation a fact comes from; every role but the assistant's is the user's.

    It decides which entities the memory is about, never what it says.
    """

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation. `timestamp` is when it was said, as far as anybody knows."""

    role: str
    content: str
    name: str | None = None
    timestamp: datetime | None = None

    @property
    def is_context(self) -> bool:
        """Whether nothing of it is to be remembered."""
        return self.role in CONTEXT_ROLES

    @property
    def speaker(self) -> Speaker:
        """Whose part of the conversation it is."""
        return Speaker.ASSISTANT if self.role == ASSISTANT_ROLE else Speaker.USER
