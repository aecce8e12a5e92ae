"""One message of a conversation, and its speaker."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

# Messages with these roles instruct the assistant.
INSTRUCTING_ROLES = frozenset({"system", "developer"})
# Messages with these roles are context for the model. No memories are extracted from them: what a
# tool returned is not something that a person said.
CONTEXT_ROLES = INSTRUCTING_ROLES | {"tool", "function"}

USER_ROLE, ASSISTANT_ROLE = "user", "assistant"

# The names that other model APIs give to the same roles.
_SYNONYMS = {
    **dict.fromkeys(("ai", "model", "bot", "chatbot"), ASSISTANT_ROLE),
    "human": USER_ROLE,
}
_ROLES = CONTEXT_ROLES | {USER_ROLE, ASSISTANT_ROLE}


def canonical_role(role: str) -> str:
    """Return the name under which a role is stored: `Assistant`, `ai`, `model` are `assistant`.

    A role that is not known is returned unchanged; its speaker counts as a user.
    """
    name = role.strip().casefold()
    name = _SYNONYMS.get(name, name)
    return name if name in _ROLES else role


class Speaker(Enum):
    """The speaker of a fact: the assistant, or for every other role the user.

    The speaker decides whose statement a memory is, never its text.
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
        """Whether the message is only context, from which no memories are extracted.

        A message without text, such as one that consists of recalled memories, is too.
        """
        return canonical_role(self.role) in CONTEXT_ROLES or not self.content.strip()

    @property
    def is_instruction(self) -> bool:
        """Whether the message instructs the assistant. It is not stored verbatim either."""
        return canonical_role(self.role) in INSTRUCTING_ROLES

    @property
    def speaker(self) -> Speaker:
        """The speaker of the message."""
        is_assistant = canonical_role(self.role) == ASSISTANT_ROLE
        return Speaker.ASSISTANT if is_assistant else Speaker.USER
