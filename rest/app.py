"""The routes of this package."""

import asyncio
from functools import cache

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from core.errors import Unauthenticated
from resolvers.context import Services
from rest.answers import request_context
from rest.exports import ExportEndpoint
from rest.framework.errors import app_error_response
from rest.framework.openapi import document
from rest.framework.router import Facade
from rest.imports import Imports
from rest.mem0.endpoints import ENDPOINTS


def routes(services: Services, *, is_open: bool) -> list[BaseRoute]:
    """Return the routes, for the application to mount.

    Unless it `is_open`, the OpenAPI document needs an API key.
    """
    return [
        Route("/exports/{id}.jsonl", ExportEndpoint(services).__call__, methods=["GET"]),
        Route("/projects/{id}/import", Imports(services).post, methods=["POST"]),
        Route("/openapi.json", OpenAPI(services, is_open=is_open).get),
        Facade(services, ENDPOINTS),
    ]


class OpenAPI:
    """The route of the OpenAPI document."""

    def __init__(self, services: Services, *, is_open: bool) -> None:
        self._services = services
        self._is_open = is_open

    async def get(self, request: Request) -> Response:
        """Respond with the document. The first request generates it, which takes a while."""
        if not self._is_open:
            try:
                await request_context(self._services, request)
            except Unauthenticated as error:
                return app_error_response(error)
        return Response(await asyncio.to_thread(_openapi_json), media_type="application/json")


@cache
def _openapi_json() -> bytes:
    return orjson.dumps(document(ENDPOINTS))
