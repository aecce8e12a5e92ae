"""The routes of this package."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from resolvers.context import Services
from rest.exports import ExportEndpoint
from rest.imports import Imports
from rest.mem0.endpoints import ENDPOINTS
from rest.mem0.facade import Facade
from rest.mem0.openapi import document


def routes(services: Services) -> list[BaseRoute]:
    """Return the routes, for the application to mount."""
    described = document(ENDPOINTS)

    async def openapi(_request: Request) -> JSONResponse:
        return JSONResponse(described)

    return [
        Route("/exports/{id}.jsonl", ExportEndpoint(services).__call__, methods=["GET"]),
        Route("/projects/{id}/import", Imports(services).post, methods=["POST"]),
        Route("/openapi.json", openapi),
        Facade(services, ENDPOINTS),
    ]
