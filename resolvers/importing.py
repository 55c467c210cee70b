"""`import FILE`: a salon file into the database, in one transaction, and what that changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import orjson

from db import imports, journal
from db.imports import Counts
from db.pool import Connection, Database
from domain import hours
from domain.errors import InvalidInput
from domain.model import Span
from resolvers import salon_faults, salon_file, shapes, writing
from resolvers.app import forget
from resolvers.context import Context
from resolvers.salon_file import BadFile, Booking, Fault, SalonFile, Stylist, TimeOff
from resolvers.writing import Request

ROWS_A_STATEMENT = 2000  # a second or two each, triggers included, well within a statement's time limit

IMPORT = "tenantImport"

Report = Callable[[str, int, int], None]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import wrote: the tenant's id, and counts by kind, named as in the file, in the order of writing."""

    tenant_id: str
    counts: Mapping[str, Counts]

    @property
    def is_empty(self) -> bool:
        """Whether the database said already what the file says."""
        return not any(one.added or one.changed or one.removed for one in self.counts.values())


async def import_salon(database: Database, salon: SalonFile, report: Report) -> ImportSummary:
    """Makes the database say what the file says, all of it or nothing. What the file does not name stays.

    report: called with (kind, rows done, rows in all); from the start again when Postgres makes it try again.
    Raises BadFile when Postgres does not know a time zone, Unavailable when it is away.
    """
    return await database.transact(None, partial(_import, salon=salon, report=report))


async def import_own(context: Context, file: object) -> ImportSummary:
    """The same for the caller's own business, from a file's JSON values; the context's directory is the new one then.

    Raises InvalidInput for the file's faults, and for another business's slug; Unavailable.
    """
    try:
        salon = salon_file.parse(_text(file))
        if salon.tenant.slug != context.directory.tenant.slug:
            raise BadFile([Fault("tenant.slug", f"is not this business's, {context.directory.tenant.slug}")])
        summary = await context.app.database.transact(None, partial(_import_audited, context=context, salon=salon))
    except BadFile as error:
        refusal = InvalidInput(tuple((fault.path, fault.message) for fault in error.faults))
        await writing.audit_refusal(context, Request(IMPORT, {}, entity_id=context.tenant_id), refusal)
        raise refusal from None
    forget(context.app, context.tenant_id, None, None)
    for stylist in salon.stylists:
        forget(context.app, context.tenant_id, stylist.id, None)
    await context.reload()
    return summary


async def _import_audited(connection: Connection, context: Context, salon: SalonFile) -> ImportSummary:
    summary = await _import(connection, salon, lambda *_: None)
    await journal.audit(
        connection,
        context.tenant_id,
        actor=context.caller.actor,
        action=IMPORT,
        entity_id=context.tenant_id,
        outcome="DONE",
        after={kind: asdict(counts) for kind, counts in summary.counts.items()},
    )
    return summary


def _text(file: object) -> bytes:
    """A file's JSON values as its text. Raises BadFile for what is too deep or too large for that."""
    try:
        return orjson.dumps(file)
    except orjson.JSONEncodeError as error:
        raise BadFile([Fault("the file", f"cannot be read: {error}")]) from None


async def _import(connection: Connection, salon: SalonFile, report: Report) -> ImportSummary:
    await imports.begin(connection)
    await _check_zones(connection, salon)
    tenant_id, count = await imports.tenant(connection, **salon.tenant.model_dump())
    run = _Run(connection, tenant_id, report, {"tenant": count})
    zones = {one.id: ZoneInfo(one.timezone) for one in salon.locations}
    stylists = salon.stylists
    await run.whole("locations", imports.locations, _locations(salon))
    await run.whole("services", imports.services, _services(salon))
    await run.whole("stylists", imports.stylists, _stylists(salon))
    await imports.lock(connection, tenant_id, [one.id for one in stylists])
    await run.lists("closures", imports.closures, _closures(salon))
    await run.whole("travel", imports.travel, _travel(salon))
    await run.lists("offerings", imports.offerings, {one.id: _offerings(one) for one in stylists})
    await run.lists("hours", imports.hours, {one.id: hours_rows(one) for one in stylists})
    await run.lists("overrides", imports.overrides, {one.id: _overrides(one) for one in stylists})
    await run.lists("overrideHours", imports.override_hours, {one.id: _override_hours(one) for one in stylists})
    await run.lists("timeOff", imports.time_off, {one.id: time_off_rows(one, zones[one.location]) for one in stylists})
    await run.lists("busy", imports.busy, {one.id: _busy(one) for one in stylists})
    await run.whole("priceRules", imports.price_rules, _price_rules(salon))
    await run.chunks("bookings", imports.bookings, _bookings(stylists))
    return ImportSummary(tenant_id, run.counts)


