"""Actors: the table of grants, row by row, and keys that have lost what confined them."""

import itertools

import pytest

from core.access import GRANTS, Actor, ApiKeyPermission, ApiKeyReach, Permission, Role
from core.errors import PermissionDenied

OWNER_ADMIN = {(Role.OWNER, ApiKeyPermission.ADMIN)}
ANY_ROLE_ADMIN = OWNER_ADMIN | {(Role.READER, ApiKeyPermission.ADMIN)}
EVERYTHING = set(itertools.product(Role, ApiKeyPermission))

ALLOWED = {
    Permission.VIEW_MEMBERS: EVERYTHING,
    Permission.VIEW_AUDIT_LOG: {(Role.OWNER, permission) for permission in ApiKeyPermission},
    Permission.VIEW_INVITATIONS: {(Role.OWNER, permission) for permission in ApiKeyPermission},
    Permission.VIEW_WEBHOOKS: {(Role.OWNER, permission) for permission in ApiKeyPermission},
    Permission.ASK_MODEL: EVERYTHING - {(role, ApiKeyPermission.READ) for role in Role},
    Permission.WRITE_MEMORIES: OWNER_ADMIN | {(Role.OWNER, ApiKeyPermission.WRITE)},
    Permission.MANAGE_PROJECT: OWNER_ADMIN,
    Permission.MANAGE_OWN_KEYS: ANY_ROLE_ADMIN,
    Permission.MANAGE_KEYS: OWNER_ADMIN,
    Permission.MANAGE_ORGANIZATION: OWNER_ADMIN,
}


def actor(
    permission: ApiKeyPermission = ApiKeyPermission.ADMIN,
    reach: ApiKeyReach = ApiKeyReach.ACCOUNT,
    project_id: str | None = "project",
    organization_id: str | None = "organization",
) -> Actor:
    """Return somebody."""
    return Actor("account", "a@b.c", "key", "mg_", permission, reach, project_id, organization_id)


def allows(permission: Permission, role: Role | None, key: ApiKeyPermission) -> bool:
    """Tell whether an act is allowed."""
    try:
        actor(key).require(permission, role)
    except PermissionDenied:
        return False
    return True


@pytest.mark.parametrize("permission", Permission)
def test_each_act_is_allowed_to_whom_it_is_granted(permission: Permission) -> None:
    assert set(GRANTS) == set(ALLOWED) == set(Permission)
    found = {(role, key) for role, key in EVERYTHING if allows(permission, role, key)}
    assert found == ALLOWED[permission]
    assert not any(allows(permission, None, key) for key in ApiKeyPermission)


@pytest.mark.parametrize("permission", ApiKeyPermission)
@pytest.mark.parametrize("reach", ApiKeyReach)
def test_acts_outside_every_organization_need_the_whole_account(
    permission: ApiKeyPermission, reach: ApiKeyReach
) -> None:
    asker = actor(permission, reach)
    if (permission, reach) == (ApiKeyPermission.ADMIN, ApiKeyReach.ACCOUNT):
        asker.require_account_key(ApiKeyPermission.ADMIN)
    else:
        with pytest.raises(PermissionDenied):
            asker.require_account_key(ApiKeyPermission.ADMIN)


@pytest.mark.parametrize(
    ("reach", "confined_to"),
    [
        (ApiKeyReach.PROJECT, ("project", None)),
        (ApiKeyReach.ORGANIZATION, (None, "organization")),
        (ApiKeyReach.ACCOUNT, (None, None)),
    ],
)
def test_a_key_is_confined_by_its_reach(
    reach: ApiKeyReach, confined_to: tuple[str | None, str | None]
) -> None:
    asker = actor(reach=reach)
    assert (asker.reach_project_id, asker.reach_organization_id) == confined_to


def test_a_confined_key_that_lost_its_place_reaches_nothing() -> None:
    lost = actor(reach=ApiKeyReach.PROJECT, project_id=None)
    assert lost.reach_project_id is not None
    lost = actor(reach=ApiKeyReach.ORGANIZATION, organization_id=None)
    assert lost.reach_organization_id is not None
