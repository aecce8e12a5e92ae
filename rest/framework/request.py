"""What an endpoint of the facade is, and what one call of it holds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.datastructures import URL

from core.errors import NotFound
from resolvers.context import Context
from storage.tenancy.projects import PROJECTS, ProjectRow

B = TypeVar("B", bound="RequestParameters")
Q = TypeVar("Q", bound="RequestParameters")


def _text(value: Any) -> Any:
    """Return a number as text, because to some clients ids are numbers; true is none."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


Name = Annotated[str, BeforeValidator(_text)]


class RequestParameters(BaseModel):
    """What a caller gives. What is unknown is ignored, because clients send whatever they know."""

    model_config = ConfigDict(extra="ignore")

    org_id: Name | None = None
    project_id: Name | None = None


class NoParameters(RequestParameters):
    """What is given where nothing but the organization and the project is of interest."""


@dataclass(slots=True)
class Call(Generic[Q, B]):
    """One request, checked for its form: who asks, and with what.

    `org_id` and `project_id` are what the query, or else the body, says of them.
    """

    ctx: Context
    path: dict[str, str]
    query: Q
    body: B
    url: URL
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def org_id(self) -> str | None:
        """The organization that was given."""
        return self.query.org_id or self.body.org_id

    async def project(self) -> ProjectRow:
        """Return the project that is meant: the one given, or the key's default.

        Raises `NotFound` when the caller cannot see it or it is not of the organization given.
        """
        given = self.query.project_id or self.body.project_id
        return await self.project_of(self.ctx.project_id(given, "project_id"))

    async def project_of(self, id: str, org_id: str | None = None) -> ProjectRow:
        """Return a project by id, checked against the organization given."""
        found: ProjectRow | None = await self.ctx.loaders.row_or_none(PROJECTS, id)
        if found is None:
            raise NotFound("project", id, "project_id")
        if (org_id or self.org_id) not in (None, found.organization_id):
            raise NotFound("organization", org_id or self.org_id, "org_id")
        return found


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. The types say what it is given and what it answers."""

    method: str
    path: str
    handle: Handler
    answer: Any
    tag: str
    query: type[RequestParameters] = NoParameters
    body: type[RequestParameters] | None = None
    status: int = 200

    EMPTY: ClassVar[NoParameters] = NoParameters()

    @property
    def summary(self) -> str:
        """The first sentence of what its function says of itself."""
        return (self.handle.__doc__ or "").strip().split("\n")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of its path; those in braces stand for anything."""
        return tuple(part for part in self.path.split("/") if part)
