"""Health checks: whether the process runs, and whether what it depends on answers."""

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from resolvers.context import Services

log = structlog.get_logger(__name__)


def health_routes(services: Services) -> list[Route]:
    """Return the routes of the health checks; neither needs a key."""

    async def live(_request: Request) -> JSONResponse:
        return JSONResponse({"status": "live"})

    async def ready(_request: Request) -> JSONResponse:
        checks = {
            "database": services.db.read(lambda tx: tx.state.get("")),
            "index": services.index.check(),
        }
        outcomes = await asyncio.gather(*checks.values(), return_exceptions=True)
        results = {}
        for name, outcome in zip(checks, outcomes, strict=True):
            results[name] = "unavailable" if isinstance(outcome, BaseException) else "ok"
            if isinstance(outcome, BaseException):
                log.warning("not_ready", check=name, error=str(outcome))
        if set(results.values()) == {"ok"}:
            return JSONResponse({"status": "ready", "checks": results})
        return JSONResponse({"status": "unavailable", "checks": results}, 503)

    return [Route("/health/live", live), Route("/health/ready", ready)]
