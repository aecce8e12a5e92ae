"""Projects: spaces of memories with their settings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from core.access import Actor, Role
from core.ids import is_id
from core.paging import Order
from storage.errors import RowMoved
from storage.sql.listing import Listing, Source
from storage.sql.visibility import in_visible_organization, project_role, project_visible
from storage.tables.fields import table_of
from storage.tables.graph import Project

_PROJECTS = table_of(Project)


@dataclass(slots=True)
class ProjectRow:
    """One project, and the role of the viewer in it. `sequence` is the head of its log."""

    id: str
    organization_id: str
    name: str
    description: str | None
    custom_instructions: str | None
    agent_custom_instructions: str | None
    custom_categories: list[dict[str, Any]]
    enable_graph: bool
    multilingual: bool
    decay: bool
    version: int
    sequence: int
    total_memories: int
    created_at: datetime
    updated_at: datetime
    viewer_role: Role | None


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """The settings of a project for the extraction of memories."""

    custom_instructions: str | None
    agent_custom_instructions: str | None
    custom_categories: list[dict[str, Any]]
    enable_graph: bool
    multilingual: bool


PROJECT_ORDER = Order("projects", ("created_at", "id"))
PROJECTS = Source("project", _PROJECTS, ProjectRow, project_visible, {"viewer_role": project_role})
PROJECTS_OF_ORGANIZATION = Listing(
    PROJECTS,
    "organization_id",
    in_visible_organization,
    {"visible": project_visible},
)


class ProjectStore:
    """Reads and writes projects."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, id: str, actor: Actor, *path: str | int) -> ProjectRow:
        """Return a project. Raises `NotFound` when the actor cannot see it."""
        return PROJECTS.get(self._connection, id, actor, *path)

    def settings(self, id: str) -> ProjectSettings | None:
        """Return the settings of a project, None if it is being erased; ignores visibility."""
        columns = [_PROJECTS.c[name] for name in ProjectSettings.__dataclass_fields__]
        statement = select(*columns).where(_PROJECTS.c.id == id, _PROJECTS.c.deleted_at.is_(None))
        row = self._connection.execute(statement).first()
        return None if row is None else ProjectSettings(*row)

    def lock(self, id: str) -> None:
        """Keep other transactions from changing the project or its members until commit.

        Lock before reading: rows read before the lock may be outdated. A malformed id is ignored.
        """
        if not is_id(id):
            return
        statement = select(_PROJECTS.c.id).where(_PROJECTS.c.id == id)
        self._connection.execute(statement.with_for_update(key_share=True))

    def create(
        self, id: str, organization_id: str, name: str, description: str | None, moment: datetime
    ) -> None:
        """Store a project with the default settings."""
        self._connection.execute(
            insert(_PROJECTS),
            {
                "id": id,
                "organization_id": organization_id,
                "name": name,
                "description": description,
                "custom_categories": [],
                "enable_graph": True,
                "multilingual": False,
                "decay": False,
                "version": 1,
                "sequence": 0,
                "pruned_sequence": 0,
                "total_memories": 0,
                "created_at": moment,
                "updated_at": moment,
            },
        )

    def change(self, project: ProjectRow, moment: datetime, **values: Any) -> None:
        """Update some columns of a project and increase its version.

        Raises `RowMoved` when the row has changed since it was read.
        """
        statement = (
            update(_PROJECTS)
            .where(_PROJECTS.c.id == project.id, _PROJECTS.c.version == project.version)
            .values(version=project.version + 1, updated_at=moment, **values)
        )
        if self._connection.execute(statement).rowcount == 0:
            raise RowMoved

    def all_ids(self) -> list[str]:
        """Return the ids of all projects that are not being erased; ignores visibility."""
        statement = select(_PROJECTS.c.id).where(_PROJECTS.c.deleted_at.is_(None))
        return list(self._connection.execute(statement).scalars())

    def in_organization(self, organization_id: str) -> list[str]:
        """Return the ids of the projects of an organization that are not being erased."""
        statement = select(_PROJECTS.c.id).where(
            _PROJECTS.c.organization_id == organization_id, _PROJECTS.c.deleted_at.is_(None)
        )
        return list(self._connection.execute(statement).scalars())

    def hide(self, id: str, moment: datetime) -> None:
        """Make a project invisible to all viewers; an erase job deletes its content."""
        statement = update(_PROJECTS).where(_PROJECTS.c.id == id)
        self._connection.execute(statement.values(deleted_at=moment))
