"""mem0's guide to organizations and projects, followed with its genuine Python clients."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from harness.process import Process
from tests.mem0.conftest import MIDDLE, NEWEST, OLDEST, Case, only
from tests.mem0.homes import Home
from tests.mem0.remote import refused

PROJECT = """
query ($id: ID) {
  project(id: $id) {
    id name description customInstructions agentCustomInstructions enableGraph multilingual decay
    customCategories { name description } createdAt updatedAt organization { id }
    members { nodes { role account { email name } } }
  }
}
"""
ROBOT = """
mutation ($id: ID!) {
  createServiceAccount(organizationId: $id, name: "Robot") {
    account { email } userErrors { message }
  }
}
"""
CATEGORIES = [{"tea": "cups, pots and leaves"}, {"maps": "old maps of far places"}]
OURS = [{"name": name, "description": said} for item in CATEGORIES for name, said in item.items()]
# A setting as a client writes it, and its name and its value in GraphQL.
INSTRUCTIONS = ("custom_instructions", "Keep it short", "customInstructions", "Keep it short")
CATALOG = ("custom_categories", CATEGORIES, "customCategories", OURS)
GRAPH = ("enable_graph", True, "enableGraph", True)
NO_GRAPH = ("enable_graph", False, "enableGraph", False)
MULTILINGUAL = ("multilingual", True, "multilingual", True)
DECAY = ("decay", True, "decay", True)
FOR_AGENTS = ("agent_custom_instructions", "Be kind", "agentCustomInstructions", "Be kind")
SETTINGS = {
    OLDEST: [INSTRUCTIONS, CATALOG, GRAPH, NO_GRAPH],
    MIDDLE: [INSTRUCTIONS, CATALOG, GRAPH, NO_GRAPH, MULTILINGUAL],
    NEWEST: [INSTRUCTIONS, CATALOG, MULTILINGUAL, DECAY, FOR_AGENTS],
}


def project_of(home: Home) -> dict[str, Any]:
    """Return the project as GraphQL shows it."""
    found: dict[str, Any] = home.ask(PROJECT, id=home.project_id)["project"]
    return found


def test_a_project_is_shown(client: Any, home: Home) -> None:
    client.project.update(custom_instructions="Keep it short", custom_categories=CATEGORIES)
    shown, project = client.project.get(), project_of(home)
    (member,) = project["members"]["nodes"]
    expected = {
        "project_id": project["id"],
        "name": project["name"],
        "description": project["description"],
        "custom_instructions": "Keep it short",
        "custom_categories": CATEGORIES,
        "enable_graph": project["enableGraph"],
        "multilingual": project["multilingual"],
        "decay": project["decay"],
        "user_role": "OWNER",
    }
    assert {name: shown[name] for name in expected} == expected
    assert [(each["email"], each["role"]) for each in shown["members"]] == [
        (member["account"]["email"], "OWNER")
    ]
    for name, ours in (("created_at", "createdAt"), ("updated_at", "updatedAt")):
        assert datetime.fromisoformat(shown[name]) == datetime.fromisoformat(project[ours])


def test_some_fields_of_a_project_are_shown(client: Any) -> None:
    client.project.update(custom_categories=CATEGORIES)
    fields = ["custom_instructions", "custom_categories"]
    expected = {"custom_instructions": None, "custom_categories": CATEGORIES}
    assert client.project.get(fields=fields) == expected
    assert client.get_project(fields=fields) == expected
    assert client.project.get(fields=["custom_categories"]) == {"custom_categories": CATEGORIES}


def test_each_setting_is_changed_by_itself(case: Case, client: Any, home: Home) -> None:
    for name, value, ours, expected in SETTINGS[case.version]:
        before = project_of(home)
        assert isinstance(client.project.update(**{name: value})["message"], str)
        after = project_of(home)
        assert after[ours] == expected
        assert client.project.get(fields=[name]) == {name: value}
        rest = {key for key in before if key not in (ours, "updatedAt")}
        assert {key: after[key] for key in rest} == {key: before[key] for key in rest}


def test_settings_are_changed_together(case: Case, client: Any, home: Home) -> None:
    settings = {name: (value, ours, ends) for name, value, ours, ends in SETTINGS[case.version]}
    client.project.update(**{name: value for name, (value, _, _) in settings.items()})
    project = project_of(home)
    assert {ours: project[ours] for _, ours, _ in settings.values()} == {
        ours: expected for _, ours, expected in settings.values()
    }


def test_a_project_is_changed_by_the_client_itself(client: Any, home: Home) -> None:
    client.update_project(custom_instructions="Keep it short", custom_categories=CATEGORIES)
    project = project_of(home)
    assert project["customInstructions"] == "Keep it short"
    assert project["customCategories"] == OURS


@only(OLDEST, MIDDLE)
def test_a_setting_that_would_do_nothing_is_refused(case: Case, client: Any, home: Home) -> None:
    before = project_of(home)
    criteria = [{"name": "joy", "description": "how glad it is", "weight": 3}]
    error = refused(
        client.project.update, custom_instructions="Keep it short", retrieval_criteria=criteria
    )
    assert error.kind == case.error("ValidationError")
    assert project_of(home) == before


def test_a_project_is_made_and_deleted(
    case: Case, connect: Callable[..., Any], mem0_server: Process, home: Home
) -> None:
    client = connect(mem0_server.key)
    made = client.project.create(name=f"Made by {case}", description="For tea")
    assert isinstance(made["message"], str)
    project = mem0_server.ask(PROJECT, id=made["project_id"])["project"]
    assert (project["name"], project["description"]) == (f"Made by {case}", "For tea")
    assert project["organization"]["id"] == client.org_id() == home.organization_id
    assert isinstance(connect(home.key).project.delete()["message"], str)
    gone = mem0_server.post(PROJECT, id=home.project_id).json()
    assert gone["data"]["project"] is None


def test_members_come_change_and_go(case: Case, client: Any, home: Home) -> None:
    email = "reader@example.com"

    def roles() -> dict[str, str]:
        members = project_of(home)["members"]["nodes"]
        found = {member["account"]["email"]: member["role"] for member in members}
        shown = client.project.get_members()["members"]
        names = [member["account"]["name"] or member["account"]["email"] for member in members]
        assert [member["username"] for member in shown] == names
        assert [member["role"] for member in shown] == list(found.values())
        return found

    (owner,) = roles()
    client.project.add_member(email=email)
    # The address is invited.
    assert roles() == {owner: "OWNER"}
    client.project.remove_member(email=email)
    email = home.server.do(ROBOT, id=home.organization_id)["account"]["email"]
    # The account is in the organization already.
    client.project.add_member(email=email)
    assert roles() == {owner: "OWNER", email: "READER"}
    client.project.update_member(email=email, role="OWNER")
    assert roles() == {owner: "OWNER", email: "OWNER"}
    client.project.remove_member(email=email)
    assert roles() == {owner: "OWNER"}
    for name, status, call, *given in (
        ("ValidationError", 409, client.project.remove_member, owner),
        ("ValidationError", 409, client.project.update_member, owner, "READER"),
        ("ValidationError", 409, client.project.add_member, owner, "READER"),
        ("MemoryNotFoundError", 404, client.project.remove_member, email),
    ):
        error = refused(call, *given)
        assert error.kind == case.error(name)
        assert str(status) in (error.code or error.message)
    assert roles() == {owner: "OWNER"}
