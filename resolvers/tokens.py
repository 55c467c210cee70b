"""Who is asking: bearer tokens, else a session id that the client made up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from domain.errors import BadRequest
from resolvers import jwks
from resolvers.context import Caller, Role
from resolvers.jwks import Keys

ALGORITHM = "HS256"  # by the secret; the keys' are jwks.ALGORITHMS
TOKEN_LENGTH_MAX = 8_192
SESSION = re.compile(r"[\x21-\x7e]{1,200}")
SUBJECT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,255}")  # what the database can keep as an owner
SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ROLES = {role.value: role for role in Role if role is not Role.PUBLIC}
SUPABASE_ROLE = "authenticated"  # Postgres's role of whoever has signed in, which says nothing of ours
LAST_INSTANT = int(datetime.max.replace(microsecond=0, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """How tokens are signed, and for whom; each way is open only if it is given.

    secret: for HS256, at least 32 characters. keys: an issuer's, for RS256 and ES256. audiences: a token names one of them.
    """

    secret: str | None
    keys: Keys | None = None
    audiences: tuple[str, ...] = ("chairtime",)


def make(settings: TokenSettings, *, role: Role, tenant: str, subject: str, expires_in: timedelta) -> str:
    """A token for development and for tests."""
    if settings.secret is None:
        raise ValueError("no secret to sign with")
    now = datetime.now(UTC)
    claims = {
        "sub": subject,
        "role": role.value,
        "tenant": tenant,
        "aud": settings.audiences[0],
        "iat": now,
        "exp": now + expires_in,
    }
    return jwt.encode(claims, settings.secret, algorithm=ALGORITHM)


async def authenticate(settings: TokenSettings, headers: Mapping[str, str]) -> Caller:
    """Who sent these headers, their names in lower case.

    Raises BadRequest UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, BAD_INPUT, and IssuerUnavailable.
    """
    asked, authorization = headers.get("x-tenant") or None, headers.get("authorization")
    if authorization:
        return await _bearer(settings, authorization, _slug(asked))
    return visitor(headers.get("x-session-id") or None, asked)


def visitor(session: str | None, tenant: str | None) -> Caller:
    """Somebody without a token. Raises BadRequest NOT_FOUND, BAD_INPUT."""
    slug = _slug(tenant)
    if session is not None and not SESSION.fullmatch(session):
        raise BadRequest("BAD_INPUT", "X-Session-Id: 1 to 200 printable ASCII characters without spaces")
    return Caller(holder=session and f"session:{session}", tenant_slug=slug)


def _slug(asked: str | None) -> str | None:
    if asked is not None and not SLUG.fullmatch(asked):
        raise BadRequest("NOT_FOUND", f"there is no tenant {asked[:80]!r}")
    return asked


async def _bearer(settings: TokenSettings, authorization: str, asked: str | None) -> Caller:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or len(token) > TOKEN_LENGTH_MAX:
        raise _unauthenticated()
    try:
        claims = await _claims(settings, token.strip())
        role, tenant, subject, expires_at = _role(claims), _tenant(claims), claims["sub"], _expiry(claims)
    except (jwt.PyJWTError, ValueError):
        raise _unauthenticated() from None
    if not SUBJECT.fullmatch(subject):
        raise _unauthenticated()
    if asked is not None and asked != tenant:
        raise BadRequest("FORBIDDEN", "the token is for another tenant than the header X-Tenant names")
    return Caller(holder=f"sub:{subject}", role=role, tenant_slug=tenant, expires_at=expires_at)


async def _claims(settings: TokenSettings, token: str) -> dict[str, Any]:
    """What a token says, once its signature and times are found right. Raises PyJWTError, ValueError, IssuerUnavailable."""
    header = jwt.get_unverified_header(token)
    algorithm: Any = header.get("alg")
    key: str | jwt.PyJWK | None = None
    if algorithm == ALGORITHM:
        key = settings.secret
    elif settings.keys is not None and algorithm in tuple(jwks.ALGORITHMS.values()):
        key = await settings.keys.find(header.get("kid"), algorithm)
    if not key or "crit" in header:  # PyJWT would let in the critical headers that it knows; nothing of ours uses any
        raise ValueError("no key is for this token")
    return jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        audience=settings.audiences,
        options={"require": ["exp", "aud", "sub"]},
    )


def _role(claims: Mapping[str, Any]) -> Role:
    """One of ours, else, of whoever has signed in at Supabase, the one that only its service can write."""
    named = claims.get("role", SUPABASE_ROLE)
    if named == SUPABASE_ROLE:
        named = _app_metadata(claims).get("role")
        return ROLES.get(named, Role.CUSTOMER) if isinstance(named, str) else Role.CUSTOMER
    if not isinstance(named, str) or named not in ROLES:
        raise ValueError("not a role")
    return ROLES[named]


def _tenant(claims: Mapping[str, Any]) -> str:
    tenant = claims["tenant"] if "tenant" in claims else _app_metadata(claims).get("tenant")
    if not isinstance(tenant, str) or not SLUG.fullmatch(tenant):
        raise ValueError("not a tenant")
    return tenant


def _app_metadata(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """Supabase's, which its service writes. Never user_metadata: that is what users say of themselves."""
    found = claims.get("app_metadata")
    return found if isinstance(found, dict) else {}


def _expiry(claims: Mapping[str, Any]) -> datetime:
    """The second that PyJWT has compared; it takes words for numbers too, RFC 7519 does not."""
    exp = claims["exp"]
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        raise ValueError("exp is not a number")
    return datetime.fromtimestamp(min(int(exp), LAST_INSTANT), UTC)


def _unauthenticated() -> BadRequest:
    """One text for all: which check failed is nobody's business."""
    return BadRequest("UNAUTHENTICATED", "the bearer token is not valid here; get a new one, or send none")
