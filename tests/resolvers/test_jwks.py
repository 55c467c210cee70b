"""An issuer's keys: which of them can be used, when they are fetched again, and what of their tokens is let in."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from domain.errors import BadRequest, IssuerUnavailable
from resolvers import jwks, tokens
from resolvers.context import Caller, Role
from resolvers.jwks import Keys
from resolvers.tokens import TokenSettings

SECRET = "a secret for these tests, longer than 32 characters"
NOW = int(datetime.now(UTC).timestamp())
CLAIMS: dict[str, Any] = {
    "sub": "1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b",
    "role": "authenticated",
    "aud": "authenticated",
    "iat": NOW,
    "exp": NOW + 3600,
    "app_metadata": {"provider": "email", "tenant": "testers"},
    "user_metadata": {"tenant": "rivals", "role": "admin"},
}
CALLER = Caller(f"sub:{CLAIMS['sub']}", Role.CUSTOMER, "testers", expires_at=datetime.fromtimestamp(CLAIMS["exp"], UTC))
REFUSED = ("UNAUTHENTICATED", "the bearer token is not valid here; get a new one, or send none")
RSA = [rsa.generate_private_key(65537, 2048) for _ in range(2)]
SHORT_RSA = rsa.generate_private_key(65537, 1024)
P256 = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
P384 = ec.generate_private_key(ec.SECP384R1())

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
KINDS: dict[str, list[PrivateKey]] = {"RS256": [*RSA], "ES256": [*P256]}
kinds = pytest.mark.parametrize("kind", list(KINDS))


def jwk(key: PrivateKey, kid: str | None = "one", **more: Any) -> dict[str, Any]:
    """A key as its issuer publishes it."""
    algorithm: Any = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    found: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    found.pop("key_ops", None)
    return {**found, **({} if kid is None else {"kid": kid}), **more}


def token(key: PrivateKey, kid: str | None = "one", *, algorithm: str | None = None, **changed: Any) -> str:
    """A token like Supabase's, some of its claims changed, or left out by None."""
    given = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    named = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
    return jwt.encode(given, key, algorithm=named, headers=None if kid is None else {"kid": kid})


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(key: PrivateKey, claims: object, **header: Any) -> str:
    """A token of any parts, rightly signed."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    text = f"{encoded({'alg': algorithm, 'kid': 'one', **header})}.{encoded(claims)}"
    return f"{text}.{encoded(jwt.get_algorithm_by_name(algorithm).sign(text.encode(), key))}"


def by_pem(key: PrivateKey) -> str:
    """HS256 with the public key's PEM for a secret."""
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    text = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(CLAIMS)}"
    hs256 = jwt.get_algorithm_by_name("HS256")
    return f"{text}.{encoded(hs256.sign(text.encode(), pem))}"


class Issuer:
    """Publishes keys, counts who asks, and can fail or dawdle."""

    def __init__(self, *published: dict[str, Any]) -> None:
        self.published: list[dict[str, Any]] = [*published]
        self.fetches = 0
        self.is_away = False
        self.now = 1000.0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.keys = Keys(self.fetch, lambda: self.now)

    async def fetch(self) -> bytes:
        self.fetches += 1
        await self.may_answer.wait()
        if self.is_away:
            raise OSError("away")
        return json.dumps({"keys": self.published}).encode()

    @property
    def settings(self) -> TokenSettings:
        return TokenSettings(None, self.keys, ("authenticated",))

    async def caller(self, token: str, settings: TokenSettings | None = None) -> Caller:
        return await tokens.authenticate(settings or self.settings, {"authorization": f"Bearer {token}"})

    async def refusal(self, token: str, settings: TokenSettings | None = None) -> tuple[str, str]:
        with pytest.raises(BadRequest) as refused:
            await self.caller(token, settings)
        return refused.value.code, refused.value.message

    async def settled(self) -> None:
        """Until a fetch that nobody waits for has ended."""
        while self.keys._loading:
            await asyncio.wait([self.keys._loading], timeout=5)


