"""Adding conversations with inference, by the built-in rules.

The rules have their own tests. These check the stored facts: their entities, their attributes, and
the report of the operation.
"""

from datetime import datetime
from typing import Any

import pytest

from core.validation import LONGEST_TEXT
from tests.schema.memories.test_memory_bad_input import STATE, is_invalid, unchanged_since
from tests.support.documents.ingesting import (
    ADD,
    LOG,
    add_inferred,
    finished_operation,
    inferring_input,
    message_input,
    texts_of,
    work_of,
)
from tests.support.fixtures.factories import Tenant

DENTIST = "I go to my dentist, Dr. Silva, twice a year."
TENNIS = "I play tennis every Tuesday."
ADVICE = message_input("I recommend the restaurant Time Out Market for seafood.", "assistant")
NOTHING = "No relevant facts were found in these messages."
NOT_FOLLOWED = "Custom instructions were not followed: no chat model is configured."
UPDATE_PROJECT = """
mutation ($input: UpdateProjectInput!) {
  updateProject(input: $input) { project { id } userErrors { message } }
}
"""
CONCEPTS = "{ project { concepts { nodes { name } } } }"


async def test_a_waiting_client_gets_the_memories(tenant: Tenant) -> None:
    payload = await add_inferred(tenant.owner, f"Hi! {DENTIST}", ADVICE, TENNIS)
    operation, memories = payload["operation"], payload["memories"]
    assert [memory["text"] for memory in memories] == [DENTIST, ADVICE["content"], TENNIS]
    assert payload["results"] == [
        {"outcome": "ADDED", "memory": {"id": memory["id"]}} for memory in memories
    ]
    created, started, completed = (
        datetime.fromisoformat(operation.pop(name))
        for name in ("createdAt", "startedAt", "completedAt")
    )
    assert created <= started <= completed
    assert operation == {
        "id": operation["id"],
        "type": "ADD",
        "status": "SUCCEEDED",
        "latencyMs": round((completed - created).total_seconds() * 1000),
        "error": None,
        "attempts": 1,
        "progress": 1.0,
        "input": {
            **inferring_input(f"Hi! {DENTIST}", ADVICE, TENNIS),
            "infer": True,
            "immutable": False,
        },
        "notes": [],
        "model": None,
        "inputTokens": None,
        "outputTokens": None,
        "results": [
            {
                "sequence": number,
                "type": "ADD",
                "memoryId": memory["id"],
                "newText": memory["text"],
                "operationId": operation["id"],
                "actor": tenant.owner_email,
            }
            for number, memory in enumerate(memories, 1)
        ],
    }
    assert [memory["sources"][0]["content"] for memory in memories] == [
        f"Hi! {DENTIST}",
        ADVICE["content"],
        TENNIS,
    ]


async def test_a_client_can_poll_instead_of_waiting(tenant: Tenant) -> None:
    payload = await add_inferred(tenant.owner, TENNIS, wait=False)
    operation = payload["operation"]
    assert (payload["memories"], payload["results"]) == ([], [])
    # A worker may have taken it up already.
    assert operation["status"] in {"PENDING", "RUNNING"}
    assert (operation["progress"], operation["completedAt"]) == (0, None)
    done = await finished_operation(tenant.owner, operation["id"])
    assert (done["status"], done["attempts"], done["progress"]) == ("SUCCEEDED", 1, 1)
    assert [event["newText"] for event in done["results"]] == [TENNIS]
    assert await texts_of(tenant.owner) == [TENNIS]
    assert work_of(tenant) == (1, 0)


async def test_an_add_without_facts_says_so(tenant: Tenant) -> None:
    payload = await add_inferred(tenant.owner, "Hi!", "Thanks, bye!")
    assert (payload["memories"], payload["results"]) == ([], [])
    operation = payload["operation"]
    assert (operation["status"], operation["notes"]) == ("SUCCEEDED", [NOTHING])
    payload = await add_inferred(tenant.owner, "Hello!", customInstructions="Remember greetings.")
    assert payload["operation"]["notes"] == [NOT_FOLLOWED, NOTHING]
    assert (await tenant.owner.ask("{ entities { totalCount } }"))["entities"]["totalCount"] == 0


async def test_system_messages_are_context(tenant: Tenant) -> None:
    context = [
        message_input("My name is Robo. I live in Atlantis.", role)
        for role in ("system", "developer")
    ]
    payload = await add_inferred(tenant.owner, *context, TENNIS, agentId="robo")
    assert [memory["text"] for memory in payload["memories"]] == [TENNIS]
    assert await texts_of(tenant.owner) == [TENNIS]
    assert payload["operation"]["input"]["messages"] == [*context, message_input(TENNIS)]


