"""The names of each entity type in GraphQL inputs, in tables and in mem0's API."""

from collections.abc import Mapping

from core.enums import EntityType

ENTITY_FIELDS = {
    EntityType.USER: "userId",
    EntityType.AGENT: "agentId",
    EntityType.APP: "appId",
    EntityType.RUN: "runId",
}

ENTITY_KEYS = {
    EntityType.USER: "user_key",
    EntityType.AGENT: "agent_key",
    EntityType.APP: "app_key",
    EntityType.RUN: "run_key",
}

# By mem0's names for the entities of a memory.
ENTITY_TYPE_OF_ID: Mapping[str, EntityType] = {
    f"{type.value.lower()}_id": type for type in EntityType
}