class TestTokens:
    @kinds
    async def test_one_like_supabase_s_is_let_in(self, kind: str) -> None:
        issuer = Issuer(jwk(KINDS[kind][0], alg=kind, use="sig", key_ops=["verify"]))

        assert await issuer.caller(token(KINDS[kind][0])) == CALLER

    @kinds
    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda key: token(key, exp=NOW - 1), id="expired"),
            pytest.param(lambda key: token(key, nbf=NOW + 86_400), id="not valid yet"),
            pytest.param(lambda key: token(key, iat=NOW + 86_400), id="issued in the future"),
            pytest.param(lambda key: token(key, aud="chairtime"), id="for another audience"),
            pytest.param(lambda key: token(key, aud=["chairtime"]), id="for other audiences"),
            pytest.param(lambda key: token(key, aud=None), id="without an audience"),
            pytest.param(lambda key: token(key, sub=None), id="without a subject"),
            pytest.param(lambda key: token(key, exp=None), id="without an expiry"),
            pytest.param(lambda key: token(key, app_metadata=None), id="with a tenant of the user's own choice"),
            pytest.param(lambda key: token(key, app_metadata=["tenant"]), id="with a list for app_metadata"),
            pytest.param(lambda key: token(key, tenant=7), id="with a number for a tenant"),
            pytest.param(lambda key: signed(key, {**CLAIMS, "sub": 7}), id="with a number for a subject"),
            pytest.param(lambda key: signed(key, {**CLAIMS, "exp": "soon"}), id="expiring at a word"),
            pytest.param(lambda key: signed(key, {**CLAIMS, "exp": str(NOW + 3600)}), id="expiring at quotes"),
            pytest.param(lambda key: signed(key, {**CLAIMS, "tenant": None}), id="with a null tenant before another"),
            pytest.param(lambda key: signed(key, b"\xff\xfe"), id="with bytes for claims"),
            pytest.param(lambda key: signed(key, ["sub"]), id="with a list for claims"),
            pytest.param(lambda key: signed(key, CLAIMS, crit=["new"]), id="with a critical header unknown"),
            pytest.param(lambda key: signed(key, CLAIMS, crit=["b64"], b64=True), id="with a critical header known"),
            pytest.param(lambda key: signed(key, CLAIMS, kid=7), id="with a number for a key"),
            pytest.param(lambda key: signed(key, CLAIMS, kid=None), id="with a null for a key"),
            pytest.param(lambda key: signed(key, CLAIMS, kid="x" * 5000), id="with a long name for a key"),
            pytest.param(lambda key: signed(key, CLAIMS, alg=["RS256", "ES256"]), id="of a list of algorithms"),
            pytest.param(lambda key: signed(key, CLAIMS, alg="none"), id="of no algorithm, yet signed"),
            pytest.param(
                lambda _: f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded(CLAIMS)}.", id="of no algorithm"
            ),
            pytest.param(lambda _: token(RSA[1]), id="by another RSA key under this one's name"),
            pytest.param(lambda _: token(P256[1]), id="by another EC key under this one's name"),
            pytest.param(lambda key: token(key, "two"), id="by this key under another's name"),
            pytest.param(lambda key: token(key, "nowhere"), id="by a key that there is not"),
            pytest.param(lambda _: token(RSA[0], algorithm="RS512"), id="of RS512"),
            pytest.param(lambda _: token(RSA[0], algorithm="PS256"), id="of PS256"),
            pytest.param(lambda _: token(P384, algorithm="ES384"), id="of ES384"),
            pytest.param(by_pem, id="of HS256, with the public key for a secret"),
            pytest.param(lambda _: jwt.encode(CLAIMS, "k" * 64, algorithm="HS256"), id="of HS256, with another secret"),
            pytest.param(lambda key: token(key)[:-4] + "AAAA", id="with a changed signature"),
            pytest.param(lambda key: token(key).rpartition(".")[0] + ".", id="without a signature"),
            pytest.param(lambda key: token(key, more="x" * 1_000_000), id="of a megabyte"),
        ],
    )
    @pytest.mark.parametrize("secret", [None, SECRET], ids=["by keys alone", "by a secret too"])
    async def test_any_other_is_refused_in_the_same_words(
        self, kind: str, make: Callable[[PrivateKey], str], secret: str | None
    ) -> None:
        issuer = Issuer(jwk(KINDS[kind][0], "one"), jwk(KINDS[kind][1], "two"))

        assert await issuer.refusal(make(KINDS[kind][0]), replace(issuer.settings, secret=secret)) == REFUSED

    @kinds
    async def test_a_secret_that_is_a_key_s_pem_opens_nothing(self, kind: str) -> None:
        key = KINDS[kind][0]
        pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        settings = TokenSettings(pem.decode(), None, ("authenticated",))

        assert await Issuer().refusal(token(key), settings) == REFUSED

    async def test_a_key_of_the_issuer_s_that_is_a_secret_opens_nothing(self) -> None:
        shared = {"kty": "oct", "kid": "one", "k": encoded(SECRET.encode()), "alg": "HS256"}
        issuer = Issuer(shared)
        given = jwt.encode(CLAIMS, SECRET, algorithm="HS256", headers={"kid": "one"})

        assert await issuer.refusal(given) == REFUSED
        assert issuer.fetches == 0

    @kinds
    async def test_with_both_each_opens_by_its_own_way(self, kind: str) -> None:
        issuer = Issuer(jwk(KINDS[kind][0]))
        both = replace(issuer.settings, secret=SECRET)

        assert await issuer.caller(token(KINDS[kind][0]), both) == CALLER
        assert await issuer.caller(jwt.encode(CLAIMS, SECRET, algorithm="HS256"), both) == CALLER

    @kinds
    async def test_without_keys_theirs_is_refused(self, kind: str) -> None:
        settings = TokenSettings(SECRET, None, ("authenticated",))

        assert await Issuer().refusal(token(KINDS[kind][0]), settings) == REFUSED

    @pytest.mark.parametrize("audience", ["authenticated", "chairtime", ["others", "chairtime"]])
    async def test_one_of_our_audiences_is_enough(self, audience: Any) -> None:
        issuer = Issuer(jwk(P256[0]))
        both = replace(issuer.settings, audiences=("authenticated", "chairtime"))

        assert await issuer.caller(token(P256[0], aud=audience), both) == CALLER


