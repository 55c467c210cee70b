"""Who is asking, by the headers of a request: what tokens, sessions and tenants are let in, and as whom."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from domain.errors import BadRequest
from resolvers import tokens
from resolvers.context import Caller, Role
from resolvers.tokens import TokenSettings

SETTINGS = TokenSettings("a secret for these tests, longer than 32 characters")
HEADER = {"alg": "HS256", "typ": "JWT"}
NOW = int(datetime.now(UTC).timestamp())
CLAIMS: dict[str, Any] = {
    "sub": "cleo",
    "role": "customer",
    "tenant": "testers",
    "aud": "chairtime",
    "iat": NOW,
    "exp": NOW + 3600,
}
REFUSED = ("UNAUTHENTICATED", "the bearer token is not valid here; get a new one, or send none")


def encoded(part: object) -> str:
    """A part of a token; bytes as they are."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object, *, header: object = HEADER, secret: str = SETTINGS.secret or "") -> str:
    """A token of these parts, whatever they are, with the signature that its algorithm should have."""
    text = f"{encoded(header)}.{encoded(claims)}"
    return f"{text}.{encoded(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def claims(**changed: Any) -> dict[str, Any]:
    """Good claims, some of them changed."""
    return {**CLAIMS, **changed}


def without(*names: str) -> dict[str, Any]:
    """Good claims, some of them missing."""
    return {name: value for name, value in CLAIMS.items() if name not in names}


async def refusal(headers: dict[str, str], settings: TokenSettings = SETTINGS) -> tuple[str, str]:
    """How these headers are refused."""
    with pytest.raises(BadRequest) as refused:
        await tokens.authenticate(settings, headers)
    return refused.value.code, refused.value.message


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


