"""Profiles: one object per user, described by a schema of the project.

A profile is a shaped export of one user's memories. So the job that fills exports generates it, and
it is deleted when a memory that it was made from is erased. Profiles are generated on request.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.access import Permission
from core.audit import AuditAction
from core.enums import EntityType, JobKind, OperationStatus, OperationType
from core.errors import InvalidInput, OperationFailed, must_exist
from core.filters.tree import Field, FilterBuilder
from core.ids import uuid7
from core.validation import LONGEST_TEXT, check_text
from resolvers.access import writable_project
from resolvers.context import Context
from resolvers.exchange.exports import NewExport, export_row
from resolvers.inputs import changed_fields
from resolvers.memories.entities import entities, entity
from resolvers.operations.records import find_repeated_operation, idempotent_request, operation_row
from resolvers.tenancy.audit_log import audit_row
from storage.exchange.profiles import ProfileSettingsRow
from storage.memories.entities import ENTITIES, EntityRow
from storage.operations.store import ERASED, OPERATIONS, OperationRow
from storage.tenancy.projects import PROJECTS, ProjectRow
from storage.transaction import Transaction

DEFAULT_SAMPLE, LARGEST_SAMPLE = 3, 10
_NAMES = {
    "enabled": "profilesEnabled",
    "json_schema": "profileSchema",
    "instructions": "profileInstructions",
}


@dataclass(slots=True)
class Profile:
    """The profile of a user, if one was generated.

    `data` is the last finished profile, `generations` the number of finished ones, and `operation`
    the operation of the last requested one.
    """

    entity: EntityRow
    settings: ProfileSettingsRow
    operation: OperationRow | None = None
    data: dict[str, Any] | None = None
    updated_at: datetime | None = None
    generations: int = 0


@dataclass(slots=True)
class ProfileJob:
    """Profiles that were requested together: the user and the operation of each."""

    id: str
    entities: list[EntityRow | None] = field(default_factory=list)
    operations: list[OperationRow] = field(default_factory=list)
    is_repeated: bool = False

    @property
    def status(self) -> OperationStatus:
        """The status of all: FAILED if one has failed and none is left to run."""
        found = {operation.status for operation in self.operations}
        order = (
            OperationStatus.RUNNING,
            OperationStatus.PENDING,
            OperationStatus.FAILED,
        )
        return next((status for status in order if status in found), OperationStatus.SUCCEEDED)


async def profile_settings(ctx: Context, project: ProjectRow) -> ProfileSettingsRow:
    """Return the profile settings of a project that the actor can see."""
    return await ctx.read(lambda tx: _settings(tx, project.id, ctx))


async def update_profile_settings(
    ctx: Context, project_id: str, changes: dict[str, Any]
) -> ProfileSettingsRow:
    """Change the profile settings `enabled`, `json_schema` and `instructions`; return them.

    Raises `InvalidInput` for a schema that is not valid for exports, or that has a property without
    a description, `Forbidden` if the actor may not manage the project.
    """
    if changes.get("instructions") is not None:
        check_text(changes["instructions"], "customInstructions", longest=LONGEST_TEXT)
    if changes.get("json_schema") is not None:
        changes["json_schema"] = (await NewExport(changes["json_schema"]).checked()).schema
        _check_descriptions(changes["json_schema"])

    def work(tx: Transaction) -> ProfileSettingsRow:
        tx.projects.lock(project_id)
        project = tx.projects.get(project_id, ctx.actor, "projectId")
        ctx.actor.require(Permission.MANAGE_PROJECT, project.viewer_role)
        settings = _settings(tx, project_id, ctx)
        real = changed_fields(changes, settings)
        if not real:
            return settings
        changed = replace(settings, **real, updated_at=ctx.now())
        tx.profiles.put_settings(changed)
        tx.audit.record(
            audit_row(
                AuditAction.PROJECT_UPDATED,
                ctx.actor.email,
                ctx.now(),
                project.organization_id,
                project_id,
                target=project_id,
                before={_NAMES[name]: getattr(settings, name) for name in real},
                after={_NAMES[name]: value for name, value in real.items()},
            )
        )
        return changed

    return await ctx.write(work)


async def profile(ctx: Context, project: ProjectRow, name: str) -> Profile:
    """Return the profile of a user. Raises `NotFound` if the user does not exist."""
    user: EntityRow = must_exist(
        await entity(ctx, project.id, EntityType.USER, name), "user", name, "entityId"
    )

    def work(tx: Transaction) -> Profile:
        found = Profile(user, _settings(tx, project.id, ctx))
        newest = tx.profiles.newest(user.id)
        if newest is not None:
            rows = tx.find(OPERATIONS, [newest.operation_id], ctx.actor)
            found.operation = rows.get(newest.operation_id)
        done, found.generations = tx.profiles.finished(user.id)
        if done is not None:
            found.data, found.updated_at = done.data, done.completed_at
        return found

    return await ctx.read(work)


async def generate_profile(
    ctx: Context, project: ProjectRow, name: str, idempotency_key: str | None
) -> ProfileJob:
    """Enqueue the generation of a user's profile, even if one exists; return the job.

    Raises `NotFound` if the user does not exist, `InvalidInput` if profiles are disabled or have no
    schema, `OperationFailed` if the first request with this idempotency key left no profile.
    """
    found = await entity(ctx, project.id, EntityType.USER, name)
    user: EntityRow = must_exist(found, "user", name, "entityId")
    return await _generate(ctx, project, [user], {"profileOf": name}, idempotency_key)


async def sample_profiles(
    ctx: Context, project: ProjectRow, limit: int, idempotency_key: str | None
) -> ProfileJob:
    """Enqueue the generation of the profiles of the users with the most memories; return the job.

    Raises as `generate_profile` does, and `InvalidInput` for a limit out of range and when no user
    has memories.
    """
    if not 1 <= limit <= LARGEST_SAMPLE:
        raise InvalidInput(f"limit must be between 1 and {LARGEST_SAMPLE}.", "limit")
    order = ("total_memories", True)
    page: Any = {"first": limit, "after": None, "last": None, "before": None}
    found = await entities(ctx, project.id, EntityType.USER, None, order, page)
    users = [row for row in found.page.rows if row.total_memories]
    if not users:
        raise InvalidInput("There is no user with memories.", "limit")
    return await _generate(ctx, project, users, {"profileSample": limit}, idempotency_key)


async def profile_job(ctx: Context, id: str) -> ProfileJob:
    """Return profiles that were requested together.

    Raises `NotFound` if the actor cannot see them.
    """

    def work(tx: Transaction) -> ProfileJob:
        exports = tx.profiles.of_job(id)
        visible = tx.find(PROJECTS, [row.project_id for row in exports], ctx.actor)
        must_exist(visible or None, "job", id, "jobId")
        return _job(tx, ctx, id)

    return await ctx.read(work)


async def _generate(
    ctx: Context,
    project: ProjectRow,
    users: Sequence[EntityRow],
    request: dict[str, Any],
    idempotency_key: str | None,
) -> ProfileJob:
    idempotent = idempotent_request(ctx, idempotency_key, project.id, request)
    id = uuid7()

    def work(tx: Transaction) -> ProfileJob:
        writable_project(tx, ctx, project.id)
        repeated = find_repeated_operation(tx, ctx, OperationType.EXPORT, idempotent)
        export = tx.exports.of_operation(repeated.id) if repeated is not None else None
        if export is not None and export.profile_job is not None:
            return replace(_job(tx, ctx, export.profile_job), is_repeated=True)
        if repeated is not None:
            raise OperationFailed(repeated.error or ERASED, repeated.id, "idempotencyKey")
        settings = _settings(tx, project.id, ctx)
        if not settings.enabled or settings.json_schema is None:
            raise InvalidInput(
                "Profiles are disabled or have no schema in this project: enable them and set a "
                "schema.",
                "enabled",
            )
        key = idempotent
        for user in users:
            where = FilterBuilder().conditions(Field.USER_ID, {"eq": user.name}, "filter")[0]
            new = NewExport(settings.json_schema, where, settings.instructions)
            names = {EntityType.USER: user.name}
            operation = operation_row(ctx, project.id, OperationType.EXPORT, new.as_json(), names)
            moment = ctx.now()
            row = export_row(new, operation, project, moment)
            tx.exports.add(replace(row, profile_of=user.id, profile_job=id))
            tx.operations.add(operation, key)
            tx.jobs.put(JobKind.EXPORT, [operation.id], project.id, moment)
            # A repeated request finds the first operation, which leads to the whole job.
            key = None
        return _job(tx, ctx, id)

    return await ctx.write(work)


def _job(tx: Transaction, ctx: Context, id: str) -> ProfileJob:
    exports = tx.profiles.of_job(id)
    users = tx.find(ENTITIES, [row.profile_of or "" for row in exports], ctx.actor)
    operations = tx.find(OPERATIONS, [row.operation_id for row in exports], ctx.actor)
    visible = [row for row in exports if row.operation_id in operations]
    return ProfileJob(
        id,
        [users.get(row.profile_of or "") for row in visible],
        [operations[row.operation_id] for row in visible],
    )


def _settings(tx: Transaction, project_id: str, ctx: Context) -> ProfileSettingsRow:
    found = tx.profiles.settings(project_id)
    return found or ProfileSettingsRow(project_id, False, None, None, ctx.now())


def _check_descriptions(schema: dict[str, Any]) -> None:
    for name, property in schema.get("properties", {}).items():
        description = property.get("description") if isinstance(property, dict) else None
        if not isinstance(description, str) or not description.strip():
            raise InvalidInput(
                f"Describe the property {name!r}: its description states which value to look for.",
                *("input", "schema", "properties", name, "description"),
            )
