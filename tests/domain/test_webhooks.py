"""Where webhooks may go, and when they are tried again."""

from __future__ import annotations

import pytest

from domain import webhooks


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"]
)
def test_addresses_on_the_internet_are_public(address: str) -> None:
    assert webhooks.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff0e::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "2001:db8::1", "", "localhost", "2130706433", "127.1",
    ],
)  # fmt: skip
def test_others_and_what_is_no_address_are_not(address: str) -> None:
    assert not webhooks.is_public(address)


def test_tries_are_further_and_further_apart_until_they_end() -> None:
    waits = [webhooks.backoff_s(tries, 0.5) for tries in range(1, webhooks.TRIES_MAX)]

    assert waits[:4] == [5, 10, 20, 40]
    assert waits[-1] == 3600
    assert waits == sorted(waits)  # type: ignore[type-var]
    assert 10 * 3600 < sum(wait or 0 for wait in waits) < 11 * 3600
    assert webhooks.backoff_s(webhooks.TRIES_MAX, 0.5) is None


def test_jitter_spreads_them_by_a_quarter_either_way() -> None:
    assert (webhooks.backoff_s(1, 0.0), webhooks.backoff_s(1, 1.0)) == (3.75, 6.25)
