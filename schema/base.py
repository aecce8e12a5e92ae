"""The base of all types and mutations: the request, `Node`, and payloads with `userErrors`.

A resolver raises an `AppError`. A mutation returns it as an item of `userErrors`, with the other
fields of the payload empty. Any other exception passes through, and the transport masks it.
"""

from collections.abc import Callable, Iterable
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from core import errors
from core.errors import AppError, ErrorCode
from resolvers.context import Context
from schema import enums  # noqa: F401 - declares the enums before the types that use them
from schema.prices import CHANGE, ONE

Info = strawberry.Info[Context, None]


@strawberry.interface(
    description="An object with a globally unique id. `node` and `nodes` fetch it by that id."
)
class Node:
    """The Relay interface."""

    id: strawberry.ID = strawberry.field(
        description="The object's id: a UUIDv7. GraphQL, REST, webhooks and logs use the same id."
    )


# An argument of a field: Python name, type, default and description.
Argument = tuple[str, object, object, str]


def add_arguments(field: StrawberryField, arguments: Iterable[Argument]) -> None:
    """Add arguments to a field that its extension handles instead of its resolver."""
    field.arguments = [
        *field.arguments,
        *(
            StrawberryArgument(
                python_name=name,
                graphql_name=None,
                type_annotation=StrawberryAnnotation(type),
                description=description,
                default=default,
            )
            for name, type, default, description in arguments
        ),
    ]


def is_row(row: type[Any]) -> Callable[[Any, Any], bool]:
    """Return an `is_type_of` function for a type whose values are rows of this class."""

    def is_type_of(value: Any, _info: Any) -> bool:
        return isinstance(value, row)

    return is_type_of


@strawberry.interface(
    description="An error the caller can act on. A mutation that returns errors has changed "
    "nothing, unless its description says otherwise."
)
class UserError:
    """An item of `userErrors`."""

    code: ErrorCode = strawberry.field(description="A stable, machine-readable error code.")
    message: str = strawberry.field(description="A message for people.")
    path: list[str] = strawberry.field(
        description="The path of the argument that caused the error, outermost name first. It is "
        "empty when no single argument caused the error."
    )


@strawberry.type(description="An input value is invalid.")
class InvalidInputError(UserError):
    """See `core.errors.InvalidInput`."""


@strawberry.type(description="The object does not exist, or the caller may not see it.")
class NotFoundError(UserError):
    """See `core.errors.NotFound`."""

    id: strawberry.ID | None = strawberry.field(description="The id that was not found.")


@strawberry.type(
    name="PermissionError",
    description="The caller may see the object but may not perform this action on it.",
)
class PermissionDeniedError(UserError):
    """See `core.errors.PermissionDenied`."""

    required: str = strawberry.field(
        description="The role and the key permission that the action requires."
    )


@strawberry.type(description="The object's version differs from `expectedVersion`.")
class VersionConflictError(UserError):
    """See `core.errors.VersionConflict`."""

    current_version: int = strawberry.field(description="The object's current version.")


@strawberry.type(description="The object already exists.")
class AlreadyExistsError(UserError):
    """See `core.errors.AlreadyExists`."""


@strawberry.type(description="The memory is immutable. It can be deleted but not edited.")
class ImmutableMemoryError(UserError):
    """See `core.errors.ImmutableMemory`."""


@strawberry.type(description="The change would leave the organization or project without an OWNER.")
class LastOwnerError(UserError):
    """See `core.errors.LastOwner`."""


@strawberry.type(description="The idempotency key was already used with a different request.")
class IdempotencyMismatchError(UserError):
    """See `core.errors.IdempotencyMismatch`."""


@strawberry.type(
    description="The request was accepted and stored, but the work failed. `retryOperation` "
    "retries it, except for summaries, which store nothing."
)
class OperationFailedError(UserError):
    """See `core.errors.OperationFailed`."""

    operation_id: strawberry.ID = strawberry.field(description="The id of the failed operation.")


@strawberry.type(description="A limit on how many of something may exist at once has been reached.")
class LimitExceededError(UserError):
    """See `core.errors.LimitExceeded`."""


@strawberry.type(
    description="A model that the request needs is down, busy or fails. Nothing was changed; the "
    "same request may succeed later."
)
class UnavailableError(UserError):
    """See `core.errors.Unavailable`."""

    retry_after: int = strawberry.field(
        description="The number of seconds after which to retry the request."
    )


USER_ERRORS: dict[type[AppError], type[Any]] = {
    errors.InvalidInput: InvalidInputError,
    errors.NotFound: NotFoundError,
    errors.PermissionDenied: PermissionDeniedError,
    errors.VersionConflict: VersionConflictError,
    errors.AlreadyExists: AlreadyExistsError,
    errors.ImmutableMemory: ImmutableMemoryError,
    errors.LastOwner: LastOwnerError,
    errors.IdempotencyMismatch: IdempotencyMismatchError,
    errors.OperationFailed: OperationFailedError,
    errors.LimitExceeded: LimitExceededError,
    errors.Unavailable: UnavailableError,
}


def user_error(error: AppError) -> UserError:
    """Return the GraphQL object for an error."""
    details: dict[str, Any] = {}
    if isinstance(error, errors.NotFound):
        details["id"] = error.id
    elif isinstance(error, errors.PermissionDenied):
        details["required"] = error.required
    elif isinstance(error, errors.VersionConflict):
        details["current_version"] = error.current_version
    elif isinstance(error, errors.OperationFailed):
        details["operation_id"] = error.operation_id
    elif isinstance(error, errors.Unavailable):
        details["retry_after"] = error.retry_after
    made: UserError = USER_ERRORS[type(error)](
        code=error.code, message=error.message, path=list(error.path), **details
    )
    return made


@strawberry.type(description="The fields that every mutation payload has.")
class Payload:
    """The fields of every payload."""

    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        metadata=ONE,
        description="The errors of the request; empty on success. A mutation that returns errors "
        "has changed nothing, unless its description says otherwise.",
    )


class UserErrorsExtension(FieldExtension):
    """Converts an `AppError` into the payload's `userErrors`."""

    def __init__(self, payload: type[Payload]) -> None:
        self._payload = payload

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        try:
            return await next_(source, info, **kwargs)
        except AppError as error:
            return self._payload(user_errors=[user_error(error)])


def mutation(
    payload: type[Payload], description: str, price: dict[Any, Any] = CHANGE
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a mutation that returns this payload, whose fields must all have defaults."""

    def declare(resolver: Callable[..., Any]) -> Any:
        return strawberry.mutation(
            resolver,
            description=description,
            graphql_type=payload,
            metadata=price,
            extensions=[UserErrorsExtension(payload)],
        )

    return declare


def as_graphql(value: object) -> Any:
    """Return a row where the schema declares a type, or a type where a resolver takes a row.

    The fields of a type read the row's attributes of the same names, so no object has to be built
    for each returned row.
    """
    return value


def set_fields(values: Any) -> dict[str, Any]:
    """Return the fields of an input that the caller set, including those set to null."""
    return {
        name: some.value for name, some in vars(values).items() if isinstance(some, strawberry.Some)
    }
