"""Which web pages may use the server: over HTTP as CORS has it, over WebSockets by our own rule."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from harness.settings import settings_for
from harness.subscriptions import PROTOCOL
from server import create_app
from tests.support.servers.deployment import Deployment

HOST = "memory.localhost:8000"
ALLOWED = "https://app.example.com, http://other.example:8080/ ,,"
# Whether the pages of an origin may connect: in development, in production.
ORIGINS: dict[str, tuple[bool, bool]] = {
    "https://app.example.com": (True, True),
    "http://other.example:8080": (True, True),
    "http://localhost": (True, False),
    "http://localhost:3000": (True, False),
    "https://localhost:3000": (True, False),
    "http://127.0.0.1:5173": (True, False),
    "http://[::1]:5173": (True, False),
    "null": (False, False),
    "": (False, False),
    "http://[": (False, False),
    "file://": (False, False),
    "http://evil.example": (False, False),
    "http://app.example.com": (False, False),
    "https://app.example.com:444": (False, False),
    "https://app.example.com.evil.example": (False, False),
    "https://evil.example/https://app.example.com": (False, False),
    "http://localhost.evil.example": (False, False),
    "http://localhost:3000.evil.example": (False, False),
    "http://127.0.0.1.evil.example": (False, False),
    "http://evil.example:8000": (False, False),
    "http://memory.example": (False, False),
    "http://memory.example:8001": (False, False),
}
ENVIRONMENTS = ("development", "production")
WANTED = "authorization,content-type,idempotency-key,last-event-id"


def app_in(deployment: Deployment, environment: str, allowed: str = ALLOWED) -> Starlette:
    """Return the application with other settings."""
    others = {"environment": environment, "allowed_origins": allowed}
    return create_app(deployment.services, settings_for(Path("nowhere"), None, **others))


async def handshake(app: Starlette, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return what a WebSocket that comes and goes is answered."""
    sent: list[Any] = []
    received = iter([{"type": "websocket.connect"}])

    async def receive() -> Any:
        return next(received, {"type": "websocket.disconnect", "code": 1005})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/graphql",
        "query_string": b"",
        "headers": list(headers),
        "subprotocols": [PROTOCOL],
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, receive, send)
    first: dict[str, Any] = sent[0]
    return first


@pytest.mark.parametrize("environment", ENVIRONMENTS)
async def test_the_pages_that_are_named_may_connect_and_in_development_those_of_this_machine(
    deployment: Deployment, environment: str
) -> None:
    app = app_in(deployment, environment)
    for origin, allowed in ORIGINS.items():
        await check_origin(app, origin, allowed[ENVIRONMENTS.index(environment)])


async def check_origin(app: Starlette, origin: str, allowed: bool) -> None:
    """Check whether the pages of an origin may connect."""
    answer = await handshake(app, (b"host", HOST.encode()), (b"origin", origin.encode()))
    if allowed:
        assert (answer["type"], answer.get("subprotocol")) == ("websocket.accept", PROTOCOL), origin
    else:
        assert answer["type"] == "websocket.http.response.start", origin
        assert answer["status"] == 403

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
        preflight = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": WANTED,
        }
        asked = await http.options("/graphql", headers=preflight)
        answered = await http.post(
            "/graphql", headers={"Origin": origin}, json={"query": "{ viewer { account { id } } }"}
        )
    # Whoever asks: a page that may not read the answer cannot send what would need a key either.
    assert answered.status_code == 401
    for response in (asked, answered):
        told = response.headers.get("access-control-allow-origin")
        assert told == (origin if allowed else None), origin
        assert "access-control-allow-credentials" not in response.headers
    assert asked.status_code == (200 if allowed else 400)
    if allowed:
        assert {name.strip() for name in asked.headers["vary"].lower().split(",")} >= {"origin"}
        assert asked.headers["access-control-allow-headers"] == WANTED
        assert set(asked.headers["access-control-allow-methods"].split(", ")) == {"GET", "POST"}
        exposed = answered.headers["access-control-expose-headers"].split(", ")
        assert {"X-Request-ID", "Retry-After"} <= set(exposed)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
async def test_clients_without_origin_and_own_pages_may_connect(
    deployment: Deployment, environment: str
) -> None:
    app = app_in(deployment, environment, "")
    host = (b"host", HOST.encode())
    for origin in (None, f"http://{HOST}", f"https://{HOST}"):
        headers = [] if origin is None else [(b"origin", origin.encode())]
        answer = await handshake(app, host, *headers)
        assert answer["type"] == "websocket.accept", origin
    # Where no host is named nothing is the server's own.
    for origin in ("null", "", "http://"):
        answer = await handshake(app, (b"origin", origin.encode()))
        assert answer["type"] == "websocket.http.response.start", origin


async def test_preflight_requests_are_limited(deployment: Deployment) -> None:
    transport = httpx.ASGITransport(app_in(deployment, "production"))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as http:
        for method, status in (("GET", 200), ("DELETE", 400), ("PUT", 400)):
            preflight = {
                "Origin": "https://app.example.com",
                "Access-Control-Request-Method": method,
            }
            response = await http.options("/graphql", headers=preflight)
            assert response.status_code == status, method
