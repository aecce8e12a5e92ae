"""Reads the response of an endpoint with the API of OpenAI: which of its parts is the answer.

The trap: servers put the answer of a model into different fields. A text may be a list of parts, a
model that calls functions answers with their arguments, and a server that separates thoughts may
take everything for thoughts.
"""

import json
from dataclasses import dataclass
from typing import Any

from providers.json_values import storable

_TEXT_TYPES = (None, "text", "output_text")
_ENDINGS = {
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "model_length"), "length"),
    **dict.fromkeys(
        ("content_filter", "safety", "recitation", "prohibited_content", "blocklist"),
        "content_filter",
    ),
}


class UnusableAnswer(Exception):
    """An answer that cannot be parsed.

    `reason` completes the sentence "the answer could not be used: ...". `quote` is the answer
    itself. `by_model` is false if it was not written by a model, but for example by a web server.
    """

    def __init__(self, reason: str, quote: str = "", *, by_model: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.quote = quote
        self.by_model = by_model


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a model: its text or refusal, and `ending`, the reason why it ended.

    `is_reasoning` is whether the text is what the server took for the model's thoughts, because
    there is nothing else.
    """

    content: str
    refusal: str | None
    ending: str | None
    is_reasoning: bool = False


def token_usage(body: bytes) -> tuple[int | None, int | None]:
    """Return the numbers of input and output tokens of a response, None where unknown."""
    data = _loaded(_decoded(body))
    usage = data.get("usage") if isinstance(data, dict) else None
    counts = usage if isinstance(usage, dict) else {}
    return _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens"))


def parse_answer(body: bytes) -> Answer:
    """Return the answer in a response body.

    Raises `UnusableAnswer` if the body is not a chat completion.
    """
    text = _decoded(body)
    data = _loaded(text)
    choices = data.get("choices") if isinstance(data, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    content = _text(message.get("content")) if isinstance(message, dict) else None
    if content is None or not isinstance(choice, dict) or not isinstance(message, dict):
        raise UnusableAnswer("it is not a chat completion", text, by_model=False)
    ending = choice.get("finish_reason")
    ending = _ENDINGS.get(ending.casefold(), ending) if isinstance(ending, str) else None
    refusal = message.get("refusal")
    refusal = refusal if isinstance(refusal, str) else None
    if not content.strip():
        content = _arguments(message)
    if content.strip() or refusal:
        return Answer(content, refusal, ending)
    thoughts = _text(message.get("reasoning_content")) or _text(message.get("reasoning")) or ""
    return Answer(thoughts, refusal, ending, is_reasoning=bool(thoughts.strip()))


def _text(content: Any) -> str | None:
    """Return the text of a message's content, None if it is of no known form."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict):
        part = _text_of_part(content)
        return json.dumps(content) if part is None else part
    if isinstance(content, list):
        texts = [part if isinstance(part, str) else _text_of_part(part) for part in content]
        return "".join(text for text in texts if text)
    return None


def _text_of_part(part: Any) -> str | None:
    """Return the text of a part, None if it is something else, such as a thought."""
    if not isinstance(part, dict) or part.get("type") not in _TEXT_TYPES:
        return None
    text = part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) else None


def _arguments(message: dict[str, Any]) -> str:
    """Return the arguments of the functions that a model calls, each on a line of its own."""
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else []
    functions = [call.get("function") for call in calls if isinstance(call, dict)]
    functions.append(message.get("function_call"))
    given = [each.get("arguments") for each in functions if isinstance(each, dict)]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in given if each]
    return "\n".join(texts)


def _loaded(text: str) -> Any:
    try:
        return storable(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _decoded(body: bytes) -> str:
    return body.decode("utf-8-sig", "replace")


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
