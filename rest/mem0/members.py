"""Members: the common part of the routes of organizations and of projects."""

import asyncio
from collections.abc import Iterable
from typing import Any

from typing_extensions import TypedDict

from core.access import Role
from core.errors import InvalidInput
from resolvers.tenancy.members import add_member, remove_member, update_member
from resolvers.tenancy.scopes import Scope
from rest.framework.request import Call, RequestParameters
from rest.mem0.pages import Lister, all_rows
from storage.tenancy.accounts import ACCOUNTS, AccountRow
from storage.tenancy.members import MemberRow


class Member(TypedDict):
    """A member and its role."""

    username: str
    role: str
    email: str


class Members(TypedDict):
    """The members in the order in which they joined."""

    members: list[Member]


class MemberBody(RequestParameters):
    """The e-mail address and the role of a member."""

    email: str
    role: Role


class Leaving(RequestParameters):
    """The e-mail address of the member to remove, in the query or in the body."""

    email: str | None = None


async def members_of(call: Call[Any, Any], lister: Lister) -> Members:
    """Return the members that a lister returns. Raises the errors of the lister."""
    rows = await all_rows(call, lister)
    people = await accounts_of(call, (row.account_id for row in rows))
    return {"members": serialize_members(rows, people)}


async def accounts_of(call: Call[Any, Any], ids: Iterable[str]) -> dict[str, AccountRow]:
    """Return accounts by id, read in one batch, without those that the caller cannot see."""
    unique = list(dict.fromkeys(ids))
    rows = await asyncio.gather(*(call.ctx.loaders.row_or_none(ACCOUNTS, id) for id in unique))
    return {row.id: row for row in rows if row is not None}


def serialize_members(rows: Iterable[MemberRow], people: dict[str, AccountRow]) -> list[Member]:
    """Return members in mem0's form, without those who left after their rows were read."""
    return [
        {
            "username": people[row.account_id].name or people[row.account_id].email,
            "role": row.role.value,
            "email": people[row.account_id].email,
        }
        for row in rows
        if row.account_id in people
    ]


async def add(call: Call[Any, MemberBody], scope: Scope, id: str) -> None:
    """Invite an address, or add an account of the organization.

    Raises `AlreadyExists` if the account is a member or the address is invited.
    """
    await add_member(call.ctx, scope, id, call.body.email, call.body.role)


async def update(call: Call[Any, MemberBody], scope: Scope, id: str) -> None:
    """Change the role of a member. Raises `LastOwner` if no OWNER would remain."""
    await update_member(call.ctx, scope, id, call.body.email, call.body.role)


async def remove(call: Call[Leaving, Leaving], scope: Scope, id: str) -> None:
    """Remove a member. Raises `LastOwner` if no OWNER would remain."""
    email = call.body.email if call.body.email is not None else call.query.email
    if email is None:
        raise InvalidInput("email is missing: name the member to remove.", "email")
    await remove_member(call.ctx, scope, id, email)
