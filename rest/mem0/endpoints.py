"""All endpoints of the mem0 API."""

from rest.framework.request import Endpoint
from rest.mem0 import (
    adding,
    bulk,
    entities,
    events,
    exports,
    feedback,
    listing,
    memories,
    organizations,
    ping,
    profiles,
    projects,
    searching,
    stats,
    summary,
    webhooks,
)

ENDPOINTS: list[Endpoint] = [
    endpoint
    for module in (
        ping,
        adding,
        listing,
        searching,
        memories,
        bulk,
        entities,
        events,
        exports,
        summary,
        feedback,
        stats,
        profiles,
        organizations,
        projects,
        webhooks,
    )
    for endpoint in module.ENDPOINTS
]
