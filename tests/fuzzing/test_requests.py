"""Every route with wrong methods, content types, encodings and bodies.

The server answers each of these requests with a status below 500.
"""

import gzip
import itertools
import json

import httpx
import pytest

from rest.mem0.endpoints import ENDPOINTS
from tests.permissions.world import World

QUERY = {"query": "{ __typename }"}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
JSON = "application/json"
# None is a request without the header.
CONTENT_TYPES = (
    *(None, "", JSON, f"{JSON}; charset=utf-16", "text/plain", "application/x-ndjson", "*/*"),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\xff"),
)
BODIES: dict[str, bytes] = {
    "none": b"",
    "spaces": b" \n",
    "object": b"{}",
    "null": b"null",
    "array": b"[]",
    "text": b'"text"',
    "number": b"7",
    "cut": b'{"query": ',
    "NaN": b'{"query": NaN}',
    "invalid UTF-8": b'{"query": "\xff\xfe"}',
    "overlong UTF-8": b'{"query": "\xc0\x80"}',
    "NUL byte": b'{"query": "\0"}',
    "NUL": b'{"query": "\\u0000", "messages": "\\u0000", "user_id": "\\u0000"}',
    "lone surrogate": b'{"query": "\\ud800", "messages": "\\ud800", "user_id": "a"}',
    "lone surrogate as a name": b'{"\\ud800": 1}',
    "BOM": b"\xef\xbb\xbf" + json.dumps(QUERY).encode(),
    "UTF-16": json.dumps(QUERY).encode("utf-16"),
    "UTF-32": json.dumps(QUERY).encode("utf-32"),
    "gzip": gzip.compress(json.dumps(QUERY).encode()),
    "form": b"query=%7B__typename%7D&messages=a",
    "deep array": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep value": b'{"filters":' + b"[" * 500 + b"]" * 500 + b"}",
    "long integer": b'{"query": 1' + b"0" * 5_000 + b"}",
    "large integer": b'{"query": "a", "top_k": 99999999999999999999999, "page": 1e999}',
    "same name twice": b'{"query": "a", "query": null}',
    "empty name": b'{"": ""}',
    "empty values": b'{"query": "", "messages": "", "user_id": "", "filters": "", "variables": ""}',
}
HEADERS: tuple[dict[str, str | bytes], ...] = (
    {"Content-Encoding": "gzip"},
    {"Content-Encoding": "br, deflate"},
    {"Accept": "\xff"},
    {"Accept": "text/event-stream"},
    {"Accept": "application/graphql-response+json;q=x, ,;,"},
    {"Content-Length": "-1"},
    {"Content-Length": "9" * 400},
    {"Idempotency-Key": ""},
    {"Idempotency-Key": b"\xff\x01"},
    {"Idempotency-Key": "a" * 5_000},
    {"Last-Event-ID": "\xff"},
    {"X-Request-ID": "\xff"},
    {"Origin": "null"},
    {"Origin": "http://[", "Access-Control-Request-Method": "\xff"},
    {"Cookie": "=;=\xff"},
    {"Range": "bytes=-1"},
    {"Mnemograph-Show-Cost": "\xff"},
)
AUTHORIZATIONS = ("", "\xff", "Token", "Basic", "Basic \xff", "Basic =", "Basic Og==", "Bearer \0")
# One endpoint for each type of body and of query.
KINDS = {(one.method, one.body, one.query): one for one in ENDPOINTS}.values()
ROUTES = (
    "/graphql", "/health/live", "/health/ready", "/openapi.json", "/exports/{export}.jsonl",
    "/exports/%00.jsonl", "/projects/{project}/import", "/projects/%FF%00/import", "/", "/v1/",
    "/%2F%2e%2e/", "/v1/%ED%A0%80/", "/graphql/assets/%00", "/graphql/assets/..%2f..%2fserver.py",
)  # fmt: skip
PATHS = sorted({*ROUTES, *(one.path for one in KINDS)})


def path_in(world: World, path: str) -> str:
    """Return a path with the ids of a world."""
    names = dict(world.names)
    names |= {"memory_id": names["memory"], "event_id": names["operation"], "entity_id": "alice"}
    names |= {"org_id": names["organization"], "project_id": names["project"], "job_id": "1"}
    return path.format(entity_type="user", webhook_id=names["webhook"], **names)


async def send(
    world: World, method: str, path: str, body: bytes = b"", **headers: str | bytes
) -> httpx.Response:
    """Send a request as the owner; its answer must not be a server error."""
    known: dict[str, str | bytes] = {"Authorization": f"Bearer {world.tenant.owner.key}"}
    encoded = [
        (name, value if isinstance(value, bytes) else value.encode("latin-1"))
        for name, value in (known | headers).items()
    ]
    answer = await world.tenant.owner.http.request(method, path, content=body, headers=encoded)
    assert answer.status_code < 500, (method, path, headers, body[:100], answer.text[:300])
    return answer


@pytest.mark.parametrize("path", PATHS)
async def test_no_body_is_a_server_error(delible: World, path: str) -> None:
    path = path_in(delible, path)
    for method, body in itertools.product(("POST", "DELETE", "PUT"), BODIES.values()):
        await send(delible, method, path, body, **{"Content-Type": JSON})
    for content_type, body in itertools.product(CONTENT_TYPES, ("none", "object", "form", "gzip")):
        headers = {} if content_type is None else {"Content-Type": content_type}
        await send(delible, "POST", path, BODIES[body], **headers)


@pytest.mark.parametrize("path", PATHS)
async def test_no_header_and_no_method_is_a_server_error(delible: World, path: str) -> None:
    path = path_in(delible, path)
    body = json.dumps(QUERY).encode()
    for method in METHODS:
        await send(delible, method, path)
        await send(delible, method, path, body, **{"Content-Type": JSON})
    for headers in (*HEADERS, *({"Authorization": value} for value in AUTHORIZATIONS)):
        for method in ("GET", "POST", "OPTIONS"):
            await send(delible, method, path, body, **{"Content-Type": JSON, **headers})
    for query in (
        "?query=",
        "?query=%00",
        "?query=%FF",
        "?query=%7B__typename%7D&variables=[",
        "?=&&",
    ):
        for method in ("GET", "POST"):
            await send(delible, method, path + query)