class TestSupabase:
    @pytest.mark.parametrize(
        "given, role",
        [
            pytest.param({}, Role.CUSTOMER, id="signed in"),
            pytest.param({"role": None}, Role.CUSTOMER, id="no role"),
            *(
                pytest.param({"app_metadata": {"tenant": "testers", "role": role.value}}, role, id=f"app: {role}")
                for role in (Role.CUSTOMER, Role.STAFF, Role.ADMIN, Role.SERVICE)
            ),
            *(
                pytest.param({"app_metadata": {"tenant": "testers", "role": role}}, Role.CUSTOMER, id=f"app: {role!r}")
                for role in ("public", "root", "STAFF", "", None, 7, ["admin"], {"admin": True})
            ),
            pytest.param(
                {"role": "staff", "app_metadata": {"tenant": "testers", "role": "admin"}}, Role.STAFF, id="both"
            ),
        ],
    )
    async def test_the_role_is_the_token_s_else_the_service_s(self, given: dict[str, Any], role: Role) -> None:
        caller = await Issuer(jwk(P256[0])).caller(token(P256[0], **given))

        assert caller == replace(CALLER, role=role)

    @pytest.mark.parametrize("role", ["anon", "service_role", "supabase_admin", "public", "", 7, ["staff"], {}])
    async def test_another_role_is_refused_whatever_the_service_says(self, role: Any) -> None:
        given = token(P256[0], role=role, app_metadata={"tenant": "testers", "role": "admin"})

        assert await Issuer(jwk(P256[0])).refusal(given) == REFUSED

    async def test_the_tenant_is_the_token_s_before_the_service_s(self) -> None:
        caller = await Issuer(jwk(P256[0])).caller(token(P256[0], tenant="others"))

        assert caller.tenant_slug == "others"


