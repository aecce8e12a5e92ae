"""The routes of this package."""

import asyncio
from functools import cache

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from resolvers.context import Services
from rest.exports import ExportEndpoint
from rest.framework.openapi import document
from rest.framework.router import Facade
from rest.imports import Imports
from rest.mem0.endpoints import ENDPOINTS


def routes(services: Services) -> list[BaseRoute]:
    """Return the routes, for the application to mount."""
    return [
        Route("/exports/{id}.jsonl", ExportEndpoint(services).__call__, methods=["GET"]),
        Route("/projects/{id}/import", Imports(services).post, methods=["POST"]),
        Route("/openapi.json", _openapi),
        Facade(services, ENDPOINTS),
    ]


async def _openapi(_request: Request) -> Response:
    """Respond with the OpenAPI document. The first request generates it, which takes a while."""
    return Response(await asyncio.to_thread(_openapi_json), media_type="application/json")


@cache
def _openapi_json() -> bytes:
    return orjson.dumps(document(ENDPOINTS))
