"""What mem0's genuine Python clients raise, and what they tell their users of the trouble."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.process import Process
from tests.mem0.conftest import MIDDLE, NEWEST, Case, only
from tests.mem0.dialects import remember
from tests.mem0.homes import Home, make_home
from tests.mem0.remote import Raised, refused

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
MAKE_READER = """
mutation ($id: ID!) {
  createApiKey(input: {name: "reader", projectId: $id, permission: READ}) {
    secret userErrors { message }
  }
}
"""


def check(case: Case, error: Raised, name: str, status: int) -> None:
    """Check which class was raised and, where the client says more, that it says it."""
    assert error.kind == case.error(name)
    assert str(status) in (error.code or error.message)
    if error.details is not None:
        # The sentence is the message, and stands under the keys that mem0's manual shows, too.
        told = [error.details[key] for key in ("detail", "error", "message")]
        assert told == [error.message] * 3


def test_a_wrong_key_is_told_of_at_once(connect: Callable[..., Any], home: Home) -> None:
    for key in (home.key[:-1], "m0-not-one-of-ours"):
        error = refused(connect, key)
        assert error.kind == "ValueError"
        assert error.message.startswith("Error: ")
        assert "key" in error.message.lower()


def test_a_foreign_project_is_told_of_at_once(
    case: Case, connect: Callable[..., Any], mem0_server: Process, home: Home
) -> None:
    if case.is_newest:
        assert connect(home.key).project_id() == home.project_id
        return
    other = make_home(mem0_server, "Other")
    error = refused(connect, home.key, org_id=other.organization_id, project_id=other.project_id)
    assert error.kind == "ValueError"


@pytest.mark.parametrize("method", ["get", "history", "delete", "update"])
def test_an_unknown_memory(case: Case, client: Any, method: str) -> None:
    given = {"text": "I like tea"} if method == "update" else {}
    error = refused(getattr(client, method), UNKNOWN, **given)
    check(case, error, "MemoryNotFoundError", 404)
    error = refused(getattr(client, method), "not-a-uuid", **given)
    check(case, error, "ValidationError", 400)


def test_the_memory_of_another_project_is_unknown(
    case: Case, client: Any, mem0_server: Process, connect: Callable[..., Any]
) -> None:
    other = make_home(mem0_server, "Other")
    (id,) = remember(case, connect(other.key), "I hike")
    for method, given in (("get", {}), ("history", {}), ("delete", {}), ("update", {"text": "No"})):
        error = refused(getattr(client, method), id, **given)
        check(case, error, "MemoryNotFoundError", 404)
    assert other.texts() == ["I hike"]


def test_invalid_values_are_refused(case: Case, client: Any, home: Home) -> None:
    said = [{"role": "user", "content": "I hike"}]
    for messages, given in (
        (said, {}),
        ([], {"user_id": "alice"}),
        (said, {"user_id": "alice", "expiration_date": "tomorrow"}),
        (said, {"user_id": "alice", "timestamp": "long ago"}),
    ):
        error = refused(client.add, messages, infer=False, **given)
        check(case, error, "ValidationError", 400)
    assert home.memories() == []


def test_too_large_values_are_refused(case: Case, client: Any, home: Home) -> None:
    said = [{"role": "user", "content": "I hike. " * 200_000}]
    error = refused(client.add, said, user_id="alice")
    check(case, error, "MemoryQuotaExceededError", 413)
    assert home.memories() == []


def test_a_key_that_may_only_read(
    case: Case, client: Any, connect: Callable[..., Any], home: Home
) -> None:
    (id,) = remember(case, client, "I hike")
    reader = connect(home.ask(MAKE_READER, id=home.project_id)["createApiKey"]["secret"])
    assert reader.get(id)["memory"] == "I hike"
    for method, *given in (("delete", id), ("update", id, "I swim"), ("delete_all",)):
        named = {"user_id": "alice"} if method == "delete_all" else {}
        if case.is_newest and method == "update":
            given, named = [id], {"text": "I swim"}
        error = refused(getattr(reader, method), *given, **named)
        check(case, error, "AuthenticationError", 403)
    assert home.texts() == ["I hike"]


@only(MIDDLE, NEWEST)
def test_an_immutable_memory_stays_as_it_is(case: Case, client: Any, home: Home) -> None:
    (id,) = remember(case, client, "I was born in Oslo", immutable=True)
    error = refused(client.update, id, text="I was born in Rome")
    check(case, error, "ValidationError", 409)
    assert home.texts() == ["I was born in Oslo"]
