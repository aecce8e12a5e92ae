"""The limits of imported files, just below and just above."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from server import create_app
from tests.support.documents.exchange import encode_lines, file_of, line, lines_of, memory
from tests.support.documents.importing import import_file, rows_of, send
from tests.support.fixtures.factories import Tenant

NDJSON, JSON = "application/x-ndjson", "application/json"


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def lines(levels: int) -> bytes:
    """Return an export whose JSON is so many levels deep: unknown fields are allowed."""
    return encode_lines(lines_of(line(memory("Deep"), unknown=nested(levels - 1))))


def of_mem0(levels: int) -> bytes:
    """Return an answer of mem0 whose JSON is so many levels deep."""
    one = {
        "id": "1",
        "memory": "Deep",
        "user_id": "alice",
        "created_at": "2024-07-26T08:44:41Z",
        "unknown": nested(levels - 2),
    }
    return json.dumps([one]).encode()


@pytest.mark.parametrize(("make", "media_type"), [(lines, NDJSON), (of_mem0, JSON)])
async def test_files_have_a_depth(tenant: Tenant, make: Any, media_type: str) -> None:
    refused = await send(tenant.owner, tenant.project_id, make(65), media_type)
    assert (refused.status_code, refused.json()["code"]) == (400, "TOO_COMPLEX")
    assert refused.json()["detail"].startswith("The JSON of a file can be nested 64 levels deep")
    assert rows_of(tenant.deployment, "memories", tenant.project_id) == []
    taken = await import_file(tenant, make(64), media_type)
    assert taken["notes"] == ["Imported 1 memory."]


@pytest.mark.parametrize("media_type", [NDJSON, JSON])
@pytest.mark.parametrize("piece", [b"[", b'{"a":'], ids=["lists", "objects"])
async def test_brackets_without_end_are_refused(
    tenant: Tenant, media_type: str, piece: bytes
) -> None:
    begin = b"[" if media_type == JSON else b""
    body = begin + piece * 1_000_000
    refused = await send(tenant.owner, tenant.project_id, body, media_type)
    assert refused.json()["code"] == "TOO_COMPLEX"


@pytest.mark.parametrize("announced", [True, False])
async def test_files_have_a_size(tenant: Tenant, announced: bool) -> None:
    file = file_of(line(memory("Small")))
    services, settings = tenant.deployment.services, tenant.deployment.settings
    headers = {"authorization": f"Bearer {tenant.owner.key}", "content-type": NDJSON}

    async def pieces() -> Any:
        yield file

    for most, status in ((len(file), 202), (len(file) - 1, 413)):
        limits = settings.model_copy(update={"max_import_bytes": most})
        app = create_app(replace(services, limits=limits), settings)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.post(
                f"/projects/{tenant.project_id}/import",
                content=file if announced else pieces(),
                headers=headers,
            )
        assert answer.status_code == status
    assert answer.json()["detail"] == (
        f"A file can have {len(file) - 1:,} bytes; this one has at least {len(file):,}."
    )


async def test_blank_lines_are_skipped(tenant: Tenant) -> None:
    first, *others = encode_lines(lines_of(line(memory("Once")))).splitlines(keepends=True)
    found = await import_file(tenant, first + b"\n" * 1_000_000 + b"".join(others))
    assert found["notes"] == ["Imported 1 memory."]


async def test_of_repeated_keys_the_last_counts(tenant: Tenant) -> None:
    body = of_mem0(2).replace(b'"memory":', b'"memory": "First", "memory":')
    await import_file(tenant, body, JSON)
    (row,) = rows_of(tenant.deployment, "memories", tenant.project_id)
    assert row["text"] == "Deep"
