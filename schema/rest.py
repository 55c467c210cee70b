"""REST for booking pages that exist already: one date's starts in the form they know, from the same loader as GraphQL's."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
from aiohttp import web
from graphql import GraphQLError

from cache.versioned import Freshness
from domain.errors import BadRequest
from domain.model import Slot, SlotStatus
from resolvers import availability, offers
from resolvers.app import App
from resolvers.availability import Availability
from resolvers.context import Context
from schema import errors, inputs, operation
from schema.operation import Asking, Authenticate
from schema.scalars import clock_text, instant_text, parse_date
from schema.types import CacheInfo

T = TypeVar("T")

AVAILABLE_SLOTS = "/api/bookings/available-slots"
DEFAULT_ZONE = "Asia/Kathmandu"
REQUIRED = {"stylistId": "the stylist's id", "serviceId": "the service's id", "targetDate": "the date as YYYY-MM-DD"}
STATUS_NAMES = {
    SlotStatus.AVAILABLE: "available",
    SlotStatus.BOOKED: "booked",
    SlotStatus.HELD: "reserved",
    SlotStatus.UNAVAILABLE: "unavailable",
}
HTTP_STATUSES = {
    "BAD_INPUT": 400,
    "TOO_COMPLEX": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
# Any start may be sold the next moment, and only we can tell: a copy kept elsewhere would break R14.
NOT_STORED = {"Cache-Control": "no-store"}


@dataclass
class BadParameter(BadRequest):
    """A parameter that is malformed, or all that are missing, by name."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page asks for. date: counted in the customer's zone (R10)."""

    stylist_id: str
    service_id: str
    date: date
    zone: ZoneInfo

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        """From a query string, where empty is left out and other names count for nothing. Raises BadParameter."""
        missing = {name: what for name, what in REQUIRED.items() if not query.get(name)}
        if missing:
            wanted = "; ".join(f"{name} is missing, give {what}" for name, what in missing.items())
            raise BadParameter("BAD_INPUT", wanted, ", ".join(missing))
        return cls(
            stylist_id=parsed("stylistId", query["stylistId"], partial(inputs.uuid, name="stylistId")),
            service_id=parsed("serviceId", query["serviceId"], partial(inputs.uuid, name="serviceId")),
            date=parsed("targetDate", query["targetDate"], parse_date),
            zone=parsed(
                "customerTimezone",
                query.get("customerTimezone") or DEFAULT_ZONE,
                partial(inputs.zone_named, argument="customerTimezone"),
            ),
        )

    async def read(self, context: Context) -> Availability:
        """VERIFIED, from an operation's loader. Raises BadRequest NOT_FOUND, Unavailable."""
        (found,) = await availability.of_stylist(
            context,
            stylist_id=self.stylist_id,
            service_id=self.service_id,
            dates=[self.date],
            zone=self.zone,
            freshness=Freshness.VERIFIED,
        )
        return found


class Rest:
    """The handlers: GET, and so HEAD. Who asks, and of which tenant, is said by the same headers as to GraphQL."""

    def __init__(self, app: App, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def available_slots(self, request: web.Request) -> web.Response:
        """Every start on the grid of a date, by start; a parameter given twice counts the first time."""
        try:
            wanted = Wanted.of(request.query)
            asking = Asking(self._app, self._authenticate, operation.headers_of_asker(request.headers))
            found = await steady(asking, wanted.read)
            if asking.context:
                offers.note(asking.context)
            return web.Response(
                body=orjson.dumps([row(slot, wanted.zone) for slot in found.slots]),
                headers=freshness_headers(found),
                content_type="application/json",
            )
        except Exception as error:  # whatever it is: aiohttp would answer it with a page of its own
            return refusal(request, error)


async def steady(asking: Asking, read: Callable[[Context], Awaitable[T]]) -> T:
    """What is read, or raised; once more with a new directory when the first turned out stale, as GraphQL's queries are."""
    context = await asking.open()
    try:
        found = await read(context)
    except Exception:
        if not await context.is_stale():
            raise
    else:
        if not await context.is_stale():
            return found
    return await read(await asking.open(fresh=True))


def row(slot: Slot, zone: ZoneInfo) -> dict[str, Any]:
    """A start as the pages know it; local times are the customer's, so made for each answer and never kept."""
    start_local = slot.starts_at.astimezone(zone)
    return {
        "slotStartUtc": instant_text(slot.starts_at),
        "slotEndUtc": instant_text(slot.ends_at),
        "slotStartLocal": instant_text(start_local),
        "slotEndLocal": instant_text(slot.ends_at.astimezone(zone)),
        "slotDisplay": clock_text(start_local),
        "status": STATUS_NAMES[slot.status],
        "isAvailable": slot.status is SlotStatus.AVAILABLE,
        "priceCents": slot.price_cents,
    }


def freshness_headers(found: Availability) -> dict[str, str]:
    """What GraphQL says in `cache`. X-Cached: whether answers come by way of the cache at all, which ours always do."""
    info = CacheInfo.of(found)
    return {
        "X-Cached": "true",
        "X-Cache-Hit": _yes_or_no(info.hit()),
        "X-Verified": _yes_or_no(info.verified()),
        "X-Version": info.version,
        "X-Computed-At": instant_text(info.computed_at),
        **NOT_STORED,
    }


def refusal(request: web.Request, error: Exception) -> web.Response:
    """What GraphQL would say of an error, with an HTTP status instead of a code."""
    message, more = errors.describe(GraphQLError(str(error), path=[request.path], original_error=error))
    status = HTTP_STATUSES.get(more["code"], web.HTTPBadRequest.status_code)
    body = {"error": message}
    if isinstance(error, BadParameter):
        body["parameter"] = error.parameter
    if "errorId" in more:
        body["errorId"] = more["errorId"]
    headers = dict(NOT_STORED)
    if "retryAfterSeconds" in more:
        headers["Retry-After"] = str(math.ceil(more["retryAfterSeconds"]))
    if status == web.HTTPUnauthorized.status_code:
        headers["WWW-Authenticate"] = "Bearer"
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def parsed(name: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except BadRequest as fault:
        raise BadParameter(fault.code, fault.message, name) from None
    except ValueError as fault:
        raise BadParameter("BAD_INPUT", f"{name}: {fault}", name) from None


def _yes_or_no(value: bool) -> str:
    return "true" if value else "false"
