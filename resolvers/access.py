"""What an actor must be allowed to do before anything is changed."""

from core.access import Permission
from resolvers.context import Context
from storage.tenancy.projects import ProjectRow
from storage.transaction import Transaction


def writable_project(tx: Transaction, ctx: Context, project_id: str) -> ProjectRow:
    """Return a project whose memories the actor may write, or raise what keeps them from it."""
    project = tx.projects.get(project_id, ctx.actor, "projectId")
    ctx.actor.require(Permission.WRITE_MEMORIES, project.viewer_role)
    return project
