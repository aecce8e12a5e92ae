"""Webhooks by mem0's genuine Python clients."""

from datetime import datetime
from typing import Any

from harness.process import wait_until
from tests.mem0.conftest import Case
from tests.mem0.dialects import remember
from tests.mem0.homes import Home
from tests.mem0.remote import refused
from tests.support.servers.receiver import Receiver

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
URL = "http://127.0.0.1:9/hook"
WEBHOOKS = """
{
  project {
    name webhooks { nodes { id name url eventTypes isActive createdAt updatedAt owner { email } } }
  }
}
"""


def webhooks_of(home: Home) -> list[dict[str, Any]]:
    """Return the webhooks of a project as GraphQL shows them."""
    found: list[dict[str, Any]] = home.ask(WEBHOOKS)["project"]["webhooks"]["nodes"]
    return found


def agree(shown: dict[str, Any], webhook: dict[str, Any]) -> None:
    """Check that a webhook as a client has it is the one that GraphQL shows."""
    expected = {
        "webhook_id": webhook["id"],
        "name": webhook["name"],
        "url": webhook["url"],
        "event_types": [type.lower() for type in webhook["eventTypes"]],
        "is_active": webhook["isActive"],
        "owner": webhook["owner"]["email"],
    }
    assert {name: shown[name] for name in expected} == expected
    for name, ours in (("created_at", "createdAt"), ("updated_at", "updatedAt")):
        assert datetime.fromisoformat(shown[name]) == datetime.fromisoformat(webhook[ours])


def test_webhooks_come_change_and_go(case: Case, client: Any, home: Home) -> None:
    assert client.get_webhooks(project_id=home.project_id) == []
    given = {"url": URL, "name": "Bot", "event_types": ["memory_add", "memory_update"]}
    made = client.create_webhook(project_id=home.project_id, **given)
    (webhook,) = webhooks_of(home)
    assert (webhook["name"], webhook["url"]) == ("Bot", URL)
    assert webhook["eventTypes"] == ["MEMORY_ADD", "MEMORY_UPDATE"]
    agree(made, webhook)
    (shown,) = client.get_webhooks(project_id=home.project_id)
    agree(shown, webhook)
    assert made["project"] == shown["project"] == home.ask(WEBHOOKS)["project"]["name"]
    id = made["webhook_id"]
    client.update_webhook(webhook_id=id, name="Robot", event_types=["memory_delete"])
    (changed,) = webhooks_of(home)
    assert (changed["name"], changed["url"]) == ("Robot", URL)
    assert changed["eventTypes"] == ["MEMORY_DELETE"]
    client.update_webhook(webhook_id=id, url=f"{URL}?token=1")
    assert webhooks_of(home)[0]["url"] == f"{URL}?token=1"
    assert isinstance(client.delete_webhook(webhook_id=id)["message"], str)
    assert webhooks_of(home) == []
    for error in (
        refused(client.delete_webhook, webhook_id=id),
        refused(client.update_webhook, webhook_id=id, name="Bot"),
        refused(client.get_webhooks, project_id=UNKNOWN),
    ):
        assert error.kind == case.error("MemoryNotFoundError")


def test_a_webhook_is_told_of_what_happens(case: Case, client: Any, home: Home) -> None:
    with Receiver() as receiver:
        given = {"url": receiver.url, "name": "Bot", "event_types": ["memory_add"]}
        client.create_webhook(project_id=home.project_id, **given)
        (id,) = remember(case, client, "I hike")
        wait_until(lambda: receiver.bodies, "a message to the webhook")
        (body,) = receiver.bodies
    assert body["event_details"]["id"] == id
    assert body["event_details"]["data"] == {"memory": "I hike"}


def test_a_webhook_to_nowhere_is_refused(case: Case, client: Any, home: Home) -> None:
    changes: list[dict[str, Any]] = [
        {"url": "no address"},
        {"url": "http://10.0.0.1/hook"},
        {"event_types": ["memory_dream"]},
        {"event_types": []},
    ]
    for change in changes:
        given = {"url": URL, "name": "Bot", "event_types": ["memory_add"], **change}
        error = refused(client.create_webhook, project_id=home.project_id, **given)
        assert error.kind == case.error("ValidationError")
    assert webhooks_of(home) == []
