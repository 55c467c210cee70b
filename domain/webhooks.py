"""What others are told over HTTP: the events, their signature as Standard Webhooks has it, and when they are tried again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

KEY_PREFIX = "whsec_"
BACKOFF_S, BACKOFF_MAX_S = 5.0, 3600.0
TRIES_MAX = 20  # in which about 10 hours pass
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class WebhookEvent(StrEnum):
    """What endpoints are told of."""

    BOOKING_CONFIRMED = "booking.confirmed"
    BOOKING_RESCHEDULED = "booking.rescheduled"
    BOOKING_CANCELLED = "booking.cancelled"
    BOOKING_COMPLETED = "booking.completed"
    BOOKING_NO_SHOW = "booking.no_show"
    WAITLIST_OFFERED = "waitlist.offered"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint. events: none = all. pending, failed: deliveries that are still tried, and that were given up."""

    id: str
    url: str
    events: tuple[WebhookEvent, ...]
    active: bool
    created_at: datetime
    pending: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event to one endpoint, as it stands. answer: what the last try came to."""

    id: str
    webhook_id: str
    booking_id: str
    event: WebhookEvent
    state: DeliveryState
    tries: int
    next_at: datetime
    created_at: datetime
    ended_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Try:
    """One event that is to be told now, and how: the body goes out as it stands. tries: this one included."""

    tenant_id: str
    id: str
    webhook_id: str
    event: str
    body: str
    tries: int
    url: str
    secret: str


def secret_of(key: bytes) -> str:
    """A key as it is shown: whsec_ and base64."""
    return KEY_PREFIX + base64.b64encode(key).decode()


def signature(secret: str, *, message_id: str, timestamp: int, body: str) -> str:
    """The header webhook-signature: v1 and the HMAC-SHA256 of id, timestamp (Unix time, seconds) and body, in base64."""
    key = base64.b64decode(secret.removeprefix(KEY_PREFIX))
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def backoff_s(tries: int, jitter: float) -> float | None:
    """Seconds until the next try after so many that failed; None = given up. jitter: 0 to 1, spreads them by half."""
    if tries >= TRIES_MAX:
        return None
    return float(min(BACKOFF_S * 2 ** (tries - 1), BACKOFF_MAX_S)) * (0.75 + jitter / 2)


def is_public(address: str) -> bool:
    """Whether an IP address is on the Internet, rather than this machine's, its network's or nobody's; by the IPv4 one inside."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if found in NAT64:
            inside = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inside:
            return is_public(str(inside))
    return found.is_global and not found.is_multicast
