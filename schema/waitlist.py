"""What GraphQL shows and takes of the waitlist."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from domain import waiting
from domain.errors import BadRequest, Refusal
from domain.model import Directory
from domain.waiting import WaitStatus, Wish
from resolvers import waitlist
from resolvers.app import Limits
from resolvers.context import Context
from resolvers.writing import Request
from schema import connections, inputs
from schema.claims import Customer, Hold
from schema.connections import PageInfo
from schema.inputs import CustomerInput, Repeatable
from schema.operation import Asking, context_of
from schema.results import AlreadyEnded, IdempotencyConflict, NotFound, SlotNotOffered, problem
from schema.types import Info, Service, Stylist, show

TIMES_MAX = 24
WAIT_DAYS_MAX = 366
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")

show(
    WaitStatus,
    "Where an entry of the waitlist stands.",
    WAITING="It waits for its turn; once its dates are past, in vain.",
    OFFERED="It is offered a time: see `offer`. Confirm that hold, or release it to wait on.",
    BOOKED="It took a time that it was offered.",
    LEFT="It no longer waits, by its own wish or the staff's.",
    MISSED="It let three offers run out, and no longer waits.",
)


@strawberry.input(description="A span of the local day in which a start may lie.")
class WaitlistTimeInput:
    from_: str = strawberry.field(name="from", description="The first minute, as `09:00`.")
    to: str = strawberry.field(description="The first minute that is too late, as `12:30`, at most `24:00`.")


@strawberry.input(description="What to wait for.")
class WaitlistJoinInput(Repeatable):
    service_id: strawberry.ID = strawberry.field(description="For what.")
    stylist_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Whose time, at most 200. Default: of whoever offers the service."
    )
    from_: date = strawberry.field(name="from", description="The first date, by the clocks of the place.")
    to: date = strawberry.field(description="The last date, itself included; at most 366 days in all.")
    times: list[WaitlistTimeInput] | None = strawberry.field(
        default=None, description="At which times of the day a start may lie, at most 24. Default: at any."
    )
    customer: CustomerInput = strawberry.field(description="Whom it is for: how to reach them when a time is offered.")
    idempotency_key: str | None = strawberry.field(default=None, description=inputs.IDEMPOTENCY)

    def wish(self, limits: Limits) -> Wish:
        """Checked. Raises BadRequest."""
        inputs.dates(self.from_, self.to, WAIT_DAYS_MAX)
        times = self.times or []
        if len(times) > TIMES_MAX:
            raise BadRequest("BAD_INPUT", f"times: {len(times)} are more than {TIMES_MAX}")
        return Wish(
            service_id=inputs.uuid(self.service_id, "serviceId"),
            stylist_ids=tuple(inputs.uuids(self.stylist_ids or [], "stylistIds", limits)),
            from_on=self.from_,
            until_on=self.to,
            times=tuple(_times(n, one) for n, one in enumerate(times)),
        )


@strawberry.type(description="A span of the local day in which a start may lie.")
class WaitlistTime:
    from_: str = strawberry.field(name="from", description="The first minute, as `09:00`.")
    to: str = strawberry.field(description="The first minute that is too late, as `12:30`.")


@strawberry.type(description="Somebody who waits for a time that is taken. Shown to who joined and to staff.")
class WaitlistEntry:
    directory: strawberry.Private[Directory]
    entry: strawberry.Private[waiting.Waiting]
    id: strawberry.ID = strawberry.field(description="Its id: leave by this.")
    from_: date = strawberry.field(name="from", description="The first date waited for.")
    to: date = strawberry.field(description="The last date waited for, itself included.")
    times: list[WaitlistTime] = strawberry.field(description="The times of the day waited for; none: any.")
    status: WaitStatus = strawberry.field(description="Where it stands.")
    joined_at: datetime = strawberry.field(description="When it joined: the first to join is asked first.")
    ended_at: datetime | None = strawberry.field(description="When it ceased to wait.")
    customer: Customer = strawberry.field(description="Whom it is for.")

    @classmethod
    def of(cls, info: Info, entry: waiting.Waiting) -> WaitlistEntry:
        return cls(
            directory=context_of(info).directory,
            entry=entry,
            id=strawberry.ID(entry.id),
            from_=entry.wish.from_on,
            to=entry.wish.until_on,
            times=[WaitlistTime(from_=_clock(from_), to=_clock(until)) for from_, until in entry.wish.times],
            status=entry.status,
            joined_at=entry.joined_at,
            ended_at=entry.ended_at,
            customer=Customer.of(entry.customer),
        )

    @strawberry.field(description="For what.")
    def service(self) -> Service:
        return Service.of(self.directory, self.entry.wish.service_id)

    @strawberry.field(description="Whose time; none: of whoever offers the service.")
    def stylists(self) -> list[Stylist]:
        ids = self.entry.wish.stylist_ids
        return [Stylist.of(self.directory, id_) for id_ in ids if id_ in self.directory.stylists]

    @strawberry.field(
        description="What it is offered now: a hold of who joined. Confirm it to book, release it to wait on."
    )
    async def offer(self, info: Info) -> Hold | None:
        if self.entry.hold_id is None:
            return None
        claim = await context_of(info).claims.load(self.entry.hold_id)
        return Hold.of(info, claim) if claim else None


@strawberry.type(description="A place on the waitlist and what stands there.")
class WaitlistEdge:
    node: WaitlistEntry = strawberry.field(description="The entry.")
    cursor: str = strawberry.field(description="What to hand in as `after` to go on behind it.")


@strawberry.type(description="A page of the waitlist.")
class WaitlistConnection:
    edges: list[WaitlistEdge] = strawberry.field(description="The entries, in the order of joining.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")

    @classmethod
    def of(cls, info: Info, entries: Sequence[waiting.Waiting], first: int) -> WaitlistConnection:
        """A page of the first so many of the entries, of which there may be one more."""
        return connections.page(
            cls,
            WaitlistEdge,
            entries,
            first,
            node=lambda one: WaitlistEntry.of(info, one),
            place=lambda one: (one.joined_at, one.id),
        )


@strawberry.type(description="A time that you waited for: yours until its hold ends.")
class WaitlistOffer:
    entry: WaitlistEntry = strawberry.field(description="Who waited.")
    hold: Hold = strawberry.field(description="What is offered: confirm it with `bookingConfirm`, or `holdRelease` it.")


WaitlistJoinResult = Annotated[
    WaitlistEntry | SlotNotOffered | NotFound | IdempotencyConflict,
    strawberry.union("WaitlistJoinResult", description="The entry, or why there is none."),
]
WaitlistLeaveResult = Annotated[
    WaitlistEntry | NotFound | AlreadyEnded,
    strawberry.union("WaitlistLeaveResult", description="The entry that no longer waits, or why nothing was done."),
]


@strawberry.type
class WaitlistQuery:
    @strawberry.field(description="What you wait for, or for staff who waits for what; in the order of joining.")
    async def waitlist(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="How many at most, 1 to 200.")] = 50,
        after: Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")] = None,
    ) -> WaitlistConnection:
        context = context_of(info)
        most = inputs.bounded(first, "first", context.app.limits.page, 50)
        place = inputs.place(after, lambda id_: str(UUID(id_))) if after is not None else None
        return WaitlistConnection.of(info, await waitlist.entries(context, after=place, most=most + 1), most)


@strawberry.type
class WaitlistMutation:
    @strawberry.mutation(
        description="Waits for a time that is taken: what a booking or hold leaves is offered, as a hold of theirs, to the first "
        "who joined and whom it fits. Needs X-Session-Id or a token."
    )
    async def waitlist_join(
        self, info: Info, input: Annotated[WaitlistJoinInput, strawberry.argument(description="What to wait for.")]
    ) -> WaitlistJoinResult:
        context = context_of(info)
        await context.renew()
        wish, contact = input.wish(context.app.limits), input.customer.contact()
        request = Request("waitlistJoin", _as_json(wish, contact), key=input.idempotency_key)
        return await _answer(info, waitlist.join(context, wish, contact, request))

    @strawberry.mutation(description="No longer waits; what is offered now goes to the next.")
    async def waitlist_leave(
        self, info: Info, entry_id: Annotated[strawberry.ID, strawberry.argument(description="The entry's id.")]
    ) -> WaitlistLeaveResult:
        context = context_of(info)
        await context.renew()
        id_ = inputs.uuid(entry_id, "entryId")
        return await _answer(info, waitlist.leave(context, id_, Request("waitlistLeave", {"entryId": id_}, id_)))


@strawberry.type
class WaitlistSubscription:
    @strawberry.subscription(
        description="What you are offered from the waitlist: first what is open, then each offer as it is made. Needs "
        "X-Session-Id or a token."
    )
    async def waitlist_offered(self, info: Info) -> AsyncGenerator[WaitlistOffer, None]:
        asking = info.context
        assert isinstance(asking, Asking)

        async def open_context() -> Context:
            return await asking.open(remembers=False)

        async with aclosing(waitlist.offers(open_context)) as offers:
            async for one in offers:
                yield WaitlistOffer(entry=WaitlistEntry.of(info, one.entry), hold=Hold.of(info, one.hold))


async def _answer(info: Info, work: Any) -> Any:
    try:
        return WaitlistEntry.of(info, await work)
    except Refusal as refusal:
        return problem(info, refusal)


def _times(n: int, given: WaitlistTimeInput) -> tuple[int, int]:
    """[from, to) in minutes of the day. Raises BadRequest."""
    from_, to = _minutes(given.from_, f"times.{n}.from"), _minutes(given.to, f"times.{n}.to")
    if from_ >= to:
        raise BadRequest("BAD_INPUT", f"times.{n}: from {given.from_} is not before to {given.to}")
    return from_, to


def _minutes(text: str, name: str) -> int:
    if not CLOCK.fullmatch(text):
        raise BadRequest("BAD_INPUT", f"{name}: {text[:20]!r} is not a time of the day, as 09:00 is")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _as_json(wish: Wish, contact: Any) -> dict[str, Any]:
    return {
        "serviceId": wish.service_id,
        "stylistIds": wish.stylist_ids,
        "from": wish.from_on.isoformat(),
        "to": wish.until_on.isoformat(),
        "times": wish.times,
        "customer": {"name": contact.name, "email": contact.email, "phone": contact.phone},
    }
