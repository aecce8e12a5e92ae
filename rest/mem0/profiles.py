"""Profiles of users: `/v2/profiles/` and `GET /v2/entities/user/{id}/profile/`."""

from typing import Any, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from core.enums import OperationStatus
from core.errors import InvalidInput
from core.timestamps import iso_text
from resolvers.synthesis.profiles import (
    DEFAULT_SAMPLE,
    Profile,
    ProfileJob,
    generate_profile,
    profile,
    profile_job,
    profile_settings,
    sample_profiles,
    update_profile_settings,
)
from rest.framework.request import Call, Endpoint, Name, NoParameters, RequestParameters
from rest.mem0.memories import checked_id
from storage.exchange.profiles import ProfileSettingsRow

_JOBS = "/v2/profiles/jobs/"


class UserSettings(BaseModel):
    """The JSON schema and the instructions for the profiles of users."""

    model_config = ConfigDict(extra="forbid")

    schema_: dict[str, Any] | None = Field(None, alias="schema")
    custom_instructions: str | None = None


class EntitySettings(BaseModel):
    """Settings by entity type; only users have profiles."""

    model_config = ConfigDict(extra="forbid")

    user: UserSettings = UserSettings()


class SettingsBody(RequestParameters):
    """The changes to the settings. Omitted fields do not change; null clears a field."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool | None = None
    entities: EntitySettings = EntitySettings()


class StoredUserSettings(TypedDict):
    """The settings of the profiles of users."""

    schema: dict[str, Any] | None
    custom_instructions: str | None


class StoredEntitySettings(TypedDict):
    """Settings by entity type."""

    user: StoredUserSettings


class Capabilities(TypedDict):
    """The entity types that can have profiles."""

    entity_types: list[str]


class Settings(TypedDict):
    """Whether profiles are enabled, and their settings."""

    enabled: bool
    entities: StoredEntitySettings
    capabilities: Capabilities


class ProfileAnswer(TypedDict):
    """A profile and its status; the profile is complete only with the status `succeeded`."""

    profile: dict[str, Any]
    status: str
    entity_type: str
    entity_id: str
    updated_at: str | None
    generation_count: int


class JobBody(RequestParameters):
    """The profiles to generate: that of one user (`trigger`) or of several (`sample`)."""

    operation: Literal["trigger", "sample"] | None = None
    entity_type: Literal["user"] = "user"
    entity_id: Name | None = None
    limit: int | None = None


class JobMade(TypedDict):
    """The acknowledgement of a job, with the URL of its status."""

    job_id: str
    status: str
    status_url: str
    operation: str
    entity_type: str
    entity_count_reserved: int
    event_id: str
    replayed: bool
    sampled: NotRequired[int]
    entity_ids: NotRequired[list[str]]


class JobResult(TypedDict):
    """One of the profiles of a job."""

    entity_type: str
    entity_id: str
    status: str


class Job(TypedDict):
    """The progress of a job; `completed` is the number of succeeded and failed profiles."""

    id: str
    entity_type: str
    status: str
    total: int
    enumeration_complete: bool
    completed: int
    succeeded: int
    failed: int
    skipped: int
    results: list[JobResult]


class JobAnswer(TypedDict):
    """The progress of a job."""

    job: Job


async def get_settings(call: Call[NoParameters, NoParameters]) -> Settings:
    """Return the profile settings of a project."""
    return _settings(await profile_settings(call.ctx, await call.project()))


async def update_settings(call: Call[NoParameters, SettingsBody]) -> Settings:
    """Change the profile settings of a project."""
    body, user = call.body, call.body.entities.user
    changes: dict[str, Any] = {}
    if body.enabled is not None:
        changes["enabled"] = body.enabled
    if "schema_" in user.model_fields_set:
        changes["json_schema"] = user.schema_
    if "custom_instructions" in user.model_fields_set:
        changes["instructions"] = user.custom_instructions
    project = await call.project()
    return _settings(await update_profile_settings(call.ctx, project.id, changes))


async def get_profile(call: Call[NoParameters, NoParameters]) -> ProfileAnswer:
    """Return the profile of a user."""
    result = await profile(call.ctx, await call.project(), call.path["entity_id"])
    status = _status(result)
    return {
        "profile": {} if status == "not_enabled" else result.data or {},
        "status": status,
        "entity_type": "user",
        "entity_id": result.entity.name,
        "updated_at": iso_text(result.updated_at),
        "generation_count": result.generations,
    }


async def make_profiles(call: Call[NoParameters, JobBody]) -> JobMade:
    """Generate the profile of a user, or those of the users with the most memories."""
    body, key = call.body, call.headers.get("idempotency-key")
    operation = body.operation or ("trigger" if body.entity_id is not None else None)
    if operation is None:
        raise InvalidInput("operation is missing: trigger or sample.", "operation")
    project = await call.project()
    if operation == "trigger":
        if body.entity_id is None:
            raise InvalidInput("entity_id is missing: name the user.", "entity_id")
        job = await generate_profile(call.ctx, project, body.entity_id, key)
    else:
        limit = DEFAULT_SAMPLE if body.limit is None else body.limit
        job = await sample_profiles(call.ctx, project, limit, key)
    created: JobMade = {
        "job_id": job.id,
        "status": job.status.value,
        "status_url": f"{_JOBS}{job.id}/",
        "operation": operation,
        "entity_type": "user",
        "entity_count_reserved": len(job.operations),
        "event_id": job.operations[0].id,
        "replayed": job.is_repeated,
    }
    if operation == "sample":
        names = [user.name for user in job.entities if user is not None]
        created |= {"sampled": len(names), "entity_ids": names}
    return created


async def get_job(call: Call[NoParameters, NoParameters]) -> JobAnswer:
    """Return the progress of a job."""
    job = await profile_job(call.ctx, checked_id(call.path["job_id"], "job_id"))
    return {"job": _job(job)}


def _job(job: ProfileJob) -> Job:
    statuses = [operation.status for operation in job.operations]
    succeeded = statuses.count(OperationStatus.SUCCEEDED)
    failed = statuses.count(OperationStatus.FAILED)
    return {
        "id": job.id,
        "entity_type": "user",
        "status": job.status.value,
        "total": len(statuses),
        "enumeration_complete": True,
        "completed": succeeded + failed,
        "succeeded": succeeded,
        "failed": failed,
        "skipped": 0,
        "results": [
            {"entity_type": "user", "entity_id": user.name, "status": status.value}
            for user, status in zip(job.entities, statuses, strict=True)
            if user is not None
        ],
    }


def _status(result: Profile) -> str:
    if not result.settings.enabled or result.settings.json_schema is None:
        return "not_enabled"
    if result.operation is None:
        return "insufficient_data" if result.data is None else "succeeded"
    status = result.operation.status
    done = (OperationStatus.SUCCEEDED, OperationStatus.FAILED)
    return status.value.lower() if status in done else "pending"


def _settings(row: ProfileSettingsRow) -> Settings:
    stored: StoredUserSettings = {
        "schema": row.json_schema,
        "custom_instructions": row.instructions,
    }
    return {
        "enabled": row.enabled,
        "entities": {"user": stored},
        "capabilities": {"entity_types": ["user"]},
    }


_SETTINGS = "/v2/profiles/settings/"
_TAG = "profiles"
ENDPOINTS = [
    Endpoint("GET", "/v2/entities/user/{entity_id}/profile/", get_profile, ProfileAnswer, _TAG),
    Endpoint("POST", _JOBS, make_profiles, JobMade, _TAG, body=JobBody, status=202),
    Endpoint("GET", f"{_JOBS}{{job_id}}/", get_job, JobAnswer, _TAG),
    Endpoint("GET", _SETTINGS, get_settings, Settings, _TAG),
    Endpoint("POST", _SETTINGS, update_settings, Settings, _TAG, body=SettingsBody),
]
