"""Who may ask for a field, declared on it and shown in its description."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.permission import BasePermission

from domain.errors import BadRequest
from resolvers.context import Role
from schema.operation import context_of


class IsStaff(BasePermission):
    """Staff, admin and service tokens."""

    message = "this is for staff"

    def has_permission(self, source: Any, info: strawberry.Info[Any, Any], **kwargs: Any) -> bool:
        caller = context_of(info).caller
        if caller.role is Role.PUBLIC:
            raise BadRequest("UNAUTHENTICATED", "this is for staff; send a bearer token with role staff")
        if not caller.is_staff:
            raise BadRequest("FORBIDDEN", "this is for staff; your token's role does not allow it")
        return True
