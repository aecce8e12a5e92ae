"""`GET /v1/ping/`: what every client asks before anything else."""

from typing_extensions import TypedDict

from core.errors import InvalidInput
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters


class Pong(TypedDict):
    """Whom a key acts for, and the organization and the project that are meant."""

    status: str
    org_id: str
    project_id: str
    user_email: str


async def ping(call: Call[NoParameters, RequestParameters]) -> Pong:
    """Tell whom the key acts for; the organization and the project asked for are echoed.

    Old clients go on with what this answers, whatever they were made with.
    """
    if call.query.org_id and not call.query.project_id:
        raise InvalidInput("Give org_id together with project_id.", "project_id")
    project = await call.project()
    return {
        "status": "ok",
        "org_id": project.organization_id,
        "project_id": project.id,
        "user_email": call.ctx.actor.email,
    }


ENDPOINTS = [Endpoint("GET", "/v1/ping/", ping, Pong, "ping")]
