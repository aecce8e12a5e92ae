"""Arguments shared by fields of several types."""

from typing import Annotated

import strawberry

OrganizationId = Annotated[strawberry.ID, strawberry.argument(description="The organization's id.")]

FirstRelated = Annotated[
    int, strawberry.argument(description="The maximum number of items to return, 0 to 100.")
]

ProjectId = Annotated[
    strawberry.ID | None,
    strawberry.argument(description="The project's id. Defaults to the key's default project."),
]
