"""The refusals a caller can expect, and the requests that are wrong. A refusal's docstring is its message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.model import Slot, SlotStatus


class NotOfferedReason(StrEnum):
    """Why a start is not offered, when nobody has it."""

    OUTSIDE_WORKING_HOURS = "OUTSIDE_WORKING_HOURS"
    OFF_GRID = "OFF_GRID"
    TOO_SOON = "TOO_SOON"
    BEYOND_HORIZON = "BEYOND_HORIZON"
    SERVICE_NOT_OFFERED = "SERVICE_NOT_OFFERED"
    UNAVAILABLE = "UNAVAILABLE"


class OrderReason(StrEnum):
    """Why a free start of one of several stylists stands where it does."""

    EARLIEST = "EARLIEST"
    FEWEST_BOOKINGS = "FEWEST_BOOKINGS"
    TIE = "TIE"


@dataclass(frozen=True, slots=True)
class Free:
    """A free start of one stylist, as `nearest` offers it. order: its place among those of several stylists."""

    stylist_id: str
    service_id: str
    slot: Slot
    order: OrderReason | None = None


@dataclass
class Refusal(Exception):
    """Something that the caller can act on. Its message is its class's docstring unless it brings its own."""

    @property
    def message(self) -> str:
        return " ".join((type(self).__doc__ or "").split())


@dataclass
class SlotTaken(Refusal):
    """Somebody else has this time. `nearest` are free starts close to it."""

    slot_status: SlotStatus
    version: str = ""
    nearest: Sequence[Free] = field(default_factory=tuple)
    seen_version: str | None = None

    @property
    def message(self) -> str:
        if self.seen_version and self.seen_version != self.version:
            return f"Somebody took this time after version {self.seen_version}; the day is now at {self.version}."
        return "Somebody else has this time. `nearest` are free starts close to it."


NOT_OFFERED = {
    NotOfferedReason.OUTSIDE_WORKING_HOURS: "The stylist does not work, or not long enough, at this time.",
    NotOfferedReason.OFF_GRID: "Starts lie on a grid, and this one is between two of them.",
    NotOfferedReason.TOO_SOON: "This start is past or too soon: the service asks for more notice.",
    NotOfferedReason.BEYOND_HORIZON: "This start is further ahead than the service can be booked.",
    NotOfferedReason.SERVICE_NOT_OFFERED: "The stylist does not offer this service.",
    NotOfferedReason.UNAVAILABLE: "The stylist is not available at this time.",
}


@dataclass
class SlotNotOffered(Refusal):
    """This start is not offered."""

    reason: NotOfferedReason
    nearest: Sequence[Free] = field(default_factory=tuple)

    @property
    def message(self) -> str:
        return NOT_OFFERED[self.reason]


@dataclass
class HoldExpired(Refusal):
    """The hold has ended. Place a new one if the time is still free."""

    expired_at: datetime


@dataclass
class NotFound(Refusal):
    """There is no such thing, or it is not yours to see."""


@dataclass
class AlreadyEnded(Refusal):
    """The booking was cancelled, completed or missed, and can no longer be changed."""


@dataclass
class InvalidInput(Refusal):
    """The input cannot be taken as it stands. `faults` says where it is wrong, and what would be right."""

    faults: Sequence[tuple[str, str]]

    @property
    def message(self) -> str:
        return "; ".join(f"{path}: {what}" for path, what in self.faults)


@dataclass
class InUse(Refusal):
    """Something still needs this: move the stylists, hours and overrides that name it first. Bookings keep it for good."""


@dataclass
class IdempotencyConflict(Refusal):
    """This idempotency key was used with another input. Use a new key for a new request."""


@dataclass
class BadRequest(Exception):
    """A request that is wrong as it stands: code as in API.graphql, message saying what, where and what would be right."""

    code: str
    message: str


@dataclass
class RateLimited(BadRequest):
    """A request that was right, but one too many. retry_after_s: whole seconds until the next may come."""

    retry_after_s: int

    @classmethod
    def of(cls, what: str, retry_after_s: int) -> RateLimited:
        """what: of which there were too many."""
        return cls("RATE_LIMITED", f"too many {what}; try again in {retry_after_s} s", retry_after_s)


class Unavailable(Exception):
    """The database is away and what was asked cannot be answered without it."""


class IssuerUnavailable(Unavailable):
    """The keys of whoever signs bearer tokens are away, and whether a token is valid cannot be told without them."""
