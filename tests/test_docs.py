"""The documentation is tested: its queries run, and nothing that needs a line is without one."""

import json
import re
from pathlib import Path

import pytest

from core.errors import ErrorCode
from core.settings import Settings
from server import cli
from tests.support.clients.websocket import connected
from tests.support.fixtures.factories import INVITE_TO_ORGANIZATION, Tenant

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
GUIDE = (DOCS / "guide.md").read_text()
LIVE = (DOCS / "live.md").read_text()
API = (DOCS / "api.md").read_text()
MAP = (DOCS / "architecture.md").read_text()
CONFIGURATION = (DOCS / "configuration.md").read_text()
LARGEST_README = 8_192
# Where every path that is named must exist.
MAPS = ["README.md", "CONTRIBUTING.md", "docs/architecture.md"]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("examples/*.md")),
    *sorted(DOCS.rglob("*.md")),
]
_PATH = re.compile(r"(?<![\w./:$@-])(?:\.?[\w-]+/)+[\w.-]*|\b(?!__)[\w-]+\.(?:py|toml|md)\b")


def queries_of(page: str) -> list[str]:
    """Return the GraphQL documents of a page, in order."""
    return re.findall(r"```graphql\n(.*?)```", page, re.S)


def paths_of(page: str) -> set[str]:
    """Return what a page names as paths of the repository.

    Left out are links, which are relative to the page, and what begins with a folder that is in no
    checkout, such as a media type.
    """
    text = re.sub(r"\]\([^)]*\)|https?://\S+", " ", page)
    ours = {path.name for path in ROOT.iterdir()}
    found = {path.rstrip(".") for path in _PATH.findall(text)}
    return {path for path in found if path.split("/")[0] in ours or path.endswith(".py")}


async def run_queries(tenant: Tenant, address: str, *pages: str) -> None:
    """Run all queries of pages in order, each on what the ones before have left."""
    (memory,) = await tenant.add("I moved to Lisbon last week.")
    user = '{ entity(type: USER, name: "alice") { id } }'
    history = "query ($id: ID!) { memory(id: $id) { history { nodes { id operationId } } } }"
    found = await tenant.owner.ask(history, id=memory["id"])
    entity = (await tenant.owner.ask(user))["entity"]
    place = {"id": tenant.stranger_organization_id, "email": tenant.owner_email, "role": "READER"}
    invited = await tenant.stranger.do(INVITE_TO_ORGANIZATION, **place)
    ids = {
        "invitationId": invited["invitation"]["id"],
        "memoryId": memory["id"],
        "entityId": entity["id"],
        "historyEventId": found["memory"]["history"]["nodes"][0]["id"],
        "projectId": tenant.project_id,
        "organizationId": tenant.organization_id,
        "operationId": found["memory"]["history"]["nodes"][0]["operationId"],
    }
    for query in [query for page in pages for query in queries_of(page)]:
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


async def test_every_query_of_the_guide_runs(tenant: Tenant, address: str) -> None:
    assert len(queries_of(GUIDE)) >= 18
    await run_queries(tenant, address, GUIDE, LIVE)


async def test_every_query_of_the_readme_runs(tenant: Tenant, address: str) -> None:
    assert len(queries_of(README)) == 5
    await run_queries(tenant, address, README)


async def test_the_first_queries_answer_what_the_guide_says(tenant: Tenant) -> None:
    remember, recall = queries_of(GUIDE)[:2]
    await tenant.owner.do(remember)
    (best, *_) = (await tenant.owner.ask(recall))["searchMemories"]["hits"]
    assert best["memory"]["text"] == "I love hiking in the mountains."
    assert best["memory"]["user"] == {"name": "alice", "totalMemories": 2}


async def test_the_first_requests_of_the_readme_are_answered_as_it_shows(tenant: Tenant) -> None:
    requests = re.findall(r"-d '(\{.*?\n\})'", README, re.S)
    answers = re.findall(r"```json\n(.*?)```", README, re.S)
    assert len(requests) == 2
    for request, answer in zip(requests, answers, strict=True):
        asked = json.loads(request)
        data = await tenant.owner.ask(asked["query"], **asked.get("variables", {}))
        assert {"data": data} == json.loads(answer)


def test_the_readme_is_short() -> None:
    assert len(README.encode()) <= LARGEST_README


def test_the_first_screen_starts_and_tests() -> None:
    top = README.splitlines()[:20]
    assert any(line.startswith("make serve ") for line in top)
    assert any(line.startswith("make test ") for line in top)


@pytest.mark.parametrize("page", MAPS)
def test_every_path_that_is_named_exists(page: str) -> None:
    paths = paths_of((ROOT / page).read_text())
    assert paths
    assert sorted(path for path in paths if not (ROOT / path).exists()) == []


def test_the_map_has_enough_to_change() -> None:
    (table,) = re.findall(r"\| to change \| open \|\n(.*?)\n\n", MAP, re.S)
    assert len(table.splitlines()[1:]) >= 25


def test_the_settings_described_are_those_there_are() -> None:
    described = re.findall(r"^\| `(MNEMOGRAPH_\w+)` \|", CONFIGURATION, re.M)
    assert sorted(described) == sorted(
        f"MNEMOGRAPH_{name.upper()}" for name in Settings.model_fields
    )


def test_the_commands_described_are_those_there_are() -> None:
    commands = [
        item.name or item.callback.__name__.replace("_", "-")
        for item in cli.registered_commands
        if item.callback is not None
    ]
    (table,) = re.findall(r"\| command \| .*? \|\n(.*?)\n(?:\n|$)", CONFIGURATION + "\n", re.S)
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == sorted(commands)


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_of_an_error_is_explained(code: ErrorCode) -> None:
    assert f"| `{code.value}` |" in API


def anchors_of(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page, re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        leads_to = page.parent / target if target else page
        assert leads_to.exists(), target
        assert not anchor or anchor in anchors_of(leads_to.read_text()), f"{target}#{anchor}"
