"""Permission checks that precede every change."""

from core.access import Permission
from resolvers.context import Context
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction


def writable_project(tx: Transaction, ctx: Context, project_id: str) -> ProjectRow:
    """Return a project whose memories the actor may write.

    Raises `NotFound` if the actor cannot see the project, and `PermissionDenied` if the actor can
    see it but not write its memories.
    """
    project = tx.projects.get(project_id, ctx.actor, "projectId")
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)
    return project
