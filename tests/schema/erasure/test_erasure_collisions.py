"""Erasing an entity removes the data that names it by its type and name, and nothing else."""

import asyncio
import re

import pytest

from core.enums import EntityType
from tests.schema.erasure.test_erasure_receipts import DELETE_ENTITY, completed, digest_of
from tests.support.documents.remembering import entity_id
from tests.support.fixtures.erasure_worlds import (
    NAMES,
    Entity,
    World,
    finished_operation,
    rows_about,
    words_left,
)
from tests.support.fixtures.factories import Tenant

# The names collide in the same way on each database: one world of each kind runs on both.
everywhere = pytest.mark.every_database


async def _filled(tenant: Tenant, seed: int) -> World:
    """Return a world whose requests have all been completed."""
    world = World(tenant, seed)
    for _ in range(9):
        await world.add(infer=False)
    for _ in range(5):
        await world.add(infer=True)
    operation_id, said = await world.send_file(8)
    assert (await finished_operation(tenant.owner, operation_id))["status"] == "SUCCEEDED"
    world.actions += said
    for _ in range(7):
        await world.touch()
    for _ in range(8):
        await world.ask()
    await tenant.deployment.services.search_recorder.flush()
    return world


async def _existing(world: World) -> Entity:
    """Return an entity that has memories."""
    named = sorted(
        {entity for made in world.actions if made.memory_ids for entity in made.names},
        key=lambda entity: (entity[0].value, entity[1]),
    )
    return world.random.choice(named)


@pytest.mark.parametrize(("seed", "step"), [(0, 500), pytest.param(1, 2, marks=everywhere), (2, 3)])
async def test_completed_requests_of_other_entities_are_kept(
    tenant: Tenant, seed: int, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The job goes through more rows than it reads in one step.
    monkeypatch.setattr("resolvers.erasure.receipts._STEP", step)
    world = await _filled(tenant, seed)
    entity = await _existing(world)
    deployment, project_id = tenant.deployment, tenant.project_id
    before = rows_about(deployment, project_id, entity)
    # The test knows which entities these name, independently of the columns.
    named = {
        made.operation_id for made in world.actions if made.operation_id and entity in made.names
    }
    others = {made.operation_id for made in world.actions if made.operation_id} - named

    id = await entity_id(tenant.owner, entity[1], entity[0].value)
    made = (await tenant.owner.do(DELETE_ENTITY, id=id))["receipt"]
    receipt = await completed(tenant.owner, made["id"])

    after = rows_about(deployment, project_id)
    unchanged = before.others()
    for name, rows in unchanged.items():
        kept = {key: row for key, row in after.tables[name].items() if key in rows}
        assert {key: {**row, "previous_id": 0} for key, row in kept.items()} == {
            key: {**row, "previous_id": 0} for key, row in rows.items()
        }, name
    operations = {row["id"]: row for row in after.tables["operations"].values()}
    formerly = {row["id"]: row for row in before.tables["operations"].values()}
    assert {id: operations[id] for id in others} == {id: formerly[id] for id in others}
    assert all(operations[id]["input"] == {} for id in named)
    exports = {row["operation_id"] for row in before.tables["exports"].values()}
    assert {row["operation_id"] for row in after.tables["exports"].values()} == exports - named
    left = words_left(deployment, world.tag)
    assert {made.word: left.get(made.word) for made in world.actions if entity in made.names} == {
        made.word: None for made in world.actions if entity in made.names
    }
    for made in world.actions:
        if made.memory_ids and entity not in made.names:
            assert {"memories", "history"} & left[made.word]

    erased = before.memories | before.former
    touched = {
        row["operation_id"]
        for row in before.tables["history"].values()
        if row["memory_id"] in erased
    }
    imports = {id for id, row in formerly.items() if row["type"].value == "IMPORT"}
    assert receipt["digest"] == digest_of(before.memories)
    assert receipt["counts"] == {
        "memories": len(before.memories),
        "deletedMemories": len(before.former),
        "historyEvents": sum(
            row["memory_id"] in erased for row in before.tables["history"].values()
        ),
        "versions": sum(row["id"] in erased for row in before.tables["memory_versions"].values()),
        "sourceMessages": len(before.messages),
        "exports": len(exports & named),
        "operations": len(named | (touched - imports)),
    }


@pytest.mark.parametrize("seed", [pytest.param(0, marks=everywhere), 1, 2])
async def test_running_requests_of_other_entities_continue(tenant: Tenant, seed: int) -> None:
    world = World(tenant, 100 + seed)
    await world.add(infer=False, entity=(EntityType.AGENT, "assistant"))
    entity = world.random.choice([(type, name) for type in EntityType for name in NAMES])
    await world.add(infer=False, entity=entity)
    pending = [await world.add(infer=True, wait=False) for _ in range(8)]
    operation_id, records = await world.send_file(250)
    pending += [await world.add(infer=True, wait=False) for _ in range(4)]
    await asyncio.sleep(world.random.uniform(0, 0.6))

    gone = [made for made in (*world.actions, *records) if entity in made.names]
    id = await entity_id(tenant.owner, entity[1], entity[0].value)
    made = (await tenant.owner.do(DELETE_ENTITY, id=id))["receipt"]
    # Later requests are about a new entity of that name.
    fresh = [await world.add(infer=infer, entity=entity) for infer in (False, True)]
    assert all(said.memory_ids for said in fresh)
    imported = await finished_operation(tenant.owner, operation_id)
    results = {
        said.word: await finished_operation(tenant.owner, said.operation_id or "")
        for said in pending
    }
    receipt = await completed(tenant.owner, made["id"])

    deployment = tenant.deployment
    left = words_left(deployment, world.tag)
    assert [left[said.word] for said in gone if said.word in left] == []
    kept = [said for said in (*pending, *records) if entity not in said.names]
    for said in pending:
        if entity not in said.names:
            assert results[said.word]["status"] == "SUCCEEDED", results[said.word]
    for said in (*kept, *fresh):
        assert "memories" in left.get(said.word, ()), said
    rows = rows_about(deployment, tenant.project_id)
    assert rows.tables["operations"].keys() >= {(said.operation_id,) for said in pending}
    assert imported["status"] == "SUCCEEDED"
    (note,) = imported["notes"]
    stored, removed = (
        int(match[1].replace(",", "")) if (match := re.search(pattern, note)) else 0
        for pattern in (r"Imported ([\d,]+) ", r"([\d,]+) (?:was|were) removed")
    )
    assert stored + removed == len(records)
    assert receipt["counts"].get("importRecords", 0) == removed
    deleted = {
        row["memory_id"] for row in rows.tables["history"].values() if row["type"].value == "DELETE"
    }
    assert receipt["counts"]["memories"] == len(deleted)
    assert receipt["digest"] == digest_of(deleted)
