"""Who may ask for a field, declared on it and shown in its description."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.permission import BasePermission

from domain.errors import BadRequest
from resolvers.context import ADMINS, STAFF, Role
from schema.operation import context_of


class Permission(BasePermission):
    """A token with one of these roles. whom: as the description says it; role: the least that will do."""

    whom: str
    role: Role
    roles: frozenset[Role]

    def has_permission(self, source: Any, info: strawberry.Info[Any, Any], **kwargs: Any) -> bool:
        caller = context_of(info).caller
        if caller.role is Role.PUBLIC:
            raise BadRequest(
                "UNAUTHENTICATED", f"this is for {self.whom}; send a bearer token with role {self.role.value}"
            )
        if caller.role not in self.roles:
            raise BadRequest("FORBIDDEN", f"this is for {self.whom}; your token's role does not allow it")
        return True


class IsStaff(Permission):
    whom, role, roles = "staff", Role.STAFF, STAFF


class IsAdmin(Permission):
    whom, role, roles = "admins", Role.ADMIN, ADMINS


class IsService(Permission):
    whom, role, roles = "services", Role.SERVICE, frozenset({Role.SERVICE})


def only(permission: type[Permission], description: str) -> dict[str, Any]:
    """A field's arguments: who may ask for it, and its description, which says so."""
    return {"permission_classes": [permission], "description": f"For {permission.whom}: {description}"}
