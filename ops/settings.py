"""Everything of a server that can be set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from db.pool import PoolSettings
from ops.callers import Network
from resolvers.app import Limits


class RateSettings(NamedTuple):
    """Quotas, as `100/minute`. read, write: of each address, requests, and holds and bookings. tenant: of each business."""

    read: str
    write: str
    tenant: str


STRICT = RateSettings("100/minute", "10/minute", "200/second")
GENEROUS = RateSettings("1000/second", "100/second", "10000/second")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, read once."""

    database_url: str | None
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    migrate: bool = True
    default_tenant: str = ""
    redis_url: str | None = None
    replica_url: str | None = None
    offer_log_days: int = 30
    jwks: str | None = None
    audiences: tuple[str, ...] = ("chairtime",)
    pool: PoolSettings = field(default_factory=PoolSettings)
    limits: Limits = field(default_factory=Limits)
    entries_max: int = 50_000
    ttl: timedelta = timedelta(minutes=15)
    workers: int = 1
    plans: bool = True
    fragments: bool = True
    trusted_documents: Path | None = None
    metrics_address: tuple[str, int] | None = None
    warming: bool = True
    days_ahead: int = 14
    is_hardened: bool = False
    rates: RateSettings | None = None
    trusted_proxies: tuple[Network, ...] = ()
    origins: tuple[str, ...] = ()
    traces: str | None = None
    private_webhooks: bool = False
    webhook_timeout_s: float = 10.0
