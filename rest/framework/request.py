"""The endpoints of the mem0 API, their parameters, and one call of an endpoint."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict
from starlette.datastructures import URL

from core.errors import NotFound
from core.ids import canonical_id
from core.limits.points import REQUEST_POINTS
from resolvers.context import Context
from storage.tenancy.projects import PROJECTS, ProjectRow

B = TypeVar("B", bound="RequestParameters")
Q = TypeVar("Q", bound="RequestParameters")


def _text(value: Any) -> Any:
    """Return an integer as text, because some clients send ids as numbers; booleans stay."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


Name = Annotated[str, BeforeValidator(_text)]
Id = Annotated[Name, AfterValidator(canonical_id)]


class RequestParameters(BaseModel):
    """The parameters of a request.

    Unknown ones are ignored, because clients send parameters of other versions too.
    """

    model_config = ConfigDict(extra="ignore")

    org_id: Id | None = None
    project_id: Id | None = None


class NoParameters(RequestParameters):
    """The parameters of an endpoint that takes only an organization and a project."""


@dataclass(slots=True)
class Call(Generic[Q, B]):
    """One validated request with its context.

    The organization and the project come from the query, or else from the body.
    """

    ctx: Context
    path: dict[str, str]
    query: Q
    body: B
    url: URL
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def org_id(self) -> str | None:
        """The organization of the request, or None."""
        return self.query.org_id or self.body.org_id

    async def project(self) -> ProjectRow:
        """Return the project of the request, by default the key's default project.

        Raises `NotFound` if the caller cannot see it or it belongs to another organization than
        that of the request.
        """
        project_id = self.query.project_id or self.body.project_id
        return await self.project_of(self.ctx.project_id(project_id, "project_id"))

    async def project_of(self, id: str, org_id: str | None = None) -> ProjectRow:
        """Return a project by id.

        Raises `NotFound` if the caller cannot see it or it belongs to another organization than
        `org_id`, by default that of the request.
        """
        project: ProjectRow | None = await self.ctx.loaders.row_or_none(PROJECTS, id)
        if project is None:
            raise NotFound("project", id, "project_id")
        if (org_id or self.org_id) not in (None, project.organization_id):
            raise NotFound("organization", org_id or self.org_id, "org_id")
        return project


@dataclass(frozen=True, slots=True)
class RequestPrice:
    """What a request takes from the rate of its key: points, and characters to be stored."""

    points: int
    characters: int = 0


def usual_price(call: Call[Any, Any]) -> RequestPrice:
    """Return the price of a request whose work depends on its page size only."""
    size = getattr(call.query, "page_size", None) or getattr(call.body, "page_size", None) or 0
    return RequestPrice(REQUEST_POINTS + 100 + 2 * size)


Handler = Callable[[Call[Any, Any]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path, with the types of its parameters and of its response.

    An `unhurried` one has no deadline.
    """

    method: str
    path: str
    handle: Handler
    answer: Any
    tag: str
    query: type[RequestParameters] = NoParameters
    body: type[RequestParameters] | None = None
    status: int = 200
    price: Callable[[Call[Any, Any]], RequestPrice] = usual_price
    unhurried: bool = False

    EMPTY: ClassVar[NoParameters] = NoParameters()

    @property
    def summary(self) -> str:
        """The first line of the docstring of its handler."""
        return (self.handle.__doc__ or "").strip().split("\n")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of its path; a part in braces matches anything."""
        return tuple(part for part in self.path.split("/") if part)
