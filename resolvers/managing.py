"""Setting a business up: who works, where and when, what is sold, at what price. Each change is one transaction that audits
itself, answers which bookings it leaves outside, and lets go of what it made stale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

from db import days, journal, managing
from db.managing import Ahead, Kind, Row
from db.pool import Connection, become
from domain import explain, hours
from domain.errors import InUse, InvalidInput, NotFound, Refusal
from domain.explain import Cause
from domain.model import Busy, Claim, ClosedBy, DayFacts, Span, Stylist
from resolvers import importing, shapes, writing
from resolvers.app import forget
from resolvers.context import Context
from resolvers.writing import Request

AHEAD_MAX = 2_000  # bookings that a change is held against, the earliest first
DAYS_AROUND = timedelta(days=2)  # a day's change reaches the nights before and after, in any zone

ALWAYS = (None, None)
CLOCKS_APART = timedelta(minutes=5)

Next = Callable[[Row | None], Row | None]  # the thing as it was, to the thing as it is to be; None = not there


@dataclass(frozen=True, slots=True)
class Change:
    """One change. key finds the thing of this kind; becomes says what it is to be.

    stylist_ids, span: whose bookings, and when, it may leave outside; no stylists = none. input: for the audit log.
    """

    mutation: str
    kind: Kind
    key: Row
    becomes: Next
    input: Mapping[str, Any]
    stylist_ids: Sequence[str] = ()
    span: Span | None = None

    @property
    def entity_id(self) -> str:
        """What the audit log files it under."""
        found: str = (
            self.key.get("id")
            or self.key.get("stylist_id")
            or self.key.get("location_id")
            or self.key["from_location_id"]
        )
        return found


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of the thing, as rows; and the bookings to come that it leaves outside the rules, by start."""

    before: Row | None
    after: Row | None
    conflicts: Sequence[Claim] = ()

    @property
    def row(self) -> Row:
        """The thing, or what it was."""
        found = self.after or self.before
        assert found is not None
        return found


class Outside(NamedTuple):
    """A booking to come that the rules would not let in, and why."""

    claim: Claim
    causes: tuple[Cause, ...]


async def outside(
    context: Context, stylist_ids: Sequence[str], *, from_at: datetime | None, until_at: datetime | None
) -> list[Outside]:
    """The bookings of these stylists that begin in [from_at, until_at), of the next 2,000, that the rules would not let in."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await _outside(connection, context, stylist_ids, from_at, until_at)


async def make(context: Context, change: Change) -> Changed:
    """Makes a change; the context's directory is the new one then. Raises InvalidInput, NotFound, InUse, Unavailable."""

    async def transaction(connection: Connection) -> Changed:
        await managing.lock(connection, context.tenant_id)
        return await _write(connection, context, change)

    try:
        changed = await context.app.database.transact(context.tenant_id, transaction)
    except Refusal as refusal:
        request = Request(change.mutation, change.input, entity_id=change.entity_id)
        await writing.audit_refusal(context, request, refusal)
        raise
    context.app.written[change.mutation, writing.DONE] += 1
    _forget(context, change)
    await context.reload()
    return changed


async def create_tenant(context: Context, shape: shapes.TenantCreate, given: Mapping[str, Any]) -> str:
    """A new business; its id. Raises InvalidInput when the slug is taken."""
    tenant_id = str(uuid4())
    row = {"id": tenant_id, **shape.model_dump(), "busy_stale_closes": False}

    async def transaction(connection: Connection) -> None:
        await become(connection, tenant_id)
        await managing.put(connection, Kind.TENANT, tenant_id, row)
        await _audit(connection, context, tenant_id, "tenantCreate", tenant_id, after=row)

    try:
        await context.app.database.transact(None, transaction)
    except Refusal as refusal:
        await writing.audit_refusal(context, Request("tenantCreate", given), refusal)
        raise
    return tenant_id


