"""Downloading plain exports: `GET /exports/{id}.jsonl`."""

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from core.errors import AppError, Unauthenticated
from core.limits.points import REQUEST_POINTS
from resolvers.context import Services
from resolvers.exchange.download import download
from rest.answers import error_body, request_context

MEDIA_TYPE = "application/x-ndjson"


class ExportEndpoint:
    """Streams an export to callers who can see its project."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, request: Request) -> Response:
        """Return the lines, or an error response if reading cannot start."""
        id = request.path_params["id"]
        try:
            context = await request_context(self._services, request)
            self._services.rates.charge(context.actor.key_id, REQUEST_POINTS)
            chunks = await download(context, id)
        except (AppError, Unauthenticated) as error:
            return error_body(error)
        headers = {"Content-Disposition": f'attachment; filename="{id}.jsonl"'}
        return StreamingResponse(chunks, media_type=MEDIA_TYPE, headers=headers)