class TestKeys:
    @pytest.mark.parametrize(
        "published",
        [
            pytest.param(jwk(RSA[0], use="enc"), id="for encryption"),
            pytest.param(jwk(RSA[0], use=None), id="for null"),
            pytest.param(jwk(RSA[0], alg="RS512"), id="for RS512"),
            pytest.param(jwk(RSA[0], alg="HS256"), id="for HS256"),
            pytest.param(jwk(P256[0], alg="RS256"), id="EC for RS256"),
            pytest.param(jwk(P256[0], key_ops=["sign"]), id="to sign with"),
            pytest.param(jwk(P256[0], key_ops="verify"), id="operations in a word"),
            pytest.param(jwk(P384), id="on another curve"),
            pytest.param(jwk(P256[0], crv="P-384"), id="of another curve by name"),
            pytest.param(jwk(SHORT_RSA), id="of 1024 bits"),
            pytest.param(jwk(RSA[0], n=encoded(b"\xff" * 2048)), id="of 16384 bits"),
            pytest.param(jwk(RSA[0], d="AQAB"), id="with its private part"),
            pytest.param(jwk(RSA[0], kid=7), id="of a numbered name"),
            pytest.param(jwk(RSA[0], n=7), id="of a number that is none"),
            pytest.param(jwk(RSA[0], n="é!"), id="of no number"),
            pytest.param(jwk(RSA[0], e=""), id="of an empty exponent"),
            pytest.param(jwk(P256[0], x=jwk(P256[1])["x"]), id="off the curve"),
            pytest.param({"kty": "oct", "k": encoded(b"k" * 32), "kid": "one"}, id="a secret"),
            pytest.param({"kty": "OKP", "crv": "Ed25519", "x": encoded(b"k" * 32), "kid": "one"}, id="Ed25519"),
            pytest.param({"kty": ["RSA"]}, id="of several kinds"),
            *(pytest.param(one, id=repr(one)) for one in ({}, [], None, 7, "RSA")),
        ],
    )
    def test_one_that_cannot_be_used_is_passed_over(self, published: Any) -> None:
        found = jwks.parse(json.dumps({"keys": [published, jwk(P256[1], "good")]}).encode())

        assert list(found) == [("good", "ES256")]

    @pytest.mark.parametrize(
        "document",
        [
            *(b"", b"\xff", b"7", b"[]", b"null", b"{}", b'{"keys": {}}', b'{"keys": null}', b"[" * 100_000),
            json.dumps({"keys": [{}] * 101}).encode(),
        ],
        ids=lambda document: repr(document[:12]),
    )
    def test_what_is_no_jwks_is_an_error(self, document: bytes) -> None:
        with pytest.raises(ValueError):
            jwks.parse(document)

    async def test_a_token_that_names_none_is_checked_with_the_only_one(self) -> None:
        assert await Issuer(jwk(RSA[0])).caller(token(RSA[0], None)) == CALLER
        assert await Issuer(jwk(P256[0], None)).caller(token(P256[0], None)) == CALLER

    async def test_a_token_that_names_none_of_several_is_refused(self) -> None:
        issuer = Issuer(jwk(RSA[0]), jwk(P256[0], "two"))

        assert await issuer.refusal(token(RSA[0], None)) == REFUSED

    async def test_a_token_that_names_none_is_refused_if_the_only_one_has_another_algorithm(self) -> None:
        assert await Issuer(jwk(RSA[0])).refusal(token(P256[0], None)) == REFUSED

    async def test_two_of_one_name_are_told_apart_by_their_algorithms(self) -> None:
        issuer = Issuer(jwk(RSA[0]), jwk(P256[0]))

        assert [await issuer.caller(token(key)) for key in (RSA[0], P256[0])] == [CALLER, CALLER]