def creating(row: Row) -> Next:
    """Adds a thing whose id nothing has yet. Raises InvalidInput."""

    def becomes(before: Row | None) -> Row:
        if before is not None:
            raise InvalidInput((("id", "is taken: something has it already"),))
        return row

    return becomes


def updating(given: Row) -> Next:
    """Changes some columns of a thing that is there. Raises NotFound."""

    def becomes(before: Row | None) -> Row:
        if before is None:
            raise NotFound
        return {**before, **given}

    return becomes


def setting(row: Row) -> Next:
    """Makes a thing be so, whether it is there already or not."""
    return lambda _: row


def removing(before: Row | None) -> None:
    """Takes a thing away. Raises NotFound."""
    if before is None:
        raise NotFound


def hearing(row: Row, now: datetime) -> Next:
    """A calendar's list as of an instant, which is not to come. What was heard of later stays. Raises InvalidInput."""

    def becomes(before: Row | None) -> Row:
        if datetime.fromisoformat(row["as_of"]) > now + CLOCKS_APART:
            raise InvalidInput((("asOf", f"is yet to come: it is {now:%Y-%m-%dT%H:%M:%SZ} now"),))
        if before is not None and datetime.fromisoformat(row["as_of"]) < datetime.fromisoformat(before["as_of"]):
            raise InvalidInput((("asOf", f"this source was last heard of at {before['as_of']}, which is later"),))
        return row

    return becomes


def placing(row: Row, position: int | None) -> Next:
    """A price rule, where it is asked for, else where it was, else behind all others."""
    return lambda before: {**row, "position": before["position"] if before and position is None else position}


def who_has(context: Context, kind: Kind, id_: str) -> list[str]:
    """The stylists whose bookings a change of this can leave outside."""
    directory = context.directory
    if kind is Kind.SERVICE:
        return [one.stylist_id for one in directory.by_service.get(id_, ())]
    if kind is Kind.LOCATION:
        return [one.id for one in directory.stylists.values() if id_ in one.location_ids]
    return [id_]


def around(span: Span) -> Span:
    """A span and as much before and after as a booking can reach into it."""
    return Span(span.starts_at - DAYS_AROUND, span.ends_at + DAYS_AROUND)


def date_span(context: Context, day: date) -> Span:
    """The instants that a change of a date's hours can reach, in the zone of any place."""
    zone = ZoneInfo(context.directory.tenant.timezone)
    return around(hours.local_day(day, zone))


def week_rows(context: Context, shape: shapes.ScheduleSet) -> list[dict[str, Any]]:
    """The rows of a stylist's week, who must be there. Raises NotFound."""
    found = importing.week_rows(shape.stylist_id, home_of(context, shape.stylist_id), shape.hours)
    return [{name: getattr(row, name) for name in row.__dataclass_fields__ if name != "stylist_id"} for row in found]


def home_of(context: Context, stylist_id: str) -> str:
    """Where a stylist is at home. Raises NotFound."""
    return known(context, stylist_id).location_ids[0]


def known(context: Context, stylist_id: str) -> Stylist:
    """A stylist, active or not. Raises NotFound."""
    stylist = context.directory.stylists.get(stylist_id)
    if stylist is None:
        raise NotFound
    return stylist


def time_off_row(context: Context, shape: shapes.TimeOffAdd, id_: str) -> dict[str, Any]:
    """A stylist's time off, a date being that day at home. Raises NotFound, InvalidInput."""
    home = context.directory.locations[home_of(context, shape.stylist_id)]
    span = importing.time_off_span(shape, ZoneInfo(home.timezone))
    if span.starts_at >= span.ends_at:
        raise InvalidInput((("date", f"{shape.date} does not exist in {home.timezone}: its clocks skipped the day"),))
    return {
        "id": id_,
        "stylist_id": shape.stylist_id,
        "starts_at": span.starts_at,
        "ends_at": span.ends_at,
        "reason": shape.reason,
    }


