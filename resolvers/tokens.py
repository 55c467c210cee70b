"""Who is asking: bearer tokens, else a session id that the client made up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from domain.errors import BadRequest
from resolvers.context import Caller, Role

ALGORITHM = "HS256"
TOKEN_LENGTH_MAX = 8_192
SESSION = re.compile(r"[\x21-\x7e]{1,200}")
SUBJECT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")  # what the database can keep as an owner
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are signed. secret: at least 32 characters; without one, no token is valid."""

    secret: str | None
    audience: str = "chairtime"


def make(settings: TokenSettings, *, role: Role, tenant: str, subject: str, expires_in: timedelta) -> str:
    """A token for development and for tests."""
    if settings.secret is None:
        raise ValueError("no secret to sign with")
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "role": role.value,
        "tenant": tenant,
        "aud": settings.audience,
        "iat": now,
        "exp": now + expires_in,
    }
    return jwt.encode(claims, settings.secret, algorithm=ALGORITHM)


def authenticate(settings: TokenSettings, headers: Mapping[str, str]) -> Caller:
    """Who sent these headers, their names in lower case. Raises BadRequest UNAUTHENTICATED, FORBIDDEN, BAD_INPUT."""
    asked = headers.get("x-tenant") or None
    if asked is not None and not SLUG.fullmatch(asked):
        raise BadRequest("NOT_FOUND", f"there is no tenant {asked[:80]!r}")
    authorization = headers.get("authorization")
    if authorization:
        return _bearer(settings, authorization, asked)
    session = headers.get("x-session-id") or None
    if session is not None and not SESSION.fullmatch(session):
        raise BadRequest("BAD_INPUT", "X-Session-Id: 1 to 200 printable ASCII characters without spaces")
    return Caller(holder=session and f"session:{session}", tenant_slug=asked)


def _bearer(settings: TokenSettings, authorization: str, asked: str | None) -> Caller:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not settings.secret or len(token) > TOKEN_LENGTH_MAX:
        raise _unauthenticated()
    try:
        claims = jwt.decode(
            token.strip(),
            settings.secret,
            algorithms=[ALGORITHM],
            audience=settings.audience,
            options={"require": ["exp", "aud", "sub", "tenant"]},
        )
        role, tenant, subject = Role(claims.get("role", Role.CUSTOMER)), claims["tenant"], claims["sub"]
    except (jwt.PyJWTError, ValueError):
        raise _unauthenticated() from None
    if (
        role is Role.PUBLIC
        or not SUBJECT.fullmatch(subject)
        or not isinstance(tenant, str)
        or not SLUG.fullmatch(tenant)
    ):
        raise _unauthenticated()
    if asked is not None and asked != tenant:
        raise BadRequest("FORBIDDEN", "the token is for another tenant than the header X-Tenant names")
    return Caller(holder=f"sub:{subject}", role=role, tenant_slug=tenant)


def _unauthenticated() -> BadRequest:
    """One text for all: which check failed is nobody's business."""
    return BadRequest("UNAUTHENTICATED", "the bearer token is not valid here; get a new one, or send none")
