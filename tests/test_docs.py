"""The documentation is tested: its queries run, and nothing that needs a line is without one."""

import re
from pathlib import Path

import pytest

from core.errors import ErrorCode
from core.settings import Settings
from server import cli
from tests.support.clients.websocket import connected
from tests.support.fixtures.factories import Tenant

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
LIVE = (ROOT / "docs" / "live.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
QUERIES = re.findall(r"```graphql\n(.*?)```", README, re.S)


async def test_every_query_of_the_readme_runs(tenant: Tenant, address: str) -> None:
    """The queries run in the order of the README, on what the ones before have left."""
    (memory,) = await tenant.add("I moved to Lisbon last week.")
    user = '{ entity(type: USER, name: "alice") { id } }'
    history = "query ($id: ID!) { memory(id: $id) { history { nodes { id operationId } } } }"
    found = await tenant.owner.ask(history, id=memory["id"])
    entity = (await tenant.owner.ask(user))["entity"]
    ids = {
        "memoryId": memory["id"],
        "entityId": entity["id"],
        "historyEventId": found["memory"]["history"]["nodes"][0]["id"],
        "projectId": tenant.project_id,
        "organizationId": tenant.organization_id,
        "operationId": found["memory"]["history"]["nodes"][0]["operationId"],
    }
    assert len(QUERIES) >= 18
    for query in [*QUERIES, *re.findall(r"```graphql\n(.*?)```", LIVE, re.S)]:
        wanted = {name: ids[name] for name in re.findall(r"\$(\w+): ID!", query)}
        if query.startswith("subscription"):
            begin = await tenant.owner.ask("{ project { historyCursor } }")
            async with connected(address, tenant.owner.key) as socket:
                after = begin["project"]["historyCursor"]
                followed = await socket.subscribe(query, **wanted, after=after)
                await tenant.add(f"Something to tell by {query}")
                assert await followed.data()
            continue
        data = await tenant.owner.ask(query, **wanted)
        for name, payload in data.items():
            if query.startswith("mutation"):
                assert payload["userErrors"] == [], name
            assert payload is not None, f"{name} answered nothing in: {query}"


async def test_the_first_screen_does_what_it_says(tenant: Tenant) -> None:
    remember, recall = QUERIES[:2]
    await tenant.owner.do(remember)
    (best, *_) = (await tenant.owner.ask(recall))["searchMemories"]["hits"]
    assert best["memory"]["text"] == "I love hiking in the mountains."
    assert best["memory"]["user"] == {"name": "alice", "totalMemories": 2}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_line(name: str) -> None:
    assert f"| `MNEMOGRAPH_{name.upper()}` |" in README


@pytest.mark.parametrize("command", cli.registered_commands, ids=lambda item: str(item.name))
def test_every_command_has_its_line(command: object) -> None:
    name = getattr(command, "name", None) or command.callback.__name__.replace("_", "-")  # type: ignore[attr-defined]
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_of_an_error_is_explained(code: ErrorCode) -> None:
    assert f"| `{code.value}` |" in API


def test_every_link_inside_the_project_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