class TestTokens:
    @pytest.mark.parametrize("role", [role for role in Role if role is not Role.PUBLIC])
    async def test_what_we_make_is_let_in(self, role: Role) -> None:
        token = tokens.make(SETTINGS, role=role, tenant="testers", subject="cleo", expires_in=timedelta(hours=1))

        caller = await tokens.authenticate(SETTINGS, bearer(token))

        assert replace(caller, expires_at=None) == Caller("sub:cleo", role, "testers")

    @pytest.mark.parametrize(
        "given",
        [
            pytest.param(claims(aud=["another", "chairtime"]), id="one of several audiences"),
            pytest.param(without("iat"), id="without the time of issue"),
            pytest.param(without("role"), id="without a role, which makes a customer"),
            pytest.param(claims(exp=10**18), id="for ever"),
            pytest.param(claims(more={"of": ["others"]}), id="with claims of others"),
        ],
    )
    async def test_a_good_token_is_let_in(self, given: Any) -> None:
        caller = await tokens.authenticate(SETTINGS, bearer(signed(given)))

        assert replace(caller, expires_at=None) == Caller("sub:cleo", Role.CUSTOMER, "testers")

    @pytest.mark.parametrize(
        "exp, expires_at",
        [
            pytest.param(NOW + 3600, datetime.fromtimestamp(NOW + 3600, UTC), id="a second"),
            pytest.param(NOW + 3600.9, datetime.fromtimestamp(NOW + 3600, UTC), id="a part of one, as it is compared"),
            pytest.param(10**18, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), id="the end of time"),
        ],
    )
    async def test_the_caller_has_the_token_s_expiry(self, exp: float, expires_at: datetime) -> None:
        caller = await tokens.authenticate(SETTINGS, bearer(signed(claims(exp=exp))))

        assert caller.expires_at == expires_at

    @pytest.mark.parametrize(
        "token",
        [
            pytest.param(signed(claims(exp=NOW - 1)), id="expired a second ago"),
            pytest.param(signed(claims(nbf=NOW + 86_400)), id="not valid yet"),
            pytest.param(signed(claims(iat=NOW + 86_400)), id="issued in the future"),
            pytest.param(signed(claims(aud="another")), id="for another audience"),
            pytest.param(signed(claims(aud=7)), id="for a number"),
            pytest.param(
                signed(CLAIMS, secret="another secret, longer than 32 characters"), id="with another's signature"
            ),
            pytest.param(signed(CLAIMS)[:-4] + "AAAA", id="with a changed signature"),
            pytest.param(signed(CLAIMS).rpartition(".")[0] + ".", id="without a signature"),
            pytest.param(signed(CLAIMS, header={**HEADER, "alg": "none"}), id="of no algorithm, yet signed"),
            pytest.param(f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}.", id="of no algorithm"),
            pytest.param(jwt.encode(CLAIMS, "k" * 64, algorithm="HS512"), id="of another algorithm"),
            pytest.param(signed(CLAIMS, header={**HEADER, "alg": ["HS256"]}), id="of a list of algorithms"),
            pytest.param(signed(CLAIMS, header={**HEADER, "alg": None}), id="of a null algorithm"),
            pytest.param(signed(CLAIMS, header={**HEADER, "crit": ["new"]}), id="with a critical header unknown"),
            pytest.param(signed(CLAIMS, header={**HEADER, "kid": 7}), id="with a key's number"),
            pytest.param(signed(CLAIMS, header=b"[" * 4000), id="with a header nested too deep"),
            pytest.param(signed(b'{"a":' * 900 + b"1" + b"}" * 900), id="with claims nested too deep"),
            pytest.param(signed(["sub", "exp"]), id="with a list for claims"),
            pytest.param(signed(b"\xff\xfe"), id="with bytes for claims"),
            pytest.param(
                signed(CLAIMS, header={**HEADER, "crit": ["b64"], "b64": True}), id="with a critical header known"
            ),
            pytest.param(signed(CLAIMS, header={**HEADER, "b64": False}), id="with its claims elsewhere"),
            pytest.param(signed(claims(exp="soon")), id="expiring at a word"),
            pytest.param(signed(claims(exp=str(NOW + 3600))), id="expiring at a number in quotes"),
            pytest.param(signed(claims(exp=True)), id="expiring at true"),
            pytest.param(signed(claims(exp=NOW - 0.5)), id="expired half a second ago"),
            pytest.param(
                signed(json.dumps(CLAIMS).replace(str(NOW + 3600), "Infinity").encode()), id="expiring at infinity"
            ),
            *(pytest.param(signed(without(name)), id=f"without {name}") for name in ("exp", "aud", "sub", "tenant")),
            *(
                pytest.param(signed(claims(role=role)), id=f"with the role {role!r}")
                for role in (None, "", "public", "root", "STAFF", 7, ["staff"], {"staff": True})
            ),
            *(
                pytest.param(signed(claims(tenant=tenant)), id=f"with the tenant {tenant!r}")
                for tenant in (None, "", 7, ["testers"], "Testers", "te sters", "t" * 64)
            ),
            *(
                pytest.param(signed(claims(sub=subject)), id=f"with the subject {told}")
                for told, subject in {
                    "null": None,
                    "a number": 7,
                    "of no letters": "",
                    "with a NUL": "cleo\x00",
                    "with half of a pair": "\ud800",
                    "of 256 letters": "x" * 256,
                }.items()
            ),
            *("", " ", ".", "..", "a.b", "a.b.c", "a.b.c.d", "\xe9.a.b", "☃", "\udc80.a.b", "\x00", "null"),
            pytest.param("." * 8000, id="of dots"),
            pytest.param("x" * 1_000_000, id="of a megabyte"),
            pytest.param(signed(claims(more="x" * 8192)), id="good and too long"),
            pytest.param(f"{signed(CLAIMS)} more", id="good, and more after it"),
        ],
    )
    async def test_any_other_is_refused_in_the_same_words(self, token: str) -> None:
        assert await refusal(bearer(token)) == REFUSED

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("Bearer", id="nothing after the scheme"),
            pytest.param("Basic Y2xlbzpjbGVv", id="another scheme"),
            pytest.param(f"Token {signed(CLAIMS)}", id="another scheme, with a good token"),
            pytest.param(signed(CLAIMS), id="a good token alone"),
            pytest.param("\x00", id="a NUL"),
        ],
    )
    async def test_what_is_no_bearer_is_refused_in_the_same_words(self, header: str) -> None:
        assert await refusal({"authorization": header}) == REFUSED

    @pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer    "])
    async def test_the_scheme_is_read_as_http_says(self, scheme: str) -> None:
        caller = await tokens.authenticate(SETTINGS, {"authorization": scheme + signed(CLAIMS)})

        assert caller.holder == "sub:cleo"

    async def test_without_a_secret_no_token_is_valid(self) -> None:
        assert await refusal(bearer(signed(CLAIMS, secret="")), TokenSettings(None)) == REFUSED

    async def test_a_bad_token_is_refused_though_there_is_a_session(self) -> None:
        assert await refusal({"authorization": "Bearer x", "x-session-id": "cleo"}) == REFUSED

    async def test_a_good_token_goes_before_the_session(self) -> None:
        caller = await tokens.authenticate(SETTINGS, {**bearer(signed(CLAIMS)), "x-session-id": "browser"})

        assert caller.holder == "sub:cleo"

    async def test_another_tenant_s_header_is_forbidden(self) -> None:
        assert (await refusal({**bearer(signed(CLAIMS)), "x-tenant": "rivals"}))[0] == "FORBIDDEN"

    async def test_the_token_s_own_tenant_s_header_is_fine(self) -> None:
        caller = await tokens.authenticate(SETTINGS, {**bearer(signed(CLAIMS)), "x-tenant": "testers"})

        assert caller.tenant_slug == "testers"