async def _check_zones(connection: Connection, salon: SalonFile) -> None:
    """Python and Postgres each have their own list of time zones, of their own year."""
    named = {"tenant.timezone": salon.tenant.timezone}
    named |= {f"locations[{n}].timezone": one.timezone for n, one in enumerate(salon.locations)}
    unknown = await imports.unknown_zones(connection, set(named.values()))
    faults = [
        Fault(path, f"{salon_faults.shown(zone)} is a time zone that this Postgres does not know")
        for path, zone in named.items()
        if zone in unknown
    ]
    if faults:
        raise BadFile(faults)


class _Run:
    """One import under way: where it writes, and what it counted so far."""

    def __init__(self, connection: Connection, tenant_id: str, report: Report, counts: dict[str, Counts]) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._report = report
        self.counts = counts

    async def whole(
        self, kind: str, put: Callable[[Connection, str, Sequence[Row]], Awaitable[Counts]], rows: Sequence[Row]
    ) -> None:
        """Things with ids of their own, or a list of the tenant's, in one statement."""
        self._count(kind, await put(self._connection, self._tenant_id, rows), len(rows), len(rows))

    async def lists(
        self,
        kind: str,
        put: Callable[[Connection, str, Sequence[str], Sequence[Row]], Awaitable[Counts]],
        rows: Mapping[str, Sequence[Row]],
    ) -> None:
        """The lists of owners, each replaced as a whole, many owners in a statement."""
        total, done = sum(map(len, rows.values())), 0
        for owner_ids in _batches({owner: len(own) for owner, own in rows.items()}):
            batch = [row for owner in owner_ids for row in rows[owner]]
            done += len(batch)
            self._count(kind, await put(self._connection, self._tenant_id, owner_ids, batch), done, total)

    async def chunks(
        self, kind: str, put: Callable[[Connection, str, Sequence[Row]], Awaitable[Counts]], rows: Sequence[Row]
    ) -> None:
        """Rows that stand each for itself, many in a statement."""
        for first in range(0, len(rows), ROWS_A_STATEMENT):
            chunk = rows[first : first + ROWS_A_STATEMENT]
            self._count(kind, await put(self._connection, self._tenant_id, chunk), first + len(chunk), len(rows))

    def _count(self, kind: str, counts: Counts, done: int, total: int) -> None:
        self.counts[kind] = self.counts.get(kind, Counts()) + counts
        self._report(kind, done, total)


