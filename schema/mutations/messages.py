"""Messages of a conversation, as inputs."""

from datetime import datetime, tzinfo
from typing import Any

import strawberry
from strawberry.scalars import JSON

from resolvers.ingestion.messages import SentMessage
from schema.scalars import in_zone


@strawberry.input(
    one_of=True,
    description="A part of a message, as model APIs send it. Only text is remembered; `notes` of "
    "the operation names the messages whose other parts were skipped.",
)
class MessagePartInput:
    """A part of a message; exactly one field is set."""

    text: strawberry.Maybe[str] = strawberry.field(description="A text.")
    image: strawberry.Maybe[JSON] = strawberry.field(
        description="A picture. It is accepted and skipped."
    )
    file: strawberry.Maybe[JSON] = strawberry.field(
        description="A file. It is accepted and skipped."
    )
    other: strawberry.Maybe[JSON] = strawberry.field(
        description="A part in the form of a model API, an object with a `type`. The text of a "
        "part of type `text`, `input_text` or `output_text` is read, any other part is skipped."
    )


@strawberry.input(description="A message of a conversation.")
class MessageInput:
    """A message."""

    role: str = strawberry.field(
        description="The speaker's role: `user`, `assistant` and so on, in any letter case. `ai` "
        "and `model` mean `assistant`, `human` means `user`. Messages with the role `system`, "
        "`developer`, `tool` or `function` are used as context and not remembered."
    )
    name: str | None = strawberry.field(
        default=None, description="The speaker's name, at most 256 characters."
    )
    content: str | None = strawberry.field(
        default=None,
        description="The text of the message, at most 65,536 characters. A message without text "
        "is skipped, and `notes` of the operation names it.",
    )
    parts: list[MessagePartInput] | None = strawberry.field(
        default=None,
        description="The parts of the message, for callers that have a list of parts instead of a "
        "text. The texts among them follow `content`, each on a line of its own.",
    )
    timestamp: datetime | None = strawberry.field(
        default=None,
        description="When the message was written. Defaults to the `timestamp` of the input.",
    )


def sent_message(message: MessageInput, zone: tzinfo | None) -> SentMessage:
    """Return a message in the form that `read_messages` takes.

    A timestamp without an offset is in `zone`. Raises `GraphQLError` if there is none.
    """
    timestamp = message.timestamp and in_zone(message.timestamp, zone)
    content: Any = message.content
    if message.parts is not None:
        first = [] if content is None else [content]
        content = [*first, *map(_part, message.parts)]
    return SentMessage(message.role, content, message.name, timestamp)


def _part(part: MessagePartInput) -> Any:
    if part.text is not None:
        return {"type": "text", "text": part.text.value}
    if part.image is not None:
        return {"type": "image"}
    if part.file is not None:
        return {"type": "file"}
    return part.other and part.other.value
