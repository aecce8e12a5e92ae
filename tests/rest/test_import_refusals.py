"""Files that are refused, uploads that break off, and who may not import: nothing changes."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.access import ApiKeyPermission
from core.enums import OperationStatus, OperationType
from core.ids import now, uuid7
from resolvers.context import Context, authenticate
from resolvers.exchange import upload as imports
from resolvers.exchange.import_job import RECORD_RETENTION, import_records
from resolvers.operations.attempts import MOST_ATTEMPTS
from resolvers.operations.records import operation_row
from storage.transaction import Transaction
from tests.support.documents.exchange import (
    encode_lines,
    entity,
    file_of,
    life,
    line,
    lines_of,
    memory,
)
from tests.support.documents.importing import OPERATION, finished_import, import_file, rows_of, send
from tests.support.documents.refusals import snapshot
from tests.support.fixtures.factories import Tenant

JSON = "application/json"
RETRY = """
mutation ($id: ID!) { retryOperation(id: $id) { operation { status } userErrors { code path } } }
"""


def changed(**values: Any) -> list[dict[str, Any]]:
    """Return the lines of a file whose memory, on the third, has other values."""
    return lines_of(entity(), line({**memory("Likes tea"), **values}))


def without(name: str) -> list[dict[str, Any]]:
    """Return the lines of a file whose memory lacks a field."""
    lines = changed()
    del lines[2]["memory"][name]
    return lines


MOMENT = "must be a date and time such as 2026-03-01T09:30:00Z."
BAD_LINES: list[tuple[str, list[dict[str, Any]], str]] = [
    ("day", changed(createdAt="2026-03-01"), f"Line 3: memory.createdAt {MOMENT}"),
    ("offset", changed(updatedAt="2026-03-01T09:30:00"), f"Line 3: memory.updatedAt {MOMENT}"),
    ("missing", without("text"), "Line 3: memory.text is missing."),
    ("blank", changed(text=" "), "Line 3: memory.text must not be blank."),
    ("text", changed(text=7), "Line 3: memory.text must be a string."),
    ("NUL", changed(actor="a\0b"), "Line 3: memory.actor must not contain NUL characters or lone"),
    ("long", changed(text="x" * 65_537), "Line 3: memory.text must have at most 65,536"),
    ("name", changed(userId="x" * 257), "Line 3: memory.userId must have at most 256"),
    ("nobody", changed(userId=None), "Line 3: memory must have at least one of userId,"),
    ("metadata", changed(metadata=[]), "Line 3: memory.metadata must be a JSON object."),
    ("large", changed(metadata={"a": "x" * 65_536}), "Line 3: memory.metadata must have at most"),
    ("integer", changed(metadata={"a": 2**64}), "Line 3: memory.metadata"),
    ("state", changed(state="GONE"), "Line 3: memory.state must be one of ACTIVE, SUPERSEDED,"),
    ("truth", changed(immutable="no"), "Line 3: memory.immutable must be true or false."),
    ("version", changed(version=0), "Line 3: memory.version must be an integer of at least 1."),
    ("id", changed(id="1"), "Line 3: memory.id must be a UUIDv7 such as"),
    ("expires", changed(expirationDate="soon"), "Line 3: memory.expirationDate must be a date"),
    ("list", changed(categories="home"), "Line 3: memory.categories must be a list."),
    ("item", changed(categories=["a", 1]), "Line 3: memory.categories.1 must be a string."),
    ("type", [*lines_of()[:1], {"type": "x"}], "Line 2: type must be one of export, entity,"),
    ("format", [{"type": "export", "format": 2}], "Line 1: format must be 1, the format that"),
    ("first", lines_of(entity())[1:], "Line 1: only the first line must be of type"),
    ("count", [*lines_of(entity())[:2], lines_of()[-1]], "Line 3: entities must be 1, the number"),
    ("after", [*lines_of(), entity()], "Line 3: no line may follow the line of type end."),
    ("end", lines_of(entity())[:2], "The file is cut off: its last line, after line 2, must be"),
]


@pytest.mark.parametrize(
    ("lines", "message"), [case[1:] for case in BAD_LINES], ids=[case[0] for case in BAD_LINES]
)
async def test_a_bad_line_is_named(
    tenant: Tenant, lines: list[dict[str, Any]], message: str
) -> None:
    before = snapshot(tenant)
    response = await send(tenant.owner, tenant.project_id, encode_lines(lines))
    body = response.json()
    assert response.status_code == 400
    assert body["code"] == "INVALID_INPUT"
    assert body["path"][0] == "body"
    assert body["detail"].startswith(message)
    assert snapshot(tenant) == before


@pytest.mark.parametrize(
    ("body", "media_type", "message"),
    [
        (b"", "application/x-ndjson", "The file is cut off"),
        (encode_lines(lines_of())[:-9], "application/jsonl", "The file is cut off"),
        (b"[1]\n", "application/x-ndjson", "Line 1: it must be a JSON object."),
        (b"{nope}\n", "application/x-ndjson", "Line 1: it is not JSON"),
        (
            b'"' + b"x" * 16_000_001,
            "application/x-ndjson",
            "Line 1: it must have at most 16,000,000",
        ),
        (b'{"results": []}', JSON, "There is no memory in the file"),
        (
            b'[{"memory": "x", "user_id": "a", "metadata": {"n": 18446744073709551616}}]',
            JSON,
            "Record 1: ",
        ),
        (b'[{"id": "1", "memory": "x"}]', JSON, "Record 1: created_at is missing."),
        (b'[{"id": "1"', JSON, "Record 1: it is cut off"),
        (b'["' + b"x" * 2_100_000, JSON, "Record 1: it has more than 2,000,000 bytes."),
        (b"nope", JSON, "The file begins with neither { nor ["),
    ],
    ids=[
        "nothing",
        "cut off",
        "no object",
        "no JSON",
        "long line",
        "no memory",
        "large integer",
        "no date",
        "cut off JSON",
        "long record",
        "no list",
    ],
)
async def test_invalid_files_are_refused(
    tenant: Tenant, body: bytes, media_type: str, message: str
) -> None:
    before = snapshot(tenant)
    response = await send(tenant.owner, tenant.project_id, body, media_type)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert response.json()["detail"].startswith(message)
    assert snapshot(tenant) == before


async def test_a_bad_line_behind_many_good_ones_leaves_nothing_of_them(tenant: Tenant) -> None:
    lines = lines_of(*(line(memory(f"Fact {n}", n)) for n in range(500)))
    lines[450]["memory"]["text"] = ""
    before = snapshot(tenant)
    response = await send(tenant.owner, tenant.project_id, encode_lines(lines))
    assert response.json()["detail"] == "Line 451: memory.text must not be blank."
    assert response.json()["path"] == ["body", "451", "memory", "text"]
    assert snapshot(tenant) == before


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    where=st.sampled_from(sorted(memory("x"))),
    value=st.one_of(
        st.just([1]), st.just({"a": 1}), st.floats(0.1, 0.9), st.text("\0", min_size=1, max_size=2)
    ),
)
async def test_whatever_is_wrong_with_a_field_changes_nothing(
    tenant: Tenant, where: str, value: Any
) -> None:
    if (where == "metadata" and value == {"a": 1}) or (where == "categories" and value == []):
        return
    before = snapshot(tenant)
    response = await send(tenant.owner, tenant.project_id, encode_lines(changed(**{where: value})))
    assert response.status_code == 400, response.text
    assert response.json()["path"][:4] == ["body", "3", "memory", where]
    assert snapshot(tenant) == before


async def test_an_upload_that_breaks_off_leaves_nothing(tenant: Tenant) -> None:
    before = snapshot(tenant)
    whole = file_of(*(line(memory(f"Fact {n}", n)) for n in range(500)))
    context = await _context(tenant)

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), 10_000):
            yield whole[start : start + 10_000]
            if start > 200_000:
                staged = rows_of(tenant.deployment, "import_records", tenant.project_id)
                assert len(staged) >= 200
                raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await imports.receive(context, tenant.project_id, "application/jsonl", body())
    assert snapshot(tenant) == before


async def test_a_body_is_taken_as_it_comes(tenant: Tenant) -> None:
    whole = file_of(*life().values(), history=True)

    async def body() -> AsyncIterator[bytes]:
        for byte in range(0, len(whole), 7):
            yield whole[byte : byte + 7]

    response = await send(tenant.owner, tenant.project_id, body())
    assert (response.status_code, response.json()["records"]) == (202, 9)
    operation = await finished_import(
        tenant.deployment, tenant.owner, response.json()["operationId"]
    )
    assert operation["notes"] == ["Imported 6 memories and 1 deleted one."]


async def test_an_upload_whose_server_has_ended_is_given_up(tenant: Tenant) -> None:
    context = await _context(tenant)
    upload = imports._Upload(context, tenant.project_id, "application/jsonl")
    for n in range(200):
        await upload.take([(n, line(memory(f"Fact {n}", n)))], 1)
    assert len(rows_of(tenant.deployment, "import_records", tenant.project_id)) == 200
    (operation,) = rows_of(tenant.deployment, "operations", tenant.project_id)
    db = tenant.deployment.services.db
    db.write_now(lambda tx: tx.operations.fail_abandoned(now() + timedelta(minutes=2)))
    db.write_now(lambda tx: tx.import_records.delete_abandoned(now() - RECORD_RETENTION))
    assert rows_of(tenant.deployment, "import_records", tenant.project_id) == []
    found = (await tenant.owner.ask(OPERATION, id=operation["id"]))["operation"]
    assert (found["status"], found["notes"]) == ("FAILED", [])
    assert [error["path"] for error in await tenant.owner.refused(RETRY, id=operation["id"])] == [
        ["id"]
    ]


async def test_who_may_import(tenant: Tenant) -> None:
    before = snapshot(tenant)
    body = file_of(*life().values(), history=True)
    weak = tenant.key(tenant.owner_email, ApiKeyPermission.READ)
    before = snapshot(tenant)
    for client, status, code in (
        (tenant.nobody, 401, "UNAUTHENTICATED"),
        (tenant.stranger, 404, "NOT_FOUND"),
        (tenant.reader, 403, "FORBIDDEN"),
        (weak, 403, "FORBIDDEN"),
    ):
        for media_type in ("application/x-ndjson", "text/plain"):
            response = await send(client, tenant.project_id, body, media_type)
            assert (response.status_code, response.json()["code"]) == (status, code)
            assert ("WWW-Authenticate" in response.headers) == (status == 401)
    for id in (uuid7(), "nope"):
        assert (await send(tenant.owner, id, body)).status_code == 404
    response = await send(tenant.owner, tenant.project_id, body, "text/plain")
    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert snapshot(tenant) == before


async def test_a_right_lost_during_the_upload_refuses_the_import(tenant: Tenant) -> None:
    context = await _context(tenant)
    whole = file_of(line(memory("Likes tea")))
    project = tenant.project_id

    def hide(tx: Transaction) -> None:
        tx.projects.hide(project, now())

    async def body() -> AsyncIterator[bytes]:
        yield whole
        tenant.deployment.services.db.write_now(hide)

    with pytest.raises(Exception, match="There is no such project"):
        await imports.receive(context, project, "application/jsonl", body())
    assert rows_of(tenant.deployment, "import_records", project) == []


async def test_a_failed_import_can_be_repeated(tenant: Tenant) -> None:
    db = tenant.deployment.services.db
    response = await send(tenant.owner, tenant.project_id, file_of(line(memory("Likes tea"))))
    id = response.json()["operationId"]
    first = await finished_import(tenant.deployment, tenant.owner, id)
    assert first["status"] == "SUCCEEDED"
    records = [(7, line(memory("Likes milk"))), (8, line(memory("Likes cheese")))]
    kept = [(at, {**record, "history": None, "versions": []}) for at, record in records]

    def fail(tx: Transaction) -> None:
        tx.operations.change(id, status=OperationStatus.FAILED, attempts=3)
        tx.import_records.add(id, tenant.project_id, kept)

    db.write_now(fail)
    assert (await tenant.owner.do(RETRY, id=id))["operation"] == {"status": "PENDING"}
    again = await finished_import(tenant.deployment, tenant.owner, id)
    assert again["notes"] == ["Imported 3 memories."]
    assert rows_of(tenant.deployment, "import_records", tenant.project_id) == []
    assert [error["path"] for error in await tenant.owner.refused(RETRY, id=id)] == [["id"]]


async def test_a_record_that_cannot_be_stored_is_named(tenant: Tenant) -> None:
    """Nothing that passes the checks is such a record, so this one has passed none."""
    services = tenant.deployment.services
    operation = operation_row(await _context(tenant), tenant.project_id, OperationType.IMPORT, {})
    good, bad, last = (line(memory(text)) for text in ("Likes tea", "Likes milk", "Likes rye"))
    for record in (good, bad, last):
        record |= {"history": None, "versions": []}
    del bad["memory"]["state"]

    def stage(tx: Transaction) -> None:
        tx.operations.add(operation)
        tx.import_records.add(operation.id, tenant.project_id, [(4, good), (5, bad), (9, last)])

    async def beat() -> None:
        pass

    services.db.write_now(stage)
    with pytest.raises(KeyError):
        await import_records(services, operation.id, 1, beat)
    waiting = (await tenant.owner.ask(OPERATION, id=operation.id))["operation"]
    await import_records(services, operation.id, MOST_ATTEMPTS, beat)
    failed = (await tenant.owner.ask(OPERATION, id=operation.id))["operation"]
    assert (waiting["status"], failed["status"]) == ("PENDING", "FAILED")
    assert failed["error"] == "Record 5 of the file could not be stored: KeyError"
    staged = rows_of(tenant.deployment, "import_records", tenant.project_id)
    assert [row["position"] for row in staged] == [5, 9]
    memories = rows_of(tenant.deployment, "memories", tenant.project_id)
    assert [row["text"] for row in memories] == ["Likes tea"]


async def test_mem0s_answer_of_many_memories(tenant: Tenant) -> None:
    many = [
        {"id": str(n), "memory": f"Fact {n}", "user_id": "al", "created_at": "2024-07-26T08:44:41Z"}
        for n in range(300)
    ]
    body = json.dumps({"results": many}).encode()
    assert (await import_file(tenant, body, JSON))["notes"] == ["Imported 300 memories."]


async def _context(tenant: Tenant) -> Context:
    services = tenant.deployment.services
    return Context(await authenticate(services, [tenant.owner.key or ""]), services)
