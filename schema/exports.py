"""Large answers over HTTP: bookings as NDJSON and CSV, streamed; iCalendar feeds; and in GraphQL, how staff make these."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import lru_cache, partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
import strawberry
import structlog
from aiohttp import web
from icalendar import Calendar, Event

from db.exports import FeedBooking, Row
from domain.errors import BadRequest, Refusal
from resolvers import exporting
from resolvers.app import App
from resolvers.exporting import Feed, Wanted
from schema import inputs, operation
from schema.changes import problem
from schema.inputs import StylistIdArgument
from schema.operation import Asking, Authenticate, context_of
from schema.permissions import IsStaff, only
from schema.rest import NOT_STORED, BadParameter, parsed, refusal
from schema.results import NotFound
from schema.scalars import instant_text, parse_date
from schema.types import Info, Stylist

STARTED = web.RequestKey("STARTED", bool)
log = structlog.get_logger("exports")

BOOKINGS = "/export/bookings.{form:ndjson|csv}"
CALENDAR = "/calendar/{stylist}.ics"
DAYS_MAX = 3_660
LOOK_S = 0.2  # how often it is looked whether the client is still there
STALL_S = 30.0  # a client that takes nothing for so long is gone
REQUIRED = {"from": "the first date as YYYY-MM-DD", "to": "the last date as YYYY-MM-DD"}
COLUMNS = (
    *(
        "id",
        "stylistId",
        "stylistName",
        "serviceId",
        "serviceName",
        "locationId",
        "locationName",
        "status",
        "startUtc",
        "endUtc",
    ),
    *("startLocal", "priceCents", "customerName", "customerEmail", "customerPhone", "notes", "createdAt", "endedAt"),
    *("cancelReason", "paidAt"),
)
# What spreadsheets take for a formula, at the start of a cell (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CONTENT_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}


class Exports:
    """The handlers. Who asks for bookings is said by the same headers as to GraphQL; who asks for a calendar, by its token."""

    def __init__(self, app: App, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def bookings(self, request: web.Request) -> web.StreamResponse:
        """All bookings of some dates, by start, as they come from Postgres. A stream that breaks off has no last chunk."""
        try:
            return await _while_there(request, self._bookings(request))
        except ConnectionResetError:
            return _broken_off(request)
        except Exception as error:  # whatever it is: aiohttp would answer it with a page of its own
            if not request.get(STARTED):
                return refusal(request, error)
            log.warning("an export broke off", path=request.path, error=repr(error))
            return _broken_off(request)

    async def calendar(self, request: web.Request) -> web.StreamResponse:
        """A stylist's bookings as iCalendar. Whatever is wrong with the address reads the same."""
        try:
            stylist_id = inputs.uuid(request.match_info["stylist"], "stylist")
            found = await exporting.feed(self._app, stylist_id, request.query.get("token", ""))
            if found is None:
                raise BadRequest(
                    "NOT_FOUND", "there is no such calendar; staff make a new address with calendarFeedCreate"
                )
            return await _calendar(request, found)
        except Exception as error:  # likewise
            return refusal(request, error)

    async def _bookings(self, request: web.Request) -> web.StreamResponse:
        form = request.match_info["form"]
        wanted = _wanted(request)
        context = await Asking(self._app, self._authenticate, operation.headers_of_asker(request.headers)).open()
        async with exporting.bookings(context, wanted) as batches:
            name = f"bookings-{context.directory.tenant.slug}-{wanted.from_on}-{wanted.until_on}.{form}"
            response = web.StreamResponse(
                headers={
                    "Content-Type": f"{CONTENT_TYPES[form]}; charset=utf-8",
                    "Content-Disposition": f'attachment; filename="{name}"',
                    **NOT_STORED,
                }
            )
            write = _as_csv if form == "csv" else _as_ndjson
            request[STARTED] = True
            await response.prepare(request)
            if form == "csv":
                await response.write((",".join(COLUMNS) + "\r\n").encode())
            async for rows in batches:
                async with asyncio.timeout(STALL_S):
                    await response.write(write(rows))
            await response.write_eof()
            return response


def _broken_off(request: web.Request) -> web.Response:
    """What aiohttp then finds that it cannot send: the client, if it is there, sees that the stream is not whole."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _while_there(request: web.Request, work: Coroutine[Any, Any, web.StreamResponse]) -> web.StreamResponse:
    """What the work answers. When the client has gone it is cancelled, and with it what Postgres does for it."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait([task], timeout=LOOK_S))[0]:
            if request.transport is None or request.transport.is_closing():
                task.cancel()
        return task.result()
    except asyncio.CancelledError:
        if not task.cancelled():  # then it is we who are to end
            raise
        raise ConnectionResetError("the client has gone") from None
    finally:
        task.cancel()
        await asyncio.wait([task])


