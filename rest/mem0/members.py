"""Members of organizations and of projects: what the routes of both have alike."""

import asyncio
from collections.abc import Iterable
from typing import Any

from typing_extensions import TypedDict

from core.access import Role
from core.errors import InvalidInput
from resolvers.tenancy.members import Scope, add_member, remove_member, update_member
from rest.framework.request import Call, RequestParameters
from rest.mem0.pages import Lister, all_rows
from storage.tenancy.accounts import ACCOUNTS, AccountRow
from storage.tenancy.members import MemberRow


class Member(TypedDict):
    """Who is a member, and what of."""

    username: str
    role: str
    email: str


class Members(TypedDict):
    """The members, in the order in which they joined."""

    members: list[Member]


class MemberBody(RequestParameters):
    """Who is to be a member, and what of."""

    email: str
    role: Role


class Leaving(RequestParameters):
    """Whose membership is to end. It may stand in the query or in the body."""

    email: str | None = None


async def members_of(call: Call[Any, Any], lister: Lister) -> Members:
    """Return the members that a lister gives. Raises what the lister raises."""
    rows = await all_rows(call, lister)
    people = await accounts_of(call, (row.account_id for row in rows))
    return {"members": serialize_members(rows, people)}


async def accounts_of(call: Call[Any, Any], ids: Iterable[str]) -> dict[str, AccountRow]:
    """Return accounts by id, read together; those that the caller cannot see are left out."""
    wanted = list(dict.fromkeys(ids))
    found = await asyncio.gather(*(call.ctx.loaders.row_or_none(ACCOUNTS, id) for id in wanted))
    return {row.id: row for row in found if row is not None}


def serialize_members(rows: Iterable[MemberRow], people: dict[str, AccountRow]) -> list[Member]:
    """Return members as mem0 shows them; who has left since the rows were read is left out."""
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
    """Make an account a member. Raises `AlreadyExists` for a member."""
    await add_member(call.ctx, scope, id, call.body.email, call.body.role)


async def update(call: Call[Any, MemberBody], scope: Scope, id: str) -> None:
    """Change what a member is. Raises `LastOwner` when no OWNER would be left."""
    await update_member(call.ctx, scope, id, call.body.email, call.body.role)


async def remove(call: Call[Leaving, Leaving], scope: Scope, id: str) -> None:
    """End a membership. Raises `LastOwner` when no OWNER would be left."""
    email = call.body.email if call.body.email is not None else call.query.email
    if email is None:
        raise InvalidInput("email is missing: say whose membership is to end.", "email")
    await remove_member(call.ctx, scope, id, email)
