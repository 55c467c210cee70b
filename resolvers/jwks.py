"""Somebody else's public keys: a JWKS, fetched again when it is old or lacks the key that a token names."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import structlog

from domain.errors import IssuerUnavailable

# By key type; nothing else is let in. HS256 never is: a public key would be its secret.
ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
PARTS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
RSA_BITS_MIN = 2048  # RFC 7518 section 3.3
RSA_BITS_MAX = 8192  # checking a signature by a longer one takes milliseconds
KEYS_MAX = 100
FRESH_S = 300.0
KEPT_S = 3600.0
PAUSE_S = 10.0

Fetch = Callable[[], Awaitable[bytes]]
Found = dict[tuple[str | None, str], jwt.PyJWK]

log = structlog.get_logger("jwks")


class Keys:
    """An issuer's keys by id and algorithm.

    They are fetched anew FRESH_S after the last time, while those known serve on, and for an id that they lack. For whatever
    reason, a fetch begins PAUSE_S after the one before at the earliest: ids are made up for nothing, and must not become
    requests to the issuer. What cannot be renewed serves for KEPT_S.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: Found = {}
        self._loaded_at: float | None = None
        self._tried_at: float | None = None
        self._loading: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many keys can be used."""
        return len(self._keys)

    async def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id and algorithm. kid: None finds a key that is the only one. Raises IssuerUnavailable."""
        if self._is_older_than(KEPT_S):
            await self._refreshed()
            if self._is_older_than(KEPT_S):
                raise IssuerUnavailable("the issuer's keys cannot be fetched")
        elif self._is_older_than(FRESH_S):
            self._refresh()
        found = self._known(kid, algorithm)
        if found is None and kid is not None:
            await self._refreshed()
            found = self._known(kid, algorithm)
        return found

    async def load(self) -> None:
        """Fetches now. Raises what the fetch does, and ValueError for what is no JWKS; then the keys stay as they were."""
        self._tried_at = began = self._clock()
        self._keys, self._loaded_at = parse(await self._fetch()), began

    def _known(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        only = next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return only if only and only.algorithm_name == algorithm else None

    def _is_older_than(self, seconds: float) -> bool:
        return self._loaded_at is None or self._clock() - self._loaded_at >= seconds

    async def _refreshed(self) -> None:
        """After the fetch under way, or a new one if it is time for one; whether it brought anything or not."""
        if loading := self._refresh():
            await asyncio.shield(loading)  # who gives up waiting does not stop it for the others

    def _refresh(self) -> asyncio.Task[None] | None:
        is_time = self._tried_at is None or self._clock() - self._tried_at >= PAUSE_S
        if self._loading is None and is_time:
            self._tried_at = self._clock()
            self._loading = asyncio.create_task(self._reload(), name="jwks")
        return self._loading

    async def _reload(self) -> None:
        try:
            await self.load()
        except Exception as error:
            log.warning("the token issuer's keys cannot be fetched", error=f"{type(error).__name__}: {error}")
        finally:
            self._loading = None


def parse(document: bytes) -> Found:
    """The keys of a JWKS (RFC 7517) that can be used here; others are passed over. Raises ValueError for what is none.

    Of two keys with one id and algorithm the first counts.
    """
    try:
        found = json.loads(document)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise ValueError(f'it is not {{"keys": [...]}} with {KEYS_MAX} keys at most')
    keys: Found = {}
    for one in listed:
        if key := _usable(one):
            keys.setdefault((one.get("kid"), key.algorithm_name), key)
    return keys


def _usable(one: Any) -> jwt.PyJWK | None:
    """A public key for signatures by RS256 or ES256 on P-256. One that shows its private part is no secret any more."""
    kind = one.get("kty") if isinstance(one, dict) else None
    if not isinstance(kind, str) or kind not in ALGORITHMS or "d" in one or not isinstance(one.get("kid", ""), str):
        return None
    parts = {name: one.get(name) for name in PARTS[kind]}
    if not _is_for_signatures(one, ALGORITHMS[kind]) or not all(isinstance(part, str) for part in parts.values()):
        return None
    try:
        key = jwt.PyJWK({"kty": kind, **parts}, ALGORITHMS[kind])
    except (jwt.PyJWTError, ValueError):
        return None
    if kind == "EC":
        return key if parts["crv"] == "P-256" else None
    return key if RSA_BITS_MIN <= key.key.key_size <= RSA_BITS_MAX else None


def _is_for_signatures(one: dict[str, Any], algorithm: str) -> bool:
    """What a key says of its use; what it leaves unsaid is allowed."""
    operations = one.get("key_ops", ["verify"])
    return (
        one.get("use", "sig") == "sig"
        and one.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
    )