class TestRotation:
    @kinds
    async def test_a_new_key_is_let_in_after_one_fetch(self, kind: str) -> None:
        old, new = KINDS[kind]
        issuer = Issuer(jwk(old, "old"))
        await issuer.caller(token(old, "old"))
        issuer.published.append(jwk(new, "new"))
        issuer.now += 10

        assert [await issuer.caller(token(new, "new")) for _ in range(3)] == [CALLER] * 3
        assert issuer.fetches == 2

    @kinds
    async def test_a_withdrawn_key_is_refused_after_the_fetch_and_serves_during_it(self, kind: str) -> None:
        old, new = KINDS[kind]
        issuer = Issuer(jwk(old, "old"), jwk(new, "new"))
        await issuer.caller(token(old, "old"))
        issuer.published.pop(0)
        issuer.now += jwks.FRESH_S
        issuer.may_answer.clear()

        during = await issuer.caller(token(old, "old"))
        issuer.may_answer.set()
        await issuer.settled()

        assert during == CALLER
        assert await issuer.refusal(token(old, "old")) == REFUSED
        assert await issuer.caller(token(new, "new")) == CALLER

    async def test_known_keys_are_not_fetched_before_their_time(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        await issuer.caller(token(P256[0]))
        issuer.now += jwks.FRESH_S - 1

        await issuer.caller(token(P256[0]))
        await issuer.settled()

        assert issuer.fetches == 1

    async def test_a_flood_of_names_costs_a_fetch_every_ten_seconds(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        await issuer.caller(token(P256[0]))
        fetches = []
        for _ in range(30):
            await asyncio.gather(*(issuer.refusal(token(P256[1], f"made up {number}")) for number in range(20)))
            fetches.append(issuer.fetches)
            issuer.now += 1

        assert fetches == [1] * 10 + [2] * 10 + [3] * 10

    async def test_all_who_ask_at_once_share_one_fetch_though_one_gives_up(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        issuer.may_answer.clear()
        asking = [asyncio.create_task(issuer.caller(token(P256[0]))) for _ in range(20)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        issuer.may_answer.set()

        found = await asyncio.gather(*asking, return_exceptions=True)

        assert isinstance(found[0], asyncio.CancelledError)
        assert found[1:] == [CALLER] * 19
        assert issuer.fetches == 1

    async def test_a_fetch_that_dawdles_is_joined_and_not_begun_again(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        issuer.may_answer.clear()
        asking = []
        for _ in range(3):
            asking.append(asyncio.create_task(issuer.caller(token(P256[0]))))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            issuer.now += jwks.PAUSE_S
        issuer.may_answer.set()

        assert await asyncio.gather(*asking) == [CALLER] * 3
        assert issuer.fetches == 1


class TestAnIssuerThatIsAway:
    async def test_before_the_first_keys_nobody_can_say(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        issuer.is_away = True

        for _ in range(3):
            with pytest.raises(IssuerUnavailable):
                await issuer.caller(token(P256[0]))

        assert issuer.fetches == 1

    async def test_it_is_asked_again_after_ten_seconds(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        issuer.is_away = True
        with pytest.raises(IssuerUnavailable):
            await issuer.caller(token(P256[0]))
        issuer.is_away = False
        issuer.now += 10

        assert await issuer.caller(token(P256[0])) == CALLER

    async def test_what_is_known_serves_for_an_hour_and_no_longer(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        await issuer.caller(token(P256[0]))
        issuer.is_away = True
        for _ in range(59):
            issuer.now += 60
            assert await issuer.caller(token(P256[0])) == CALLER
            await issuer.settled()
        issuer.now += 60

        with pytest.raises(IssuerUnavailable):
            await issuer.caller(token(P256[0]))

    async def test_a_name_that_is_not_known_is_refused(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        await issuer.caller(token(P256[0]))
        issuer.is_away = True
        issuer.now += 10

        assert await issuer.refusal(token(P256[0], "new")) == REFUSED

    async def test_an_answer_that_is_no_jwks_takes_no_key_away(self) -> None:
        issuer = Issuer(jwk(P256[0]))
        await issuer.caller(token(P256[0]))
        issuer.published = [{}] * 101
        issuer.now += jwks.FRESH_S

        await issuer.caller(token(P256[0]))
        await issuer.settled()

        assert issuer.fetches == 2
        assert await issuer.caller(token(P256[0])) == CALLER

    async def test_tokens_by_the_secret_do_not_wait_for_it(self) -> None:
        issuer = Issuer()
        issuer.is_away = True
        settings = replace(issuer.settings, secret=SECRET)

        assert await issuer.caller(jwt.encode(CLAIMS, SECRET, algorithm="HS256"), settings) == CALLER
        assert issuer.fetches == 0
