"""`POST /projects/{id}/import`: a file of memories, taken in as it comes."""

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.errors import AppError, Unauthenticated
from resolvers.context import Services
from resolvers.exchange.upload import READERS, check_importer, receive
from rest.answers import error_body, request_context

log = structlog.get_logger(__name__)


class Imports:
    """The endpoint that files are sent to."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def post(self, request: Request) -> Response:
        """Take in the body, and answer with the operation that stores it."""
        project_id = request.path_params["id"]
        media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        try:
            context = await request_context(self._services, request)
            if media_type not in READERS:
                await check_importer(context, project_id)
                return _unsupported()
            operation = await receive(context, project_id, media_type, request.stream())
        except (AppError, Unauthenticated) as error:
            return error_body(error)
        except ClientDisconnect:
            log.info("import_broken_off", project=project_id)
            return Response(status_code=400)
        records = operation.input["records"]
        told = {"operationId": operation.id, "status": operation.status.value, "records": records}
        return JSONResponse(told, 202)


def _unsupported() -> Response:
    detail = (
        "The body must be application/x-ndjson, a file as exports are, or application/json, what "
        "mem0's get_all answers."
    )
    return JSONResponse(
        {"detail": detail, "code": "UNSUPPORTED_MEDIA_TYPE", "path": ["content-type"]}, 415
    )
