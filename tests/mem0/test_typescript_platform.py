"""Projects, webhooks, feedback and exports by mem0's genuine TypeScript client."""

from datetime import datetime
from typing import Any

import pytest

from tests.mem0.dialects import remember_in_typescript as remember
from tests.mem0.homes import Home
from tests.mem0.remote import refused

UNKNOWN = "018f0000-0000-7000-8000-000000000000"
URL = "http://127.0.0.1:9/hook"
PROJECT = """
{
  project {
    id name customInstructions agentCustomInstructions multilingual decay
    customCategories { name description } updatedAt
  }
}
"""
WEBHOOKS = "{ project { webhooks { nodes { id name url eventTypes isActive createdAt } } } }"
SCHEMA = {
    "type": "object",
    "properties": {"favorite_color": {"enum": ["red", "green", "blue"]}},
}


def test_a_project_is_shown_and_changed(typescript: Any, home: Home) -> None:
    catalog = [{"old_maps": "maps of far places"}]
    settings: dict[str, Any] = {
        "customInstructions": "Keep it short",
        "agentCustomInstructions": "Be kind",
        "customCategories": catalog,
        "multilingual": True,
        "decay": True,
    }
    assert isinstance(typescript.updateProject(settings)["message"], str)
    project = home.ask(PROJECT)["project"]
    ours = [{"name": "old_maps", "description": "maps of far places"}]
    expected = settings | {"customCategories": ours}
    assert {name: project[name] for name in settings} == expected
    shown = typescript.getProject({})
    assert {name: shown[name] for name in settings} == settings
    assert (shown["projectId"], shown["name"]) == (project["id"], project["name"])
    assert datetime.fromisoformat(shown["updatedAt"]) == datetime.fromisoformat(
        project["updatedAt"]
    )
    fields = ["customInstructions", "customCategories"]
    chosen = {"customInstructions": "Keep it short", "customCategories": catalog}
    assert typescript.getProject({"fields": fields}) == chosen


@pytest.mark.parametrize("name", ["customInstructions", "multilingual", "decay"])
def test_a_setting_is_changed_by_itself(typescript: Any, home: Home, name: str) -> None:
    before = home.ask(PROJECT)["project"]
    value = "Keep it short" if name == "customInstructions" else not before[name]
    typescript.updateProject({name: value})
    after = home.ask(PROJECT)["project"]
    assert after == before | {name: value, "updatedAt": after["updatedAt"]}


def test_webhooks_come_change_and_go(typescript: Any, home: Home) -> None:
    def webhooks() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = home.ask(WEBHOOKS)["project"]["webhooks"]["nodes"]
        return found

    assert typescript.getWebhooks() == []
    given = {"url": URL, "name": "Bot", "eventTypes": ["memory_add", "memory_categorize"]}
    made = typescript.createWebhook(given)
    (webhook,) = webhooks()
    for shown in (made, *typescript.getWebhooks({"projectId": home.project_id})):
        assert (shown["webhookId"], shown["isActive"]) == (webhook["id"], webhook["isActive"])
        assert {name: shown[name] for name in given} == given
        moments = [datetime.fromisoformat(each["createdAt"]) for each in (shown, webhook)]
        assert moments[0] == moments[1]
    assert (webhook["name"], webhook["url"]) == ("Bot", URL)
    assert webhook["eventTypes"] == ["MEMORY_ADD", "MEMORY_CATEGORIZE"]
    id = made["webhookId"]
    typescript.updateWebhook({"webhookId": id, "name": "Robot", "eventTypes": ["memory_delete"]})
    (changed,) = webhooks()
    assert changed == webhook | {"name": "Robot", "eventTypes": ["MEMORY_DELETE"]}
    assert isinstance(typescript.deleteWebhook({"webhookId": id})["message"], str)
    assert webhooks() == []
    error = refused(typescript.deleteWebhook, {"webhookId": id})
    assert (error.kind, error.code) == ("MemoryNotFoundError", "HTTP_404")


def test_an_opinion_is_kept(typescript: Any, home: Home) -> None:
    (id,) = remember(typescript, "I drink green tea")
    for value, reason in (("NEGATIVE", "It is old"), ("POSITIVE", None)):
        given = {"memoryId": id, "feedback": value, "feedbackReason": reason}
        answer = typescript.feedback(given)
        assert (answer["feedback"], answer["feedbackReason"]) == (value, reason)
        memory = home.memory(id)
        assert memory is not None
        assert memory["feedback"] == {"value": value, "reason": reason}
    error = refused(typescript.feedback, {"memoryId": UNKNOWN, "feedback": "POSITIVE"})
    assert error.kind == "MemoryNotFoundError"


def test_memories_are_exported_by_a_schema(typescript: Any, home: Home) -> None:
    """The client writes even the names of the schema its own way when it reads the object."""
    remember(typescript, "My favorite color is green")
    filters = {"user_id": "alice"}
    begun = typescript.createMemoryExport({"schema": SCHEMA, "filters": filters})
    made = typescript.getMemoryExport({"memoryExportId": begun["id"]})
    assert made == {"favoriteColor": "green"}
    assert typescript.getMemoryExport({"filters": filters}) == made
    export = "query ($id: ID!) { export(id: $id) { schema data } }"
    expected = {"schema": SCHEMA, "data": {"favorite_color": "green"}}
    assert home.ask(export, id=begun["id"])["export"] == expected
