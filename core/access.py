"""Authorization: roles, key permissions, the table that joins them, and the actor of a request.

Two things limit every action: the role of the account in the organization or project, and the
permission of the API key of the request. GRANTS names both for each action; nothing else decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from core.errors import PermissionDenied


class Role(Enum):
    """The role of a member in an organization or a project."""

    OWNER = "OWNER"
    READER = "READER"


class ApiKeyPermission(Enum):
    """The part of its account's rights that a key carries; each value includes those before it."""

    READ = "READ"
    WRITE = "WRITE"
    ADMIN = "ADMIN"


class ApiKeyReach(Enum):
    """The scope of a key: one project, one organization, or everything its account can access.

    A key for a project, and every key that one account creates for another, is confined. Otherwise
    an OWNER could create a key for a member and read that account's other organizations.
    """

    PROJECT = "PROJECT"
    ORGANIZATION = "ORGANIZATION"
    ACCOUNT = "ACCOUNT"


class Permission(Enum):
    """The actions that need a permission."""

    VIEW_MEMBERS = "VIEW_MEMBERS"
    VIEW_AUDIT_LOG = "VIEW_AUDIT_LOG"
    VIEW_INVITATIONS = "VIEW_INVITATIONS"
    VIEW_WEBHOOKS = "VIEW_WEBHOOKS"
    ASK_MODEL = "ASK_MODEL"
    WRITE_MEMORIES = "WRITE_MEMORIES"
    MANAGE_PROJECT = "MANAGE_PROJECT"
    MANAGE_OWN_KEYS = "MANAGE_OWN_KEYS"
    MANAGE_KEYS = "MANAGE_KEYS"
    MANAGE_ORGANIZATION = "MANAGE_ORGANIZATION"


@dataclass(frozen=True, slots=True)
class Grant:
    """The minimum role and the minimum key permission of an action."""

    role: Role
    key: ApiKeyPermission


GRANTS: Mapping[Permission, Grant] = MappingProxyType(
    {
        Permission.VIEW_MEMBERS: Grant(Role.READER, ApiKeyPermission.READ),
        Permission.VIEW_AUDIT_LOG: Grant(Role.OWNER, ApiKeyPermission.READ),
        Permission.VIEW_INVITATIONS: Grant(Role.OWNER, ApiKeyPermission.READ),
        Permission.VIEW_WEBHOOKS: Grant(Role.OWNER, ApiKeyPermission.READ),
        # A chat model costs its operator money, which a key that only reads must not spend.
        Permission.ASK_MODEL: Grant(Role.READER, ApiKeyPermission.WRITE),
        Permission.WRITE_MEMORIES: Grant(Role.OWNER, ApiKeyPermission.WRITE),
        Permission.MANAGE_PROJECT: Grant(Role.OWNER, ApiKeyPermission.ADMIN),
        Permission.MANAGE_OWN_KEYS: Grant(Role.READER, ApiKeyPermission.ADMIN),
        Permission.MANAGE_KEYS: Grant(Role.OWNER, ApiKeyPermission.ADMIN),
        Permission.MANAGE_ORGANIZATION: Grant(Role.OWNER, ApiKeyPermission.ADMIN),
    }
)

_ROLE_RANK = {None: 0, Role.READER: 1, Role.OWNER: 2}
_KEY_RANK = {ApiKeyPermission.READ: 1, ApiKeyPermission.WRITE: 2, ApiKeyPermission.ADMIN: 3}


@dataclass(frozen=True, slots=True)
class Actor:
    """The account and the API key of a request."""

    account_id: str
    email: str
    key_id: str
    key_prefix: str
    permission: ApiKeyPermission
    reach: ApiKeyReach
    default_project_id: str | None
    default_organization_id: str | None

    @property
    def reach_project_id(self) -> str | None:
        """The project this key is confined to, or None; "" if that project has been deleted."""
        return (self.default_project_id or "") if self.reach is ApiKeyReach.PROJECT else None

    @property
    def reach_organization_id(self) -> str | None:
        """The organization this key is confined to, or None; "" if it has been deleted."""
        confined = self.reach is ApiKeyReach.ORGANIZATION
        return (self.default_organization_id or "") if confined else None

    def require(self, permission: Permission, role: Role | None) -> None:
        """Raise `PermissionDenied` unless the role and this key both grant the permission.

        `role` is the account's role in the affected organization or project. Read it in the same
        transaction as the change.
        """
        grant = GRANTS[permission]
        if not self.may(permission, role):
            raise PermissionDenied(
                f"the role {grant.role.value} and a key with {grant.key.value} permission"
            )

    def may(self, permission: Permission, role: Role | None) -> bool:
        """Return whether the role and this key both grant the permission."""
        grant = GRANTS[permission]
        return (
            _ROLE_RANK[role] >= _ROLE_RANK[grant.role]
            and _KEY_RANK[self.permission] >= _KEY_RANK[grant.key]
        )

    def require_account_key(self, permission: ApiKeyPermission) -> None:
        """Raise `PermissionDenied` unless this key has the permission for its whole account.

        It is required for actions outside of organizations, such as creating one.
        """
        if (
            self.reach is not ApiKeyReach.ACCOUNT
            or _KEY_RANK[self.permission] < _KEY_RANK[permission]
        ):
            raise PermissionDenied(f"a key of the whole account with {permission.value} permission")
