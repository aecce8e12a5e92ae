"""Measures the overhead of the mem0 REST API over GraphQL: the same operations in turn."""

import statistics
from typing import Any

import orjson

from benchmarks.stage import Stage, texts
from benchmarks.table import heading, table, timed

_USER = "user-0"
_FIELDS = (
    "id text hash userId agentId appId runId actor role metadata categories immutable timestamp "
    "expirationDate createdAt updatedAt state version"
)
ADD = """
mutation ($text: String!, $user: String!, $project: ID!) {
  addMemories(
    projectId: $project
    input: {infer: false, userId: $user, messages: [{role: "user", content: $text}]}
  ) { operation { id status } results { memory { id text } outcome } userErrors { message } }
}
"""
GET = f"query ($id: ID!) {{ memory(id: $id) {{ {_FIELDS} }} }}"
LIST = f"""
query ($user: String!, $project: ID!) {{
  memories(projectId: $project, filter: {{userId: {{eq: $user}}}}, first: 20) {{
    totalCount pageInfo {{ hasNextPage }} nodes {{ {_FIELDS} }}
  }}
}}
"""
SEARCH = f"""
query ($query: String!, $user: String!, $project: ID!) {{
  searchMemories(projectId: $project, query: $query, filter: {{userId: {{eq: $user}}}}) {{
    hits {{ score scoreBreakdown {{ semantic keyword concept }} memory {{ {_FIELDS} }} }}
  }}
}}
"""
UPDATE = f"""
mutation ($id: ID!, $text: String!) {{
  updateMemory(id: $id, input: {{text: $text}}) {{
    memory {{ {_FIELDS} }} userErrors {{ message }}
  }}
}}
"""


async def run_mem0_overhead(stage: Stage, quick: bool) -> None:
    """Print the cost of operations in both APIs, and the ratio, which should be at most 1.2."""
    heading("mem0 REST API and GraphQL", "medians of alternating calls")
    filled = await stage.fill([(_USER, 500)])
    turns = 20 if quick else 200
    project, ids = filled.project_id, filled.memory_ids
    contents = texts(4 * turns, "overhead")
    scoped = {"filters": {"user_id": _USER}, "project_id": project}
    rows: list[list[object]] = []

    async def compare(name: str, graphql: Any, rest: Any) -> None:
        times: tuple[list[float], list[float]] = ([], [])
        for turn in range(turns):
            # The second call benefits from the caches the first one has warmed, so they alternate.
            for door in (0, 1) if turn % 2 else (1, 0):
                times[door].append(await timed((graphql, rest)[door](turn)))
        ours, theirs = (1000 * statistics.median(found) for found in times)
        rows.append([name, ours, theirs, theirs / ours])

    def add(turn: int) -> Any:
        return stage.ask(ADD, text=contents[2 * turn], user=_USER, project=project)

    def add_rest(turn: int) -> Any:
        body = {"messages": contents[2 * turn + 1], "infer": False, "user_id": _USER}
        return rest(stage, "POST", "/v3/memories/add/", {**body, "project_id": project})

    def update(turn: int) -> Any:
        return stage.ask(UPDATE, id=ids[turn], text=contents[2 * turns + turn])

    def update_rest(turn: int) -> Any:
        body = {"text": contents[3 * turns + turn]}
        return rest(stage, "PUT", f"/v1/memories/{ids[turns + turn]}/", body)

    def search(turn: int) -> Any:
        return stage.ask(SEARCH, query=contents[turn], user=_USER, project=project)

    def search_rest(turn: int) -> Any:
        return rest(stage, "POST", "/v3/memories/search/", {"query": contents[turn], **scoped})

    def listed(_turn: int) -> Any:
        return stage.ask(LIST, user=_USER, project=project)

    def listed_rest(_turn: int) -> Any:
        return rest(stage, "POST", "/v3/memories/", {**scoped, "page_size": 20})

    def got(turn: int) -> Any:
        return stage.ask(GET, id=ids[turn])

    def got_rest(turn: int) -> Any:
        return rest(stage, "GET", f"/v1/memories/{ids[turn]}/")

    await compare("get", got, got_rest)
    await compare("list of 20", listed, listed_rest)
    await compare("search", search, search_rest)
    await compare("update", update, update_rest)
    await compare("add", add, add_rest)
    table(("", "GraphQL ms", "REST ms", "ratio"), rows)


async def rest(stage: Stage, method: str, path: str, body: Any = None) -> bytes:
    """Send a request like mem0's clients; return the body of the response.

    Raises RuntimeError unless the status is 200.
    """
    request = b"" if body is None else orjson.dumps(body)
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [
            (b"content-type", b"application/json"),
            (b"host", b"localhost"),
            (b"authorization", b"Token " + stage.key.encode()),
        ],
    }
    parts: list[bytes] = []
    status: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": request, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        parts.append(message.get("body", b""))
        status.append(message.get("status", 0))

    await stage.app(scope, receive, send)
    answer = b"".join(parts)
    if status[0] != 200:
        raise RuntimeError(answer[:500].decode())
    return answer
