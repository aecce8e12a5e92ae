"""`GET /v1/ping/`: the first request of every client."""

from typing_extensions import TypedDict

from core.errors import InvalidInput
from rest.framework.request import Call, Endpoint, NoParameters, RequestParameters


class Pong(TypedDict):
    """The account of a key, and the organization and the project of the request."""

    status: str
    org_id: str
    project_id: str
    user_email: str


async def ping(call: Call[NoParameters, RequestParameters]) -> Pong:
    """Return the account of the key, and the organization and the project of the request.

    Old clients use the ids of this response for all later requests, whatever their own options are.
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