def _batches(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Owners, in order, as many at a time as have about ROWS_A_STATEMENT rows; owners without rows count as one."""
    batch: list[str] = []
    rows = 0
    for owner, size in sizes.items():
        batch.append(owner)
        rows += max(1, size)
        if rows >= ROWS_A_STATEMENT:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _locations(salon: SalonFile) -> list[imports.LocationRow]:
    return [imports.LocationRow(one.id, one.name, one.timezone) for one in salon.locations]


def _services(salon: SalonFile) -> list[imports.ServiceRow]:
    return [imports.ServiceRow(**one.model_dump()) for one in salon.services]


def _stylists(salon: SalonFile) -> list[imports.StylistRow]:
    return [imports.StylistRow(one.id, one.name, one.location, one.active) for one in salon.stylists]


def _closures(salon: SalonFile) -> dict[str, list[imports.ClosureRow]]:
    return {one.id: [imports.ClosureRow(one.id, day) for day in one.closures] for one in salon.locations}


def _travel(salon: SalonFile) -> list[imports.TravelRow]:
    return [imports.TravelRow(one.from_, one.to, one.minutes) for one in salon.travel]


def _offerings(stylist: Stylist) -> list[imports.OfferingRow]:
    return [
        imports.OfferingRow(stylist.id, one.service, one.duration_minutes, one.price_cents) for one in stylist.services
    ]


def hours_rows(stylist: Stylist) -> list[imports.HoursRow]:
    """A stylist's week, a row for each weekday and window or break."""
    return week_rows(stylist.id, stylist.location, stylist.hours)


def week_rows(stylist_id: str, home_id: str, week: Iterable[salon_file.Hours | shapes.Hours]) -> list[imports.HoursRow]:
    """A week, at home unless a location is named."""
    return [
        imports.HoursRow(stylist_id, one.location or home_id, weekday, starts, ends, is_break, one.from_, one.until)
        for one in week
        for weekday in sorted(set(one.days))
        for is_break, starts, ends in not_empty(one.windows, one.breaks)
    ]


def _overrides(stylist: Stylist) -> list[imports.OverrideRow]:
    return [imports.OverrideRow(stylist.id, one.date, one.location or stylist.location) for one in stylist.overrides]


def _override_hours(stylist: Stylist) -> list[imports.OverrideHoursRow]:
    return [
        imports.OverrideHoursRow(stylist.id, one.date, is_break, starts, ends)
        for one in stylist.overrides
        for is_break, starts, ends in not_empty(one.windows, one.breaks)
    ]


def not_empty(windows: Sequence[tuple[int, int]], breaks: Sequence[tuple[int, int]]) -> Iterator[tuple[bool, int, int]]:
    """(is a break, starts, ends): those whose end is not their start (R2)."""
    for is_break, pairs in ((False, windows), (True, breaks)):
        yield from ((is_break, starts, ends) for starts, ends in pairs if starts < ends)


def time_off_rows(stylist: Stylist, home: ZoneInfo) -> list[imports.TimeOffRow]:
    """A stylist's time off, dates as the days that they are at home."""
    spans = [time_off_span(one, home) for one in stylist.time_off]
    # A date that the zone skipped has no time to take off.
    return [imports.TimeOffRow(stylist.id, *span) for span in spans if span.starts_at < span.ends_at]


def time_off_span(off: TimeOff, home: ZoneInfo) -> Span:
    if off.date is not None:
        return hours.local_day(off.date, home)
    assert off.start_utc is not None
    assert off.end_utc is not None
    return Span(off.start_utc, off.end_utc)


def _busy(stylist: Stylist) -> list[imports.BusyRow]:
    return [imports.BusyRow(stylist.id, one.source, one.start_utc, one.end_utc) for one in stylist.busy]


def _price_rules(salon: SalonFile) -> list[imports.PriceRuleRow]:
    return [
        imports.PriceRuleRow(
            position=position,
            name=one.name,
            basis_points=one.basis_points,
            service_id=one.service,
            weekdays=sorted(set(one.days)),
            from_minute=one.from_,
            to_minute=one.to,
            from_on=one.from_date,
            until_on=one.until_date,
        )
        for position, one in enumerate(salon.price_rules)
    ]


def _bookings(stylists: Sequence[Stylist]) -> list[imports.BookingRow]:
    """By stylist and start, so that a statement's rows touch neighbouring days."""
    rows = [_booking(stylist, one) for stylist in stylists for one in stylist.bookings]
    return sorted(rows, key=lambda row: (row.stylist_id, row.starts_at))


def _booking(stylist: Stylist, booking: Booking) -> imports.BookingRow:
    return imports.BookingRow(
        stylist_id=stylist.id,
        service_id=booking.service,
        location_id=booking.location or stylist.location,
        starts_at=booking.start_utc,
        ends_at=booking.end_utc,
        occupied_from=booking.start_utc - timedelta(minutes=booking.buffer_before_minutes),
        occupied_until=booking.end_utc + timedelta(minutes=booking.buffer_after_minutes),
    )
