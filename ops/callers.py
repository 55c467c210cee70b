"""Whose quota a request is taken from: its client's address and the business that it says it is for."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import orjson
from multidict import CIMultiDict, CIMultiDictProxy

from resolvers.tokens import SLUG, TOKEN_LENGTH_MAX

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
REMEMBERED = 10_000
TOKENS_REMEMBERED = 1_000
FORWARDED_MAX = 2_000  # characters of X-Forwarded-For, from the right
HOPS_MAX = 20
PREFIX_V6 = 64  # what one customer is given at the least


class Addresses:
    """Clients' addresses: the connection's, or what proxies that are trusted say in X-Forwarded-For."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = trusted
        self._known = lru_cache(REMEMBERED)(self._of)

    def of(self, peer: str, headers: CIMultiDict[str] | CIMultiDictProxy[str]) -> str:
        """The key of a client by a request's headers: an IPv4 address, or the /64 of an IPv6 one."""
        if not self._trusted:
            return self._known(peer, "")
        forwarded = headers.getall("X-Forwarded-For", ())
        return self._known(peer, ",".join(forwarded)[-FORWARDED_MAX:])

    def _of(self, peer: str, forwarded: str) -> str:
        """From the right: each hop is believed as far as it was told by a proxy that is trusted."""
        found = _address(peer)
        for hop in forwarded.rsplit(",", HOPS_MAX)[: -HOPS_MAX - 1 : -1] if forwarded else ():
            if found is None or not any(found in network for network in self._trusted):
                break
            found = _address(hop) or found
        return _key(found) if found else peer


def tenant_of(authorization: str | None, named: str | None) -> str:
    """The business that a request's token, else its X-Tenant, says it is for, by slug; empty for the server's default.

    A token is not checked here: whoever lies about it is refused later, and has spent nothing of their own tenant's.
    """
    found = _claimed(authorization) if authorization else named
    return (found if SLUG.fullmatch(found) else "?") if found else ""


@lru_cache(TOKENS_REMEMBERED)
def _claimed(authorization: str) -> str:
    parts = authorization[:TOKEN_LENGTH_MAX].split(".")
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        found = claims.get("tenant") or (claims.get("app_metadata") or {}).get("tenant")
    except (IndexError, ValueError, AttributeError, binascii.Error):
        return "?"
    return found if isinstance(found, str) and found else "?"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip().strip('"').strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _key(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, PREFIX_V6), strict=False).network_address)
