"""Profiles: of each user an object that a schema of the project describes.

A profile is a shaped export of one user's memories, so the job that fills exports makes it, and it
goes when a memory that it was made of is erased. It is made when somebody asks for it.
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

USUAL_SAMPLE, LARGEST_SAMPLE = 3, 10
_NAMES = {
    "enabled": "profilesEnabled",
    "json_schema": "profileSchema",
    "instructions": "profileInstructions",
}


@dataclass(slots=True)
class Profile:
    """The profile of a user as far as there is one.

    `data` is the last that was done, `generations` how many have been, and `operation` stands for
    the one that was asked for last.
    """

    entity: EntityRow
    settings: ProfileSettingsRow
    operation: OperationRow | None = None
    data: dict[str, Any] | None = None
    updated_at: datetime | None = None
    generations: int = 0


@dataclass(slots=True)
class ProfileJob:
    """Profiles that are made together: whose, and the operation that stands for each."""

    id: str
    entities: list[EntityRow | None] = field(default_factory=list)
    operations: list[OperationRow] = field(default_factory=list)
    is_repeated: bool = False

    @property
    def status(self) -> OperationStatus:
        """How far all are: FAILED as soon as one has failed and none is left to do."""
        found = {operation.status for operation in self.operations}
        order = (
            OperationStatus.RUNNING,
            OperationStatus.PENDING,
            OperationStatus.FAILED,
        )
        return next((status for status in order if status in found), OperationStatus.SUCCEEDED)


async def profile_settings(ctx: Context, project: ProjectRow) -> ProfileSettingsRow:
    """Return how the profiles of a project that the actor can see are made."""
    return await ctx.read(lambda tx: _settings(tx, project.id, ctx))


async def update_profile_settings(
    ctx: Context, project_id: str, changes: dict[str, Any]
) -> ProfileSettingsRow:
    """Change how profiles are made: `enabled`, `json_schema` and `instructions`.

    Raises `InvalidInput` for a schema that no export can have, or without a description of each of
    its properties.
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
    """Return the profile of a user. Raises `NotFound` for a user that there is not."""
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
    """Have the profile of a user made, anew if there is one."""
    found = await entity(ctx, project.id, EntityType.USER, name)
    user: EntityRow = must_exist(found, "user", name, "entityId")
    return await _generate(ctx, project, [user], {"profileOf": name}, idempotency_key)


async def sample_profiles(
    ctx: Context, project: ProjectRow, limit: int, idempotency_key: str | None
) -> ProfileJob:
    """Have the profiles of those users made that have the most memories."""
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
    """Return profiles that are made together. Raises `NotFound` if the actor cannot see them."""

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
    asked: dict[str, Any],
    idempotency_key: str | None,
) -> ProfileJob:
    again = idempotent_request(ctx, idempotency_key, project.id, asked)
    id = uuid7()

    def work(tx: Transaction) -> ProfileJob:
        writable_project(tx, ctx, project.id)
        before = find_repeated_operation(tx, ctx, OperationType.EXPORT, again)
        made = tx.exports.of_operation(before.id) if before is not None else None
        if made is not None and made.profile_job is not None:
            return replace(_job(tx, ctx, made.profile_job), is_repeated=True)
        if before is not None:
            raise OperationFailed(before.error or ERASED, before.id, "idempotencyKey")
        settings = _settings(tx, project.id, ctx)
        if not settings.enabled or settings.json_schema is None:
            raise InvalidInput(
                "Profiles are not made in this project: enable them, and give them a schema.",
                "enabled",
            )
        key = again
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
            # The first stands for all when the request comes again.
            key = None
        return _job(tx, ctx, id)

    return await ctx.write(work)


def _job(tx: Transaction, ctx: Context, id: str) -> ProfileJob:
    exports = tx.profiles.of_job(id)
    users = tx.find(ENTITIES, [row.profile_of or "" for row in exports], ctx.actor)
    operations = tx.find(OPERATIONS, [row.operation_id for row in exports], ctx.actor)
    there = [row for row in exports if row.operation_id in operations]
    return ProfileJob(
        id,
        [users.get(row.profile_of or "") for row in there],
        [operations[row.operation_id] for row in there],
    )


def _settings(tx: Transaction, project_id: str, ctx: Context) -> ProfileSettingsRow:
    found = tx.profiles.settings(project_id)
    return found or ProfileSettingsRow(project_id, False, None, None, ctx.now())


def _check_descriptions(schema: dict[str, Any]) -> None:
    for name, property in schema.get("properties", {}).items():
        said = property.get("description") if isinstance(property, dict) else None
        if not isinstance(said, str) or not said.strip():
            raise InvalidInput(
                f"Describe the property {name!r}: its description says what is looked for.",
                *("input", "schema", "properties", name, "description"),
            )
