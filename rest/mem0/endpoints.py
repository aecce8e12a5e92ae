"""All endpoints of the facade."""

from rest.mem0 import (
    adding,
    entities,
    events,
    exports,
    insights,
    listing,
    many,
    memories,
    organizations,
    ping,
    profiles,
    projects,
    searching,
    webhooks,
)
from rest.mem0.calls import Endpoint

ENDPOINTS: list[Endpoint] = [
    endpoint
    for module in (
        ping,
        adding,
        listing,
        searching,
        memories,
        many,
        entities,
        events,
        exports,
        insights,
        profiles,
        organizations,
        projects,
        webhooks,
    )
    for endpoint in module.ENDPOINTS
]
