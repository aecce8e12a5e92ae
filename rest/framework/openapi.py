"""The OpenAPI document of the facade, made from its endpoints and their types."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from rest.framework.request import Endpoint, RequestParameters

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_ALIKE = "The organization and the project that are meant; the key's default project without them."
# What stands in a path, in words.
_IN_PATH = {
    "memory_id": "The memory's id.",
    "event_id": "The event's id.",
    "entity_type": "user, agent, app or run.",
    "entity_id": "The caller's own name for the entity, percent-encoded.",
    "org_id": "The organization's id.",
    "project_id": "The project's id.",
    "webhook_id": "The webhook's id.",
    "job_id": "The job's id.",
}
_TAGS = {
    "ping": "Whom a key acts for.",
    "memories": "Memories: adding, finding, changing and deleting them.",
    "entities": "The users, agents, apps and runs that memories are about.",
    "events": "What was asked of the platform, and how far it is.",
    "exports": "Memories as one object, shaped by a JSON schema.",
    "insights": "Summaries, feedback and statistics.",
    "profiles": "Of each user an object that a schema of the project describes.",
    "organizations": "Organizations and their members.",
    "projects": "Projects, their settings and their members.",
    "webhooks": "Addresses that are told of what happens.",
}
_PROBLEM = {
    "type": "object",
    "description": "What went wrong: one sentence under three names, a code, and the place.",
    "required": ["detail", "error", "message", "code", "path"],
    "properties": {
        **{name: {"type": "string"} for name in ("detail", "error", "message", "code")},
        "path": {"type": "array", "items": {"type": "string"}},
    },
}
_STATUSES = {
    "400": "Something that was given is not what was asked for.",
    "401": "There is no valid key.",
    "403": "The key or the role does not suffice.",
    "404": "There is no such thing for the caller.",
    "409": "It contradicts what is there.",
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of endpoints."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        operation = _operation(endpoint, schemas)
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = operation
    tags = dict.fromkeys(endpoint.tag for endpoint in endpoints)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mnemograph, as mem0's clients know it",
            "version": "1.0.0",
            "description": "mem0's REST contract, spoken by Mnemograph. GraphQL is at /graphql.",
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": _TAGS[name]} for name in tags],
        "security": [{"token": []}, {"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "An API key after the word Token, as mem0's clients send it.",
                },
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An API key as the user name or as the password.",
                },
            },
        },
    }


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    named = "_".join(part.strip("{}") for part in endpoint.segments)
    answer = _schema(endpoint.answer, schemas, "serialization")
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()}_{named}",
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint.query, schemas)],
        "responses": {
            str(endpoint.status): {
                "description": "What was asked for.",
                "content": {"application/json": {"schema": answer}},
            },
            **{
                status: {
                    "description": said,
                    "content": {
                        "application/json": {"schema": {"$ref": _REF.format(model="Problem")}}
                    },
                }
                for status, said in _STATUSES.items()
            },
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "description": (endpoint.body.__doc__ or "").strip(),
            "required": True,
            "content": {
                "application/json": {"schema": _schema(endpoint.body, schemas, "validation")}
            },
        }
    return operation


def _schema(type: Any, schemas: dict[str, Any], mode: Any) -> dict[str, Any]:
    """Return the schema of a type; those it refers to are put among the others."""
    made = TypeAdapter(type).json_schema(
        ref_template=_REF, mode=mode, schema_generator=GenerateJsonSchema
    )
    for name, schema in made.pop("$defs", {}).items():
        schemas[name] = schema
    if "title" in made and "properties" in made:
        name = made["title"]
        schemas[name] = made
        return {"$ref": _REF.format(model=name)}
    return made


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _IN_PATH[name],
            "schema": {"type": "string"},
        }
        for name in _PARAMETER.findall(endpoint.path)
    ]


def _query_parameters(
    model: type[RequestParameters], schemas: dict[str, Any]
) -> list[dict[str, Any]]:
    made = TypeAdapter(model).json_schema(ref_template=_REF)
    schemas.update(made.get("$defs", {}))
    said = " ".join((model.__doc__ or "").split())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in made.get("required", ()),
            "description": _ALIKE if name in RequestParameters.model_fields else said,
            "schema": schema,
        }
        for name, schema in made["properties"].items()
    ]
