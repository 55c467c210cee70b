"""Whose quota a request is taken from."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

import pytest
from multidict import CIMultiDict

from ops.callers import Addresses, tenant_of
from resolvers import tokens
from resolvers.context import Role
from tests.conftest import TOKENS

PROXIES = [ipaddress.ip_network(one) for one in ("127.0.0.1", "10.0.0.0/8", "fd00::/8")]


@pytest.mark.parametrize(
    "peer, forwarded, address",
    [
        pytest.param("203.0.113.9", [], "203.0.113.9", id="who connects"),
        pytest.param("203.0.113.9", ["198.51.100.1"], "203.0.113.9", id="who is no proxy is not believed"),
        pytest.param("10.1.2.3", ["198.51.100.1"], "198.51.100.1", id="a proxy is"),
        pytest.param("10.1.2.3", [], "10.1.2.3", id="a proxy that says nothing is a client"),
        pytest.param("10.1.2.3", ["1.1.1.1, 198.51.100.1"], "198.51.100.1", id="what the client made up is left of the truth"),
        pytest.param("127.0.0.1", ["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1", id="proxies in a row"),
        pytest.param("127.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1", id="several headers are one"),
        pytest.param("10.1.2.3", ["unknown"], "10.1.2.3", id="no address at all"),
        pytest.param("10.1.2.3", ["'; drop table, 10.4.5.6"], "10.4.5.6", id="no address behind a proxy"),
        pytest.param("::ffff:203.0.113.9", [], "203.0.113.9", id="IPv4 in IPv6"),
        pytest.param("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::", id="IPv6 by what one customer has"),
        pytest.param("fe80::1%eth0", [], "fe80::", id="an interface is no part of it"),
        pytest.param("fd00::1", ["[2001:db8::7]"], "2001:db8::", id="IPv6 in brackets"),
        pytest.param("10.1.2.3", [", ".join(["10.1.1.1"] * 500)], "10.1.1.1", id="a long row ends"),
    ],
)  # fmt: skip
def test_a_client_is_known_by_its_address(peer: str, forwarded: list[str], address: str) -> None:
    headers = CIMultiDict([("X-Forwarded-For", one) for one in forwarded])

    assert Addresses(PROXIES).of(peer, headers) == address


def test_without_proxies_nobody_is_believed() -> None:
    headers = CIMultiDict({"X-Forwarded-For": "198.51.100.1"})

    assert Addresses().of("127.0.0.1", headers) == "127.0.0.1"


def _token(tenant: str) -> str:
    return f"Bearer {tokens.make(TOKENS, role=Role.STAFF, tenant=tenant, subject='s', expires_in=timedelta(hours=1))}"


@pytest.mark.parametrize(
    "authorization, named, tenant",
    [
        pytest.param(None, None, "", id="nobody's is the default's"),
        pytest.param(None, "shop-1", "shop-1", id="the header's"),
        pytest.param(_token("shop-2"), "shop-1", "shop-2", id="a token's before the header's"),
        pytest.param("Bearer nonsense", "shop-1", "?", id="no token"),
        pytest.param("Bearer a.!!!.c", None, "?", id="no base64"),
        pytest.param("Bearer a.W10.c", None, "?", id="a list"),
        pytest.param("Bearer " + 9_000 * "x", None, "?", id="a long one"),
        pytest.param(None, 200 * "x", "?", id="no slug"),
    ],
)
def test_a_business_is_the_one_that_a_request_names(authorization: str | None, named: str | None, tenant: str) -> None:
    assert tenant_of(authorization, named) == tenant