IDS = ("userId", "agentId", "appId", "runId")
EVERYTHING = {name: name[:-2] for name in IDS}


@pytest.mark.parametrize(
    "named",
    [
        EVERYTHING,
        {"userId": "u", "agentId": "a"},
        {"userId": "u"},
        {"agentId": "a"},
        {"runId": "r"},
    ],
    ids=" ".join,
)
async def test_facts_keep_all_entities_and_are_attributed_to_their_speakers(
    tenant: Tenant, named: dict[str, str]
) -> None:
    payload = await add_inferred(tenant.owner, message_input(TENNIS, name="Al"), ADVICE, **named)
    found = [{name: memory[name] for name in IDS} for memory in payload["memories"]]
    assert found == [dict.fromkeys(IDS) | named] * 2
    said = [(memory["role"], memory["actor"]) for memory in payload["memories"]]
    assert said == [("user", "Al"), ("assistant", None)]


async def test_attributes_of_the_call_apply_to_its_memories(tenant: Tenant) -> None:
    payload = await add_inferred(
        tenant.owner,
        TENNIS,
        ADVICE,
        metadata={"source": {"page": 3}},
        expirationDate="2999-12-31",
        immutable=True,
    )
    for memory in payload["memories"]:
        assert memory["metadata"] == {"source": {"page": 3}}
        assert memory["expirationDate"] == "2999-12-31"
        assert memory["immutable"] is True
    kept = {"metadata": {"source": {"page": 3}}, "expirationDate": "2999-12-31", "immutable": True}
    assert kept.items() <= payload["operation"]["input"].items()


MARCH = "I moved to Lisbon in March 2024."
SAID, GIVEN = "2024-06-10T15:00:00.000000Z", "2020-02-02T02:02:02.000000Z"


@pytest.mark.parametrize(
    ("message", "options", "when", "precision"),
    [
        pytest.param(message_input(MARCH), {}, "2024-03-01T00:00:00.000000Z", "MONTH", id="text"),
        pytest.param(
            message_input(MARCH, timestamp=SAID),
            {},
            "2024-03-01T00:00:00.000000Z",
            "MONTH",
            id="text over message",
        ),
        pytest.param(
            message_input("My daughter Emma was born yesterday.", timestamp=SAID),
            {},
            "2024-06-09T00:00:00.000000Z",
            "DAY",
            id="relative to the message",
        ),
        pytest.param(message_input(TENNIS, timestamp=SAID), {}, SAID, None, id="message"),
        pytest.param(
            message_input(MARCH),
            {"timestamp": GIVEN},
            "2024-03-01T00:00:00.000000Z",
            "MONTH",
            id="text over call",
        ),
        pytest.param(message_input(TENNIS), {"timestamp": GIVEN}, GIVEN, None, id="call"),
        pytest.param(
            message_input(TENNIS, timestamp=SAID),
            {"timestamp": GIVEN},
            SAID,
            None,
            id="message over call",
        ),
        pytest.param(message_input(TENNIS), {}, None, None, id="nobody"),
    ],
)
async def test_the_time_of_the_event(
    tenant: Tenant,
    message: dict[str, Any],
    options: dict[str, Any],
    when: str | None,
    precision: str | None,
) -> None:
    (memory,) = (await add_inferred(tenant.owner, message, **options))["memories"]
    found = (memory["timestamp"], memory["timestampUntil"], memory["timestampPrecision"])
    assert found == (when, None, precision)


async def test_categories_are_of_the_call_or_else_the_project(tenant: Tenant) -> None:
    def catalog(name: str) -> list[dict[str, str]]:
        return [{"name": name, "description": "Tennis, rackets, courts and other sports"}]

    async def categories(user: str, **options: Any) -> list[str]:
        (memory,) = (await add_inferred(tenant.owner, TENNIS, userId=user, **options))["memories"]
        found: list[str] = memory["categories"]
        return found

    assert await categories("default") == ["sports"]
    await tenant.owner.do(UPDATE_PROJECT, input={"customCategories": catalog("of_project")})
    assert await categories("project") == ["of_project"]
    assert await categories("call", customCategories=catalog("of_call")) == ["of_call"]
    # An empty list puts the default catalog in force, in a call as in a project.
    assert await categories("none", customCategories=[]) == ["sports"]


