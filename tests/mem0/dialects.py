"""What the clients say differently, where a test is about something else."""

from typing import Any

from tests.mem0.conftest import Case
from tests.mem0.homes import Home


def remember(case: Case, client: Any, *texts: str, **given: Any) -> list[str]:
    """Let a client remember texts as they are; return the ids, in that order."""
    messages = [{"role": "user", "content": text} for text in texts]
    if case.version == "1.0.11":
        # Only this version puts every call off, unless it is told not to.
        given["async_mode"] = False
    answer = client.add(messages, **{"user_id": "alice", "infer": False, **given})
    assert [result["event"] for result in answer["results"]] == ["ADD"] * len(texts)
    return [result["id"] for result in answer["results"]]


def understand(case: Case, client: Any, home: Home, text: str, **given: Any) -> None:
    """Let a client add what memories are drawn from, and wait until they are there."""
    answer = client.add([{"role": "user", "content": text}], **{"user_id": "alice", **given})
    if case.is_oldest:
        # It is answered when the memories are there.
        assert answer["results"]
        return
    promise = answer if case.is_newest else answer["results"][0]
    assert home.event(promise["event_id"])["status"] == "SUCCEEDED"


def listed(case: Case, client: Any, filters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all memories that match, as the client has them."""
    if case.is_oldest:
        found: list[dict[str, Any]] = client.get_all(version="v2", filters=filters)
        return found
    return list(client.get_all(filters=filters)["results"])


def remember_in_typescript(client: Any, *texts: str, **given: Any) -> list[str]:
    """Let the client remember texts as they are; return the ids, in that order."""
    messages = [{"role": "user", "content": text} for text in texts]
    answer = client.add(messages, {"userId": "alice", "infer": False, **given})
    assert answer["status"] == "SUCCEEDED"
    return [result["id"] for result in answer["results"]]
