"""Measures a large nested query: a project, 50 entities, 20 memories each, 3 events each.

The baseline is the same SQL statements, executed by the driver with the same parameters and
fetched: the cost of the response without any code of the server.
"""

import statistics
from typing import Any

import orjson
from sqlalchemy import event

from benchmarks.stage import Stage
from benchmarks.table import heading, table, timed

ENTITIES, MEMORIES, EVENTS = 50, 20, 3
NESTED = """
query Nested($id: ID!) {
  project(id: $id) {
    id name
    entities(first: 50) { nodes {
      id name type totalMemories createdAt
      memories(first: 20) { nodes {
        id text userId agentId appId runId role metadata categories immutable version hash
        timestamp createdAt updatedAt
        history(first: 3) { nodes { id sequence type oldText newText actor createdAt } }
      } }
    } }
  }
}
"""
REWRITE = """
mutation Rewrite($inputs: [UpdateMemoriesItem!]!) {
  updateMemories(inputs: $inputs) { results { userErrors { message } } }
}
"""


async def run_nesting(stage: Stage, quick: bool) -> None:
    """Print the time and the number of statements of the nested query."""
    heading("Nested query: 50 entities, 20 memories each, 3 events each")
    users = [(f"user-{number}", MEMORIES) for number in range(ENTITIES)]
    filled = await stage.fill(users)
    for change in range(EVENTS - 1):
        items = [
            {"id": id, "input": {"metadata": {"place": "home", "change": change}}}
            for id in filled.memory_ids
        ]
        await stage.ask(REWRITE, inputs=items)
    await stage.settle()

    statements, answer = await _recorded(stage, filled.project_id)
    leaves = _leaves(orjson.loads(answer)["data"])
    turns = 3 if quick else 10
    ours: list[float] = []
    raw: list[float] = []
    db = stage.services.db
    for _ in range(turns):
        ours.append(await timed(stage.ask(NESTED, id=filled.project_id)))
        raw.append(await timed(db.read(lambda _: _replay(stage, statements))))
    whole, sql = 1000 * statistics.median(ours), 1000 * statistics.median(raw)
    table(
        ("", "ms", "times raw SQL", "µs per leaf"),
        [
            ["server", whole, whole / sql, 1000 * whole / leaves],
            ["raw SQL", sql, 1.0, 1000 * sql / leaves],
        ],
    )
    print(f"  {len(statements)} statements, {leaves:,} leaves, {len(answer) / 1e6:.2f} MB.")


async def _recorded(stage: Stage, project_id: str) -> tuple[list[tuple[str, Any]], bytes]:
    """Return the statements of the query with their parameters, and its response."""
    statements: list[tuple[str, Any]] = []

    def record(
        _c: object, _cursor: object, statement: str, parameters: Any, *_rest: object
    ) -> None:
        statements.append((statement, parameters))

    engine = stage.services.db.engine
    await stage.ask(NESTED, id=project_id)
    event.listen(engine, "before_cursor_execute", record)
    try:
        answer = await stage.ask(NESTED, id=project_id)
    finally:
        event.remove(engine, "before_cursor_execute", record)
    return [item for item in statements if not item[0].startswith("BEGIN")], answer


def _replay(stage: Stage, statements: list[tuple[str, Any]]) -> None:
    connection = stage.services.db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        for statement, parameters in statements:
            cursor.execute(statement, parameters)
            cursor.fetchall()
        cursor.close()
    finally:
        connection.close()


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_leaves(child) for child in value.values()) if value else 1
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(_leaves(child) for child in value)
    return 1