def _wanted(request: web.Request) -> Wanted:
    """From a query string, where empty is left out and other names count for nothing. Raises BadParameter."""
    query = request.query
    missing = {name: what for name, what in REQUIRED.items() if not query.get(name)}
    if missing:
        text = "; ".join(f"{name} is missing, give {what}" for name, what in missing.items())
        raise BadParameter("BAD_INPUT", text, ", ".join(missing))
    from_on, until_on = (parsed(name, query[name], parse_date) for name in REQUIRED)
    parsed("to", query["to"], lambda _: inputs.dates(from_on, until_on, DAYS_MAX))
    stylist = query.get("stylistId")
    return Wanted(
        from_on, until_on, parsed("stylistId", stylist, partial(inputs.uuid, name="stylistId")) if stylist else None
    )


def values(row: Row) -> tuple[Any, ...]:
    """A booking's values in the order of COLUMNS; instants as text."""
    starts_at = row["starts_at"]
    return (
        *(row["id"], row["stylist_id"], row["stylist_name"], row["service_id"], row["service_name"]),
        *(row["location_id"], row["location_name"], row["status"], _text(starts_at), _text(row["ends_at"])),
        *(_text(starts_at.astimezone(_zone(row["timezone"]))), row["price_cents"]),
        *(row["customer_name"], row["customer_email"], row["customer_phone"], row["notes"]),
        *(_text(row["created_at"]), _text(row["ended_at"]), row["cancel_reason"], _text(row["paid_at"])),
    )


def _as_ndjson(rows: Sequence[Row]) -> bytes:
    """A JSON object a line."""
    lines = [
        orjson.dumps(dict(zip(COLUMNS, values(row), strict=True)), option=orjson.OPT_APPEND_NEWLINE) for row in rows
    ]
    return b"".join(lines)


def _as_csv(rows: Sequence[Row]) -> bytes:
    """As RFC 4180 has it; what a spreadsheet would take for a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(value) for value in values(row)] for row in rows])
    return text.getvalue().encode()


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _text(instant: Any) -> str | None:
    return None if instant is None else instant_text(instant)


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


async def _calendar(request: web.Request, found: Feed) -> web.Response:
    """The calendar, or 304. Programs may keep it, and are to ask whether it still holds."""
    tag = f'"{hashlib.sha256(repr(found).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    asked = (one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(","))
    if tag in asked:
        return web.Response(status=304, headers=headers)
    body = await asyncio.to_thread(ical, found)
    return web.Response(body=body, headers=headers, content_type="text/calendar", charset="utf-8")


def ical(feed: Feed) -> bytes:
    """As RFC 5545 has it."""
    calendar = Calendar()
    calendar.add("prodid", "-//Chairtime//Chairtime//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", feed.stylist_name)
    for booking in feed.bookings:
        calendar.add_component(_event(feed, booking))
    body: bytes = calendar.to_ical()
    return body


def _event(feed: Feed, booking: FeedBooking) -> Event:
    event = Event()
    event.add("uid", f"{booking.id}@{feed.tenant_id}.chairtime")
    event.add("dtstamp", booking.created_at)
    event.add("dtstart", booking.starts_at)
    event.add("dtend", booking.ends_at)
    event.add("summary", ": ".join(filter(None, (booking.service_name, booking.customer_name))))
    event.add("location", booking.location_name)
    event.add("status", "CONFIRMED")
    return event


@strawberry.type(description="A stylist's calendar, for programs that subscribe to one.")
class CalendarFeed:
    stylist_id: strawberry.Private[str]
    token: str | None = strawberry.field(
        description="What opens it. Shown only now: a token that is lost is replaced by a new one. Null once it is revoked."
    )
    path: str | None = strawberry.field(description="Its address on this server; whoever has it sees the bookings.")

    @classmethod
    def of(cls, stylist_id: str, token: str | None) -> CalendarFeed:
        path = token and f"{CALENDAR.format(stylist=stylist_id)}?token={token}"
        return cls(stylist_id=stylist_id, token=token, path=path)

    @strawberry.field(description="Whose calendar.")
    def stylist(self, info: Info) -> Stylist:
        return Stylist.of(context_of(info).directory, self.stylist_id)


CalendarFeedResult = Annotated[
    CalendarFeed | NotFound,
    strawberry.union("CalendarFeedResult", description="The calendar's address, or why there is none."),
]


@strawberry.type
class Feeding:
    @strawberry.mutation(
        **only(IsStaff, "makes an address for a stylist's calendar; the one before opens nothing any more.")
    )
    async def calendar_feed_create(self, info: Info, stylist_id: StylistIdArgument) -> CalendarFeedResult:
        return await _feed(info, stylist_id, exporting.make_feed)

    @strawberry.mutation(**only(IsStaff, "closes a stylist's calendar: its address opens nothing any more."))
    async def calendar_feed_revoke(self, info: Info, stylist_id: StylistIdArgument) -> CalendarFeedResult:
        return await _feed(info, stylist_id, exporting.revoke_feed)


async def _feed(info: Info, stylist_id: strawberry.ID, change: Callable[..., Awaitable[str | None]]) -> Any:
    context, id_ = context_of(info), inputs.uuid(stylist_id, "stylistId")
    await context.renew()
    try:
        return CalendarFeed.of(id_, await change(context, id_))
    except Refusal as refused:
        return problem(refused)
