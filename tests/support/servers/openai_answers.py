"""How a server that speaks the API of OpenAI may answer: well, badly, late or not at all.

A behaviour is a function from a request to an `Answer`; `tests.support.servers.openai_server`
serves them. The trap: an answer that asks to try again says when, a millisecond later, because the
official client would otherwise wait for half a second at least.
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
INPUT_TOKENS, OUTPUT_TOKENS = 100, 20  # What the `usage` of every chat says.


@dataclass(frozen=True)
class Request:
    """A request as it came. Header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def format(self) -> str | None:
        """The type of the response format asked for."""
        return cast("str | None", self.body.get("response_format", {}).get("type"))

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Role and content of each message of a chat."""
        return [(message["role"], message["content"]) for message in self.body["messages"]]

    @property
    def system(self) -> str:
        """The system prompt of a chat."""
        return self.messages[0][1]

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document that a chat is about, which is its second message."""
        return cast("dict[str, Any]", json.loads(self.messages[1][1]))

    @property
    def texts(self) -> list[str]:
        """The texts to embed."""
        given = self.body["input"]
        return [given] if isinstance(given, str) else given


@dataclass(frozen=True)
class Answer:
    """What is sent back: JSON, or text as it stands. `cut` ends the connection halfway through."""

    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False


Behaviour = Callable[[Request], Answer]


# What a server does by itself.


def echo(request: Request) -> Answer:
    """Find one fact in each user turn: its words."""
    turns = request.document.get("turns", [])
    found = [fact(turn["content"], turns=[turn["n"]]) for turn in turns if turn["role"] == "user"]
    return facts(found)(request)


def words(request: Request) -> Answer:
    """Embed each text as its bag of words."""
    return vectors([bag_of_words(text) for text in request.texts])(request)


def bag_of_words(text: str) -> list[float]:
    """Return a unit vector that counts the words of a text, nearer the more words are shared."""
    vector = [0.0] * DIMENSION
    for word in re.findall(r"\w+", text.lower()) or [text]:
        vector[zlib.crc32(word.encode("utf-8", "replace")) % DIMENSION] += 1.0
    length = math.hypot(*vector)
    return [number / length for number in vector]


def by_itself(request: Request) -> Answer:
    """Answer as the server does when it is told nothing."""
    return _BY_ITSELF.get(request.path, _unknown)(request)


def _models(request: Request) -> Answer:
    return Answer({"object": "list", "data": [{"id": "any", "object": "model", "created": 0}]})


def _unknown(request: Request) -> Answer:
    return Answer({"error": {"message": f"There is no {request.path}."}}, status=404)


_BY_ITSELF: dict[str, Behaviour] = {CHAT: echo, EMBEDDINGS: words, MODELS: _models}


# What it can be told to do: chats.


def fact(text: str, speaker: str = "user", turns: Sequence[int] = (1,), **more: Any) -> Any:
    """Return a fact as a model writes it; `more` are its other fields, or replace these."""
    written = {"text": text, "attributed_to": speaker, "turns": list(turns)}
    rest: dict[str, Any] = {"categories": [], "concepts": [], "happened": None, "verdict": None}
    return written | rest | more


def facts(found: Sequence[Any]) -> Behaviour:
    """Answer with these facts; none is an answer too."""
    return text(json.dumps({"facts": list(found)}))


def many_facts(count: int) -> Behaviour:
    """Answer with this many facts, all different."""
    return facts([fact(f"The user owns book number {number}.") for number in range(count)])


def text(content: str | None, *, ending: str = "stop", refusal: str | None = None) -> Behaviour:
    """Answer with these words of the model, JSON or not."""
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
    """Answer with words that end because the model may not write more."""
    return text(content, ending="length")


def refusal(reason: str = "I cannot help with that.") -> Behaviour:
    """Answer with the model's refusal."""
    return text(None, refusal=reason)


def rejects(*formats: str, then: Behaviour = echo) -> Behaviour:
    """Refuse these response formats with status 400, answer others; a rule for `answer_with`."""

    def behave(request: Request) -> Answer:
        if request.format in formats:
            return status(400, f"'response_format.type' {request.format} is unsupported.")(request)
        return then(request)

    return behave


# What it can be told to do: embeddings.


def vectors(rows: Sequence[Sequence[float]]) -> Behaviour:
    """Answer with these vectors, however many texts were given."""
    data = [
        {"object": "embedding", "index": index, "embedding": list(row)}
        for index, row in enumerate(rows)
    ]
    usage = {"prompt_tokens": len(rows), "total_tokens": len(rows)}
    return body({"object": "list", "data": data, "model": "any", "usage": usage})


def window(characters: int, then: Behaviour = words) -> Behaviour:
    """Refuse texts beyond a length with status 400, as models do; a rule for `answer_with`."""

    def behave(request: Request) -> Answer:
        if max(map(len, request.texts)) > characters:
            return status(400, "The input exceeds the context length.")(request)
        return then(request)

    return behave


# What it can be told to do: anything.


def body(content: Any) -> Behaviour:
    """Answer with status 200 and this body, JSON, or text as it stands."""
    return lambda request: Answer(content)


def status(code: int, message: str = "", *, retry_after: float | None = None) -> Behaviour:
    """Answer with an error, its headers saying to try again soon or after so many seconds."""
    headers = SOON if retry_after is None else {"retry-after": f"{retry_after:g}"}
    said = {"error": {"message": message or f"Status {code}.", "type": "test", "code": None}}
    return lambda request: Answer(said, status=code, headers=headers)


def slow(seconds: float, then: Behaviour = by_itself) -> Behaviour:
    """Answer after a while."""
    return lambda request: replace(then(request), delay=seconds)


def cut(request: Request) -> Answer:
    """Close the connection midway through the answer."""
    return replace(by_itself(request), cut=True)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Answer in these ways one after the other, and over again; a rule for `answer_with`."""
    cycle, lock = itertools.cycle(behaviours), threading.Lock()

    def behave(request: Request) -> Answer:
        with lock:
            behaviour = next(cycle)
        return behaviour(request)

    return behave