class TestSessions:
    @pytest.mark.parametrize("session", ["s", "x" * 200, "!~", "sub:cleo"])
    async def test_any_printable_word_is_one(self, session: str) -> None:
        caller = await tokens.authenticate(SETTINGS, {"x-session-id": session})

        assert caller == Caller(f"session:{session}")

    @pytest.mark.parametrize("session", ["x" * 201, "two words", " ", "tab\t", "\x00", "\x7f", "é", "\udc80", "line\n"])
    async def test_anything_else_is_refused(self, session: str) -> None:
        code, message = await refusal({"x-session-id": session})

        assert code == "BAD_INPUT"
        assert message.startswith("X-Session-Id: ")

    @pytest.mark.parametrize("headers", [{}, {"x-session-id": ""}, {"authorization": ""}, {"x-tenant": ""}])
    async def test_whoever_says_nothing_is_nobody(self, headers: dict[str, str]) -> None:
        caller = await tokens.authenticate(SETTINGS, headers)

        assert caller == Caller()
        assert (caller.is_staff, caller.actor) == (False, "public:unknown")


class TestTenants:
    @pytest.mark.parametrize("slug", ["a", "kb-stylish", "x" * 63, "7"])
    async def test_a_slug_is_asked_for(self, slug: str) -> None:
        assert (await tokens.authenticate(SETTINGS, {"x-tenant": slug})).tenant_slug == slug

    @pytest.mark.parametrize("slug", ["KB", "-a", "a-", "x" * 64, "a_b", "é", "٣", "a\n", " a", "\x00", "\udc80"])
    async def test_what_cannot_be_a_slug_is_not_found(self, slug: str) -> None:
        code, message = await refusal({"x-tenant": slug})

        assert code == "NOT_FOUND"
        assert message.isprintable()

    async def test_a_very_long_one_is_not_repeated_whole(self) -> None:
        assert len((await refusal({"x-tenant": "x" * 8000}))[1]) < 120


class TestMaking:
    def test_without_a_secret_there_are_no_tokens(self) -> None:
        with pytest.raises(ValueError, match="no secret"):
            tokens.make(TokenSettings(None), role=Role.STAFF, tenant="t", subject="s", expires_in=timedelta(hours=1))

    async def test_they_expire_when_told(self) -> None:
        token = tokens.make(SETTINGS, role=Role.STAFF, tenant="t", subject="s", expires_in=timedelta(seconds=-1))

        assert await refusal(bearer(token)) == REFUSED


@pytest.mark.parametrize("role", list(Role))
def test_staff_are_staff_admins_and_services(role: Role) -> None:
    assert Caller(role=role).is_staff == (role in (Role.STAFF, Role.ADMIN, Role.SERVICE))
