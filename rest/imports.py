"""`POST /projects/{id}/import`: the upload of a file of memories, checked while it is received."""

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from core.errors import AppError, Unauthenticated
from core.limits.points import REQUEST_POINTS
from resolvers.context import Services
from resolvers.exchange.upload import READERS, check_import_size, check_importer, receive
from rest.answers import error_body, request_context

log = structlog.get_logger(__name__)

_LONGEST_LENGTH = 16


class Imports:
    """The endpoint of uploads."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def post(self, request: Request) -> Response:
        """Store the body, and respond with the operation that imports it."""
        project_id = request.path_params["id"]
        media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
        try:
            context = await request_context(self._services, request)
            self._services.rates.charge(context.actor.key_id, REQUEST_POINTS)
            if media_type not in READERS:
                await check_importer(context, project_id)
                return _unsupported()
            announced = request.headers.get("content-length", "")
            if announced.isdecimal() and len(announced) < _LONGEST_LENGTH:
                check_import_size(int(announced), self._services.limits)
            operation = await receive(context, project_id, media_type, request.stream())
        except (AppError, Unauthenticated) as error:
            return error_body(error)
        except ClientDisconnect:
            log.info("import_broken_off", project=project_id)
            return Response(status_code=400)
        body = {
            "operationId": operation.id,
            "status": operation.status.value,
            "records": operation.input["records"],
        }
        return JSONResponse(body, 202)


def _unsupported() -> Response:
    detail = (
        "The body must be an export as application/x-ndjson, or the response of mem0's get_all as "
        "application/json."
    )
    return JSONResponse(
        {"detail": detail, "code": "UNSUPPORTED_MEDIA_TYPE", "path": ["content-type"]}, 415
    )
