"""The OpenAPI document of the mem0 API, generated from its endpoints and their types."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from rest.framework.request import Endpoint, RequestParameters

_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)\}")
_SCOPE = "The organization and the project of the request; by default the key's default project."
# The descriptions of path parameters.
_IN_PATH = {
    "memory_id": "The memory's id.",
    "event_id": "The event's id.",
    "entity_type": "user, agent, app or run.",
    "entity_id": "The name of the entity, percent-encoded.",
    "org_id": "The organization's id.",
    "project_id": "The project's id.",
    "webhook_id": "The webhook's id.",
    "job_id": "The job's id.",
}
_TAGS = {
    "ping": "The account, organization and project of a key.",
    "memories": "Memories: adding, searching, updating and deleting them.",
    "entities": "The users, agents, apps and runs that memories are about.",
    "events": "The operations of a project and their progress.",
    "exports": "Exports of memories as one object that matches a JSON schema.",
    "insights": "Summaries, feedback and statistics.",
    "profiles": "Profiles of users: objects that match a JSON schema of the project.",
    "organizations": "Organizations and their members.",
    "projects": "Projects, their settings and their members.",
    "webhooks": "URLs that are notified of events.",
}
_PROBLEM = {
    "type": "object",
    "description": "An error: one message under three names, a code, and the path of the input.",
    "required": ["detail", "error", "message", "code", "path"],
    "properties": {
        **{name: {"type": "string"} for name in ("detail", "error", "message", "code")},
        "path": {"type": "array", "items": {"type": "string"}},
    },
}
_STATUSES = {
    "400": "A value is invalid.",
    "401": "The key is missing or not valid.",
    "403": "The key or the role lacks the permission.",
    "404": "The object does not exist for the caller.",
    "409": "The request conflicts with the current state.",
    "429": "The key has sent too many requests, or has too many at once; see `Retry-After`.",
    "503": "A model that the request needs has failed; `Retry-After` says when to retry.",
    "504": "The request took longer than the server's deadline.",
}
_STATUSES_OF_BODIES = {
    "413": "The body is larger than the server accepts.",
    "415": "The body is not `application/json`.",
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
            "title": "Mnemograph's mem0 API",
            "version": "1.0.0",
            "description": "mem0's REST API, served by Mnemograph. GraphQL is at /graphql.",
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
    statuses = _STATUSES if endpoint.body is None else _STATUSES | _STATUSES_OF_BODIES
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method.lower()}_{named}",
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "parameters": [*_path_parameters(endpoint), *_query_parameters(endpoint.query, schemas)],
        "responses": {
            str(endpoint.status): {
                "description": "The result.",
                "content": {"application/json": {"schema": answer}},
            },
            **{
                status: {
                    "description": description,
                    "content": {
                        "application/json": {"schema": {"$ref": _REF.format(model="Problem")}}
                    },
                }
                for status, description in sorted(statuses.items())
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
    """Return the schema of a type, and add the schemas it refers to to `schemas`."""
    generated = TypeAdapter(type).json_schema(
        ref_template=_REF, mode=mode, schema_generator=GenerateJsonSchema
    )
    for name, schema in generated.pop("$defs", {}).items():
        schemas[name] = schema
    if "title" in generated and "properties" in generated:
        name = generated["title"]
        schemas[name] = generated
        return {"$ref": _REF.format(model=name)}
    return generated


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
    generated = TypeAdapter(model).json_schema(ref_template=_REF)
    schemas.update(generated.get("$defs", {}))
    description = " ".join((model.__doc__ or "").split())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in generated.get("required", ()),
            "description": _SCOPE if name in RequestParameters.model_fields else description,
            "schema": schema,
        }
        for name, schema in generated["properties"].items()
    ]
