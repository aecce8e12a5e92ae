"""The answers of a server with OpenAI's API: good, bad, late or none.

A behaviour is a function from a request to an `Answer`; `tests.support.servers.openai_server`
serves them. The trap: errors that can be retried carry `retry-after-ms: 1`, because the official
client otherwise waits for at least half a second.
"""

import itertools
import json
import math
import re
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

DIMENSION = 64
CHAT = "/v1/chat/completions"
EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"
SOON = {"retry-after-ms": "1"}
INPUT_TOKENS, OUTPUT_TOKENS = 100, 20  # The `usage` of every chat.


@dataclass(frozen=True)
class Request:
    """A received request. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def format(self) -> str | None:
        """The type of the requested response format."""
        return cast("str | None", self.body.get("response_format", {}).get("type"))

    @property
    def messages(self) -> list[tuple[str, str]]:
        """The role and content of each message of a chat."""
        return [(message["role"], message["content"]) for message in self.body["messages"]]

    @property
    def system(self) -> str:
        """The system prompt of a chat."""
        return self.messages[0][1]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document that a chat is about: the end of the first message of the user."""
        content = next(content for role, content in self.messages if role == "user")
        return cast("dict[str, Any]", json.loads(content.rpartition("\n\n")[2]))

    @property
    def texts(self) -> list[str]:
        """The texts to embed."""
        value = self.body["input"]
        return [value] if isinstance(value, str) else value


@dataclass(frozen=True)
class Answer:
    """A response: JSON, or unchanged text. `cut` closes the connection halfway through the body."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False


Behaviour = Callable[[Request], Answer]


# The defaults.


def echo(request: Request) -> Answer:
    """Return the words of each user turn as a fact."""
    turns = request.document.get("turns", [])
    found = [fact(turn["content"], turns=[turn["n"]]) for turn in turns if turn["role"] == "user"]
    return facts(found)(request)


def words(request: Request) -> Answer:
    """Embed each text as its bag of words."""
    return vectors([bag_of_words(text) for text in request.texts])(request)


def bag_of_words(text: str) -> list[float]:
    """Return a unit vector of the word counts of a text; shared words raise the similarity."""
    vector = [0.0] * DIMENSION
    for word in re.findall(r"\w+", text.lower()) or [text]:
        vector[zlib.crc32(word.encode("utf-8", "replace")) % DIMENSION] += 1.0
    length = math.hypot(*vector)
    return [number / length for number in vector]


def default_answer(request: Request) -> Answer:
    """Answer by the default of the path."""
    return _DEFAULTS.get(request.path, _unknown)(request)


def _models(request: Request) -> Answer:
    return Answer({"object": "list", "data": [{"id": "any", "object": "model", "created": 0}]})


def _unknown(request: Request) -> Answer:
    return Answer({"error": {"message": f"There is no {request.path}."}}, status=404)


_DEFAULTS: dict[str, Behaviour] = {CHAT: echo, EMBEDDINGS: words, MODELS: _models}


# Behaviours for chats.


def fact(text: str, speaker: str = "user", turns: Sequence[int] = (1,), **more: Any) -> Any:
    """Return a fact as a model writes it; `more` are its other fields, or replace these."""
    written = {"text": text, "attributed_to": speaker, "turns": list(turns)}
    rest: dict[str, Any] = {"categories": [], "concepts": [], "happened": None, "verdict": None}
    return written | rest | more


def facts(found: Sequence[Any]) -> Behaviour:
    """Answer with these facts, or with none."""
    return text(json.dumps({"facts": list(found)}))


def many_facts(count: int) -> Behaviour:
    """Answer with this many facts, all different."""
    return facts([fact(f"The user owns book number {number}.") for number in range(count)])


def text(content: str | None, *, ending: str = "stop", refusal: str | None = None) -> Behaviour:
    """Answer with this content, JSON or not."""
    message = {"role": "assistant", "content": content, "refusal": refusal}
    total = INPUT_TOKENS + OUTPUT_TOKENS
    usage = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS}

    def behave(request: Request) -> Answer:
        choice = {"index": 0, "message": message, "finish_reason": ending}
        head = {"id": "chat-1", "object": "chat.completion", "created": 0}
        return Answer(
            head
            | {"model": request.body.get("model"), "choices": [choice]}
            | {"usage": usage | {"total_tokens": total}}
        )

    return behave


def cut_off(content: str) -> Behaviour:
    """Answer with content that ends at the token limit."""
    return text(content, ending="length")


def refusal(reason: str = "I cannot help with that.") -> Behaviour:
    """Answer with the model's refusal."""
    return text(None, refusal=reason)


def rejects(*formats: str, then: Behaviour = echo) -> Behaviour:
    """Reject these response formats with status 400, and answer others; for `answer_with`."""

    def behave(request: Request) -> Answer:
        if request.format in formats:
            return status(400, f"'response_format.type' {request.format} is unsupported.")(request)
        return then(request)

    return behave


# Behaviours for embeddings.


def vectors(rows: Sequence[Sequence[float]]) -> Behaviour:
    """Answer with these vectors, for any number of texts."""
    data = [
        {"object": "embedding", "index": index, "embedding": list(row)}
        for index, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": len(rows), "total_tokens": len(rows)}
    return body({"object": "list", "data": data, "model": "any", "usage": usage})


def window(characters: int, then: Behaviour = words) -> Behaviour:
    """Reject texts beyond a length with status 400, as models do; for `answer_with`."""

    def behave(request: Request) -> Answer:
        if max(map(len, request.texts)) > characters:
            return status(400, "The input exceeds the context length.")(request)
        return then(request)

    return behave


# Behaviours for all requests.


def body(content: Any) -> Behaviour:
    """Answer with status 200 and this body: JSON, or unchanged text."""
    return lambda request: Answer(content)


def status(code: int, message: str = "", *, retry_after: float | None = None) -> Behaviour:
    """Answer with an error whose headers request a retry after a millisecond or `retry_after`."""
    headers = SOON if retry_after is None else {"retry-after": f"{retry_after:g}"}
    error = {"error": {"message": message or f"Status {code}.", "type": "test", "code": None}}
    return lambda request: Answer(error, status=code, headers=headers)


def slow(seconds: float, then: Behaviour = default_answer) -> Behaviour:
    """Answer after a delay in seconds."""
    return lambda request: replace(then(request), delay=seconds)


def cut(request: Request) -> Answer:
    """Close the connection halfway through the default answer."""
    return replace(default_answer(request), cut=True)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Cycle through these behaviours; for `answer_with`."""
    cycle, lock = itertools.cycle(behaviours), threading.Lock()

    def behave(request: Request) -> Answer:
        with lock:
            behaviour = next(cycle)
        return behaviour(request)

    return behave
