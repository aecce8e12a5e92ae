"""Exports by a schema without a chat model: what fields are filled with, and what they are not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.enums import JobKind, OperationStatus, OperationType
from core.ids import now, uuid7
from resolvers.synthesis import export_job
from resolvers.synthesis.extractive import FilledObject
from storage.exchange.exports import ExportRow
from storage.operations.store import OperationRow
from storage.transaction import Transaction
from tests.support.documents.exporting import (
    get_export,
    shaped_data,
    shaped_export,
    source_memory_ids,
)
from tests.support.documents.ingesting import finished_operation
from tests.support.documents.searching import WAYS, add_apart, send
from tests.support.fixtures.factories import Tenant

TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
TEXTS = {"type": "array", "items": TEXT}
LIFE = (
    "I live in Lisbon.",
    "My favourite colour is green.",
    "I work as a nurse at St. Mary's hospital.",
    "I am allergic to peanuts.",
    "I am allergic to cats.",
    "I have two dogs called Rex and Bo.",
    "I was born on 3 May 1990.",
    "I am vegetarian.",
    "My budget for the trip is $1,200.",
)
DELETE = "mutation ($id: ID!) { deleteMemory(id: $id) { deletedId userErrors { code } } }"
DECAY = """
mutation ($id: ID!) { updateProject(id: $id, input: {decay: true}) { userErrors { code } } }
"""


async def test_each_kind_of_field(tenant: Tenant) -> None:
    memories = dict(zip(LIFE, await add_apart(tenant, *LIFE), strict=True))
    schema = {
        "type": "object",
        "$defs": {"Color": {"enum": ["red", "green", "dark green"]}},
        "properties": {
            "kind": {"const": "person"},
            "home": {"type": "object", "properties": {"city": TEXT, "zipCode": TEXT}},
            "jobTitle": {"anyOf": [TEXT, {"type": "null"}]},
            "favoriteColor": {"$ref": "#/$defs/Color"},
            "allergies": TEXTS,
            "numberOfDogs": WHOLE,
            "tripBudget": NUMBER,
            "birthday": {**TEXT, "format": "date", "description": "when they were born"},
            "isVegetarian": {"type": "boolean"},
            "shoeSize": NUMBER,
            "bloodType": TEXT,
            "friends": TEXTS,
        },
        "required": ["bloodType", "shoeSize", "friends"],
    }
    export = await shaped_export(tenant.owner, schema)
    data = export["data"]
    assert data.pop("allergies") in (
        ["I am allergic to peanuts.", "I am allergic to cats."],
        ["I am allergic to cats.", "I am allergic to peanuts."],
    )
    assert data == {
        "kind": "person",
        "home": {"city": LIFE[0], "zipCode": None},
        "jobTitle": LIFE[2],
        "favoriteColor": "green",
        "numberOfDogs": 2,
        "tripBudget": 1200,
        "birthday": "1990-05-03",
        "isVegetarian": True,
        "shoeSize": None,
        "bloodType": None,
        "friends": None,
    }
    operation = export["operation"]
    assert (operation["status"], operation["progress"], operation["notes"]) == ("SUCCEEDED", 1, [])
    assert (operation["model"], operation["inputTokens"]) == (None, None)
    assert operation["input"] == {"includeHistory": False, "schema": schema}
    assert (export["schema"], export["url"]) == (schema, None)
    assert export["createdAt"] < export["completedAt"]
    assert source_memory_ids(tenant, export["id"]) == sorted(
        memory["id"] for memory in memories.values()
    )


async def test_ambiguous_values_are_null(tenant: Tenant) -> None:
    await add_apart(
        tenant,
        "My favourite colours are red and blue.",
        "I have 2 dogs, or 3 dogs if you count Bo.",
        "Maybe I am vegetarian.",
        "The wedding was in May 2020.",
    )
    assert await shaped_data(
        tenant.owner,
        {
            "favoriteColor": {"enum": ["red", "blue"]},
            "favoriteColors": {"type": "array", "items": {"enum": ["red", "blue", "green"]}},
            "numberOfDogs": WHOLE,
            "isVegetarian": {"type": "boolean"},
            "dateOfTheWedding": {**TEXT, "format": "date"},
            "monthOfTheWedding": TEXT,
        },
    ) == {
        "favoriteColor": None,
        "favoriteColors": ["red", "blue"],
        "numberOfDogs": None,
        "isVegetarian": None,
        "dateOfTheWedding": None,
        "monthOfTheWedding": "The wedding was in May 2020.",
    }


async def test_values_that_do_not_match_are_left_out(tenant: Tenant) -> None:
    await add_apart(tenant, "My dog is called Rex, and he is a very good dog.", "My dog is old.")
    many = [f"My dog knows the trick number {n}." for n in range(15)]
    await add_apart(tenant, *many, userId="bob")
    alice = {"userId": {"eq": "alice"}}
    assert await shaped_data(
        tenant.owner,
        {
            "dog": {**TEXT, "maxLength": 20},
            "dogs": {**TEXTS, "minItems": 3},
            "my dog": {**TEXT, "pattern": "^Our"},
            "nameOfTheDog": {**TEXT, "format": "email"},
            "puppies": {"type": "array", "items": {"type": "object", "properties": {"n": TEXT}}},
            "ageOfTheDog": {**WHOLE, "minimum": 0},
        },
        filter=alice,
    ) == {
        "dog": "My dog is old.",
        "dogs": None,
        "my dog": None,
        "nameOfTheDog": None,
        "puppies": None,
        "ageOfTheDog": None,
    }
    bob = {"userId": {"eq": "bob"}}
    properties = {"dogTricks": TEXTS, "dog_tricks": {**TEXTS, "maxItems": 3}}
    tricks = await shaped_data(tenant.owner, properties, filter=bob)
    assert len(tricks["dogTricks"]) == 10
    assert set(tricks["dogTricks"]) < set(many)
    assert tricks["dog_tricks"] == tricks["dogTricks"][:3]


@pytest.mark.parametrize("way", WAYS)
async def test_only_what_matches_and_holds_true(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    send(monkeypatch, way)
    await tenant.add("I live in Rome.", userId="bob")
    await tenant.add("I live in Porto.", expirationDate="2020-01-01")
    await tenant.add("I live in Lisbon.", metadata={"sure": True})
    await tenant.deployment.run_jobs()
    city = {"city": TEXT}
    cities = {
        "all": await shaped_data(tenant.owner, city, filter={"userId": {"eq": "alice"}}),
        "sure": await shaped_data(
            tenant.owner, city, filter={"metadata": [{"key": "sure", "eq": True}]}
        ),
        "bob": await shaped_data(tenant.owner, city, filter={"userId": {"eq": "bob"}}),
        "nobody": await shaped_data(tenant.owner, city, filter={"userId": {"eq": "carol"}}),
        "nowhere": await shaped_data(tenant.owner, city, filter={"text": {"contains": "Oslo"}}),
    }
    assert {name: data["city"] for name, data in cities.items()} == {
        "all": "I live in Lisbon.",
        "sure": "I live in Lisbon.",
        "bob": "I live in Rome.",
        "nobody": None,
        "nowhere": None,
    }


async def test_the_same_memories_give_the_same_object(tenant: Tenant) -> None:
    await add_apart(tenant, *LIFE)
    asked = dict.fromkeys(("home", "work", "pets", "allergies", "everything about me"), TEXTS)
    first, second = [await shaped_data(tenant.owner, asked) for _ in range(2)]
    assert first == second
    assert any(first.values())


async def test_ignored_instructions_are_noted(tenant: Tenant) -> None:
    schema = {"type": "object", "properties": {"city": TEXT}}
    export = await shaped_export(tenant.owner, schema, instructions="In French.")
    assert export["instructions"] == "In French."
    assert export["operation"]["input"]["instructions"] == "In French."
    assert export["operation"]["notes"] == [
        "Instructions were not followed: no chat model is configured.",
        "No memories match.",
    ]
    assert source_memory_ids(tenant, export["id"]) == []


async def test_searches_of_an_export_leave_no_trace(tenant: Tenant) -> None:
    """They are no searches of anybody: none is recorded, and nothing is touched by them."""
    await tenant.owner.do(DECAY, id=tenant.project_id)
    (memory,) = await tenant.add("I live in Lisbon.")
    assert await shaped_data(tenant.owner, {"city": TEXT}) == {"city": "I live in Lisbon."}
    services = tenant.deployment.services
    await services.usage_recorder.flush()
    assert await services.db.read(lambda tx: tx.touches.find([memory["id"]])) == {}
    found = await tenant.owner.ask("{ project { operations(first: 9) { nodes { type } } } }")
    types = [each["type"] for each in found["project"]["operations"]["nodes"]]
    assert types == ["EXPORT", "ADD"]


async def test_memories_deleted_meanwhile_are_in_no_export(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.runner.pause", lambda attempts: timedelta(0))
    (memory,) = await tenant.add("I live in Lisbon.")
    fill, seen = export_job.fill_schema, []

    async def slowly(*arguments: Any) -> FilledObject:
        filling = await fill(*arguments)
        if not seen:
            await tenant.owner.do(DELETE, id=memory["id"])
        seen.append(filling.data)
        return filling

    monkeypatch.setattr(export_job, "fill_schema", slowly)
    export = await shaped_export(tenant.owner, {"type": "object", "properties": {"city": TEXT}})
    assert seen == [{"city": "I live in Lisbon."}, {"city": None}]
    assert export["data"] == {"city": None}
    assert source_memory_ids(tenant, export["id"]) == []
    operation = export["operation"]
    assert (operation["status"], operation["attempts"], operation["error"]) == (
        "SUCCEEDED",
        2,
        None,
    )


async def stored(tenant: Tenant, **changes: Any) -> str:
    """Put a shaped export beside the contract; return the id of its operation."""
    moment, project_id = now(), tenant.project_id
    schema = {"type": "object", "properties": {"city": TEXT}}
    operation = OperationRow(
        id=uuid7(),
        project_id=project_id,
        account_id=uuid7(),
        actor="nobody@example.com",
        type=OperationType.EXPORT,
        status=OperationStatus.PENDING,
        input={"schema": schema},
        created_at=moment,
    )
    export = ExportRow(
        uuid7(), project_id, operation.id, schema, None, None, False, 0, None, moment, None
    )
    export = replace(export, **changes)

    def work(tx: Transaction) -> None:
        tx.operations.add(operation)
        tx.exports.add(export)
        tx.jobs.put(JobKind.EXPORT, [operation.id], project_id, moment)

    await tenant.deployment.services.db.write(work)
    return operation.id


async def test_an_export_ends_without_result_if_its_owner_lost_access(tenant: Tenant) -> None:
    await tenant.add("I live in Lisbon.")
    operation = await finished_operation(tenant.owner, await stored(tenant))
    assert (operation["status"], operation["attempts"]) == ("FAILED", 1)
    assert operation["error"] == "The account that requested this can no longer see the project."


async def test_an_operation_whose_export_is_gone_fails(tenant: Tenant) -> None:
    operation = await finished_operation(tenant.owner, await stored(tenant, operation_id=uuid7()))
    assert (operation["status"], operation["error"]) == (
        "FAILED",
        "The export no longer exists.",
    )


async def test_a_job_that_comes_twice_changes_nothing(tenant: Tenant) -> None:
    await tenant.add("I live in Lisbon.")
    made = await shaped_export(tenant.owner, {"type": "object", "properties": {"city": TEXT}})
    await export_job.shape_export(tenant.deployment.services, made["operation"]["id"], 2)
    assert await get_export(tenant.owner, made["id"]) == made