async def setup(context: Context) -> dict[str, Any]:
    """The tenant's settings, closures to come, travel times and price rules, as rows."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await managing.setup(connection, context.tenant_id)


async def _write(connection: Connection, context: Context, change: Change) -> Changed:
    tenant_id = context.tenant_id
    before = await managing.state(connection, change.kind, tenant_id, change.key)
    row = change.becomes(before)
    outside = {
        one.claim.id for one in await _outside(connection, context, change.stylist_ids, *(change.span or ALWAYS))
    }
    if row is None:
        await managing.drop(connection, change.kind, tenant_id, change.key)
    else:
        await managing.put(connection, change.kind, tenant_id, row)
    after = await managing.state(connection, change.kind, tenant_id, change.key)
    if row is None and after is not None:
        raise InUse
    conflicts = [
        one.claim
        for one in await _outside(connection, context, change.stylist_ids, *(change.span or ALWAYS))
        if one.claim.id not in outside
    ]
    if before != after:
        await _audit(connection, context, tenant_id, change.mutation, change.entity_id, before=before, after=after)
    return Changed(before, after, conflicts)


async def _outside(
    connection: Connection,
    context: Context,
    stylist_ids: Sequence[str],
    from_at: datetime | None,
    until_at: datetime | None,
) -> list[Outside]:
    """The bookings to come that the rules, as they are now in this transaction, would not let in."""
    if not stylist_ids:
        return []
    ahead = await managing.claims_ahead(
        connection,
        context.tenant_id,
        stylist_ids,
        from_at=from_at,
        until_at=until_at,
        most=AHEAD_MAX,
    )
    if not ahead:
        return []
    now, found = await days.load(connection, context.tenant_id, {key for one in ahead for key in _days(one)})
    judged = [
        Outside(one.claim, explain.outside(_facts(one, found), _busy(one), one.claim.service_id, now)) for one in ahead
    ]
    return [one for one in judged if one.causes]


def _facts(ahead: Ahead, found: Mapping[tuple[str, date], tuple[object, DayFacts]]) -> DayFacts:
    """The facts of the day that a booking begins on, with all that can touch the booking: it may be longer than the service is
    by now, and reach further into another day than any start of its own.
    """
    begun, *others = [found[key][1] for key in _days(ahead)]
    return replace(begun, busy=tuple(dict.fromkeys(one for day in (begun, *others) for one in day.busy)))


def _days(ahead: Ahead) -> list[tuple[str, date]]:
    """The stylist-days that a booking touches, buffers included; the one that it begins on comes first."""
    zone = hours.zone_named(ahead.timezone) or ZoneInfo("UTC")
    begun = ahead.claim.starts_at.astimezone(zone).date()
    others = [day for day in hours.dates_of(ahead.occupied, zone) if day != begun]
    return [(ahead.claim.stylist_id, day) for day in (begun, *others)]


def _busy(ahead: Ahead) -> Busy:
    claim = ahead.claim
    return Busy(
        ClosedBy.BOOKING, claim.starts_at, claim.ends_at, *ahead.occupied, location_id=claim.location_id, id=claim.id
    )


async def _audit(
    connection: Connection,
    context: Context,
    tenant_id: str,
    mutation: str,
    entity_id: str,
    *,
    before: Row | None = None,
    after: Row | None = None,
) -> None:
    await journal.audit(
        connection,
        tenant_id,
        actor=context.caller.actor,
        action=mutation,
        entity_id=entity_id,
        outcome="DONE",
        before=before,
        after=after,
    )


def _forget(context: Context, change: Change) -> None:
    """Lets go of the directory and of all days that the change could have touched."""
    forget(context.app, context.tenant_id, None, None)
    everyone = change.kind in (Kind.PRICE_RULE, Kind.TENANT, Kind.TRAVEL_TIME, Kind.LOCATION)
    for stylist_id in context.directory.stylists if everyone else change.stylist_ids:
        forget(context.app, context.tenant_id, stylist_id, None)
