"""The nouns of the field, as frozen values. Instants are aware UTC; spans are half-open [starts_at, ends_at).

Ids are canonical UUID text: they come from JSON and go to JSON, and are compared and hashed on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.prices import PriceRule, PriceTrace

MINUTES_A_DAY = 1440
SERVICE_MINUTES_MAX = 1440
BUFFER_MINUTES_MAX = 720
TRAVEL_MINUTES_MAX = 1440


class SlotStatus(StrEnum):
    """What a start on the grid is, to the public. Why it is UNAVAILABLE is for staff alone."""

    AVAILABLE = "AVAILABLE"
    HELD = "HELD"
    BOOKED = "BOOKED"
    UNAVAILABLE = "UNAVAILABLE"


class ClosedBy(StrEnum):
    """What closes a start. The first five are kinds of Busy; the next are rules; the last five close a whole day."""

    BREAK = "BREAK"
    TIME_OFF = "TIME_OFF"
    EXTERNAL = "EXTERNAL"
    BOOKING = "BOOKING"
    HOLD = "HOLD"
    WINDOW_END = "WINDOW_END"
    NOTICE = "NOTICE"
    HORIZON = "HORIZON"
    AVOIDED = "AVOIDED"
    LONGEST_RUN = "LONGEST_RUN"
    BOOKINGS_A_DAY = "BOOKINGS_A_DAY"
    STALE_SOURCE = "STALE_SOURCE"
    NOT_OFFERED = "NOT_OFFERED"
    NO_HOURS = "NO_HOURS"
    DAY_OFF = "DAY_OFF"
    CLOSURE = "CLOSURE"


class BookingStatus(StrEnum):
    """The states of a claim on a stylist's time. HELD counts only until it expires; the others until changed."""

    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"
    CANCELLED = "CANCELLED"
    RELEASED = "RELEASED"


class ActivityKind(StrEnum):
    """What can happen to a booking."""

    BOOKED = "BOOKED"
    MOVED = "MOVED"
    PAID = "PAID"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"
    NO_SHOW = "NO_SHOW"


class Activity(NamedTuple):
    """Something that happened to a booking."""

    at: datetime
    what: ActivityKind
    booking_id: str


class Span(NamedTuple):
    """[starts_at, ends_at): neighbours touch without overlapping (RFC 5545 3.6.1)."""

    starts_at: datetime
    ends_at: datetime


class Window(NamedTuple):
    """A united span of working hours at one location."""

    starts_at: datetime
    ends_at: datetime
    location_id: str


class Busy(NamedTuple):
    """Something that takes a stylist's time.

    starts_at, ends_at: the thing itself. occupied_from, occupied_until: widened by its own buffers.
    location_id: where, for claims; None for what has no place, and then no travel is counted.
    holder: of a hold. expires_at: of a hold, and of a booking that frees itself unless it is paid for by then.
    id: the claim's, or None. source: the external calendar's name.
    """

    kind: ClosedBy
    starts_at: datetime
    ends_at: datetime
    occupied_from: datetime
    occupied_until: datetime
    location_id: str | None = None
    holder: str | None = None
    expires_at: datetime | None = None
    id: str | None = None
    source: str | None = None


class Slot(NamedTuple):
    """A start on the grid, inside working hours, in which the service fits.

    claimed: closed by a booking or hold, its buffers or the way there, rather than by a rule.
    holder: who holds it, when HELD.
    """

    starts_at: datetime
    ends_at: datetime
    location_id: str
    status: SlotStatus
    price_cents: int
    claimed: bool
    holder: str | None


class DaySlots(NamedTuple):
    """The slots of one stylist's day for one service, by start, and the instant before which time alone changes none.

    true_until is None when only a change of facts can change the list.
    """

    slots: tuple[Slot, ...]
    true_until: datetime | None


