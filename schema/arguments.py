"""Arguments that fields of several types share."""

from typing import Annotated

import strawberry

OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization's id.")]

FirstRelated = Annotated[
    int, strawberry.argument(description="How many at the most, from 0 to 100.")
]

ProjectId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The project's id; the key's default project without it."),
]