async def test_without_graph_memory_there_are_no_concepts(tenant: Tenant) -> None:
    (memory,) = (await add_inferred(tenant.owner, DENTIST))["memories"]
    assert memory["concepts"] != []
    before = await tenant.owner.ask(CONCEPTS)
    await tenant.owner.do(UPDATE_PROJECT, input={"enableGraph": False})
    text = "I visited Lisbon with my friend Paulo."
    (memory,) = (await add_inferred(tenant.owner, text))["memories"]
    assert (memory["text"], memory["concepts"]) == (text, [])
    assert await tenant.owner.ask(CONCEPTS) == before


async def test_a_repeat_returns_the_existing_memory(tenant: Tenant) -> None:
    (memory,) = (await add_inferred(tenant.owner, TENNIS))["memories"]
    payload = await add_inferred(tenant.owner, f"Hello! {TENNIS}")
    assert payload["results"] == [{"outcome": "ALREADY_KNOWN", "memory": {"id": memory["id"]}}]
    (again,) = payload["memories"]
    assert [source["content"] for source in again.pop("sources")] == [TENNIS, f"Hello! {TENNIS}"]
    del memory["sources"]
    assert again == memory
    assert payload["operation"]["results"] == []
    log = (await tenant.owner.ask(LOG))["project"]["history"]
    assert [event["type"] for event in log["nodes"]] == ["ADD"]


# ---------------------------------------------------------------- refusals

TOO_LONG = "x" * (LONGEST_TEXT + 1)
CATEGORY = {"name": "sports", "description": None}
TEXTS = ("customInstructions", "agentCustomInstructions", "includes", "excludes")
BAD: list[Any] = [
    pytest.param({name: text}, (name,), id=f"{name}: {case}")
    for name in TEXTS
    for case, text in {"too long": TOO_LONG, "NUL": "a\0b"}.items()
]
BAD += [
    pytest.param({"customCategories": categories}, ("customCategories", *path), id=case)
    for case, categories, path in (
        ("a category twice", [CATEGORY, {"name": "x"}, CATEGORY], ("2", "name")),
        ("a blank category", [CATEGORY, {"name": " "}], ("1", "name")),
        ("a category too long", [{"name": "x" * 257}], ("0", "name")),
        ("NUL in a category", [{"name": "x", "description": "\0"}], ("0", "description")),
        ("101 categories", [{"name": str(n)} for n in range(101)], ()),
    )
]
BAD += [
    pytest.param({"idempotencyKey": key}, ("idempotencyKey",), id=f"idempotency key: {case}")
    for case, key in {"blank": " ", "empty": "", "256 characters": "k" * 256, "NUL": "k\0"}.items()
]
BAD += [
    pytest.param({"messages": []}, ("messages",), id="no messages"),
    pytest.param({"messages": [message_input("x", "system")]}, ("messages",), id="only context"),
    pytest.param({"userId": None}, ("userId",), id="about nobody"),
    pytest.param({"metadata": []}, ("metadata",), id="metadata that is no object"),
]


@pytest.mark.parametrize(("wrong", "path"), BAD)
async def test_invalid_input_is_rejected_without_an_operation(
    tenant: Tenant, wrong: dict[str, Any], path: tuple[str, ...]
) -> None:
    before = await tenant.owner.ask(STATE)
    for infer in (True, False):
        input = {**inferring_input(TENNIS), "infer": infer, **wrong}
        (error,) = await tenant.owner.refused(ADD, input=input)
        is_invalid(error, "input", *path)
    assert work_of(tenant) == (0, 0)
    await unchanged_since(tenant, before)


async def test_input_at_the_limits_is_accepted(tenant: Tenant) -> None:
    options: dict[str, Any] = dict.fromkeys(TEXTS[:2], TOO_LONG[:-1])
    options |= {"includes": "", "excludes": " ", "idempotencyKey": "k" * 255}
    options["customCategories"] = [{"name": f"{n:>0256}"} for n in range(100)]
    payload = await add_inferred(tenant.owner, TENNIS, **options)
    assert [memory["text"] for memory in payload["memories"]] == [TENNIS]
    kept = payload["operation"]["input"]
    assert {name: kept[name] for name in TEXTS} == {name: options[name] for name in TEXTS}
    assert "idempotencyKey" not in kept


async def test_callers_without_write_access_start_nothing(tenant: Tenant) -> None:
    for client, code, path in (
        (tenant.reader, "FORBIDDEN", []),
        (tenant.stranger, "NOT_FOUND", ["projectId"]),
    ):
        (error,) = await client.refused(
            ADD, input=inferring_input(TENNIS), projectId=tenant.project_id
        )
        assert (error["code"], error["path"]) == (code, path)
    assert work_of(tenant) == (0, 0)