@dataclass(frozen=True, slots=True)
class Terms:
    """A service as one stylist gives it: what slot arithmetic needs to know of it."""

    service_id: str
    duration: timedelta
    interval: timedelta
    buffer_before: timedelta
    buffer_after: timedelta
    min_notice: timedelta
    horizon_days: int
    price_cents: int


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a stylist rather not does.

    avoided: spans by service that the service is not to touch. run_max: the longest time of work without a pause of at least
    `pause`, buffers being work. bookings_max: how many claims may begin on one local day. None = no such wish.
    """

    avoided: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    run_max: timedelta | None = None
    pause: timedelta = timedelta(minutes=15)
    bookings_max: int | None = None


class StaleSource(NamedTuple):
    """The external calendar that is the first not to be believed any more, and from when on: then the day is closed."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DayFacts:
    """A stylist's local day: all that slots are made of, free of the asker, the clock and the service.

    zones: of every location of a window. windows: those that can hold a start of this day, each clipped to begin no
    earlier than 00:00 of the day before. busy: everything that can touch such a start. travel: minutes between two
    locations, under both orders. terms: by service id. stale: only where the tenant closes days for that.
    why_closed: for a day without windows.
    """

    stylist_id: str
    day: date
    zones: Mapping[str, ZoneInfo]
    windows: tuple[Window, ...]
    busy: tuple[Busy, ...]
    travel: Mapping[tuple[str, str], timedelta]
    terms: Mapping[str, Terms]
    price_rules: tuple[PriceRule, ...]
    preferences: Preferences | None = None
    stale: StaleSource | None = None
    why_closed: ClosedBy | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One business. hold_ttl: how long a hold lasts.

    payment_url: where a booking is paid for, {booking}, {amount} and {currency} to be filled in; None = nothing is paid online.
    payment_ttl: how long a booking waits for its payment; None = for ever.
    """

    id: str
    slug: str
    name: str
    currency: str
    timezone: str
    hold_ttl: timedelta
    payment_url: str | None = None
    payment_ttl: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """A place with an IANA time zone."""

    id: str
    name: str
    timezone: str


@dataclass(frozen=True, slots=True)
class Service:
    """What is booked, with its length and buffers in minutes and its price in minor units."""

    id: str
    name: str
    duration_minutes: int
    slot_interval_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    price_cents: int
    min_notice_minutes: int
    horizon_days: int
    active: bool


@dataclass(frozen=True, slots=True)
class Stylist:
    """Who is booked. location_ids: the home location first, then every other place of their hours."""

    id: str
    name: str
    active: bool
    timezone: str
    location_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Offering:
    """A service as one stylist gives it."""

    stylist_id: str
    service_id: str
    duration_minutes: int
    price_cents: int


@dataclass(frozen=True, slots=True)
class Directory:
    """What lists and names need of one tenant: everything by id, lists by name. Inactive ones are kept for old bookings."""

    tenant: Tenant
    locations: Mapping[str, Location]
    services: Mapping[str, Service]
    stylists: Mapping[str, Stylist]
    offerings: Mapping[tuple[str, str], Offering]
    by_stylist: Mapping[str, tuple[Offering, ...]] = field(default_factory=dict)
    by_service: Mapping[str, tuple[Offering, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom a booking is for."""

    id: str
    name: str
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that claims a stylist's time: a hold or a booking, in any state.

    holder: who made it, as `sub:…` or `session:…`. expires_at: of a hold. price_cents: as quoted when it was held or booked;
    price_trace: what it was made of then. payment_due_at: when it ends by itself unless it is paid for before.
    """

    id: str
    stylist_id: str
    service_id: str
    location_id: str
    status: BookingStatus
    starts_at: datetime
    ends_at: datetime
    price_cents: int
    holder: str | None
    expires_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    customer: Customer | None
    notes: str | None
    price_trace: PriceTrace | None = None
    payment_required: bool = False
    payment_due_at: datetime | None = None
    paid_at: datetime | None = None

    @property
    def awaits_payment(self) -> bool:
        """Whether it is a booking that is still to be paid for online."""
        return self.payment_required and self.paid_at is None and self.status is BookingStatus.CONFIRMED
