"""What was given on the command line, as settings. Nothing of it is a setting before it was read here."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from db.pool import PoolSettings, StartupError
from ops.callers import Network
from ops.limiting import limits_of
from ops.settings import GENEROUS, STRICT, RateSettings, Settings
from ops.sockets import is_loopback

ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
# Of Postgres's 100 by default, for all workers together: each has its pool and a listening connection.
CONNECTIONS_MAX = 90


def server_settings(
    *,
    workers: int,
    pool_size: int | None,
    profile: str | None,
    rate_limits: str,
    rate_read: str | None,
    rate_write: str | None,
    rate_tenant: str | None,
    **given: Any,
) -> Settings:
    """What `serve` was given: what hangs together is named here, the rest reads as in `settings`. Raises StartupError."""
    is_hardened = not is_loopback(given["host"]) if profile is None else profile == "hardened"
    usual = STRICT if is_hardened else GENEROUS
    rates = RateSettings(rate_read or usual.read, rate_write or usual.write, rate_tenant or usual.tenant)
    return settings(
        workers=workers,
        pool=PoolSettings(size_max=pool_size or min(PoolSettings().size_max, CONNECTIONS_MAX // workers - 1)),
        is_hardened=is_hardened,
        rates=rates if rate_limits == "on" else None,
        **given,
    )


def settings(**given: Any) -> Settings:
    """given: settings by their names, as READ reads those that are not yet what they will be. Raises StartupError."""
    return Settings(**given | {name: read(given[name]) for name, read in READ.items() if name in given})


def _or_none(text: str | None) -> str | None:
    return text or None


def _audiences(texts: Iterable[str]) -> tuple[str, ...]:
    audiences = tuple(" ".join(texts).split())
    if not audiences:
        raise StartupError("--jwt-audience: name at least one, as chairtime or authenticated")
    return audiences


def _address(text: str | None) -> tuple[str, int] | None:
    """HOST:PORT, or [HOST]:PORT."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) >= 1 << 16:
        raise StartupError(f"--metrics-address: {text!r} is not HOST:PORT, as 127.0.0.1:9100")
    return host.strip("[]"), int(port)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise StartupError(f"--trusted-proxy: {error}; write 127.0.0.1 or 10.0.0.0/8") from None


def _origin(text: str) -> str:
    """As browsers send it: lower case, without a path."""
    if text != "*" and not ORIGIN.fullmatch(text):
        raise StartupError(
            f"--cors-origin: {text!r} is not an origin; write https://salon.example, with its port if it has one"
        )
    return text


# How a setting reads what was given under its name. Of several faults the first in this order is told.
READ: Mapping[str, Callable[[Any], Any]] = {
    "audiences": _audiences,
    "redis_url": _or_none,
    "replica_url": _or_none,
    "jwks": _or_none,
    "traces": _or_none,
    "limits": lambda texts: limits_of(" ".join(texts).split()),
    "metrics_address": _address,
    "private_webhooks": lambda to: to == "any",
    "trusted_proxies": lambda texts: tuple(map(_network, texts)),
    "origins": lambda texts: tuple(map(_origin, texts)),
}
