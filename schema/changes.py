"""What changing how a business is set up answers: the thing and the bookings that it leaves outside, or a Problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import strawberry

from domain import errors
from resolvers.managing import Changed
from schema.claims import Booking
from schema.results import IdempotencyConflict, NotFound, Problem
from schema.setup import PriceRule, TimeOff
from schema.types import Info, Location, Service, Stylist, Tenant

CONFLICTS_SHOWN_MAX = 200


@strawberry.interface(description="What a change of the setup leaves behind.")
class Change:
    conflicts: list[Booking] = strawberry.field(
        description="Bookings to come that the rules would not let in any more, by start, at most 200. They stay until somebody "
        "moves or cancels them."
    )
    conflict_count: int = strawberry.field(description="How many there are, of the next 2,000 bookings.")


@strawberry.type(description="The business, changed.")
class TenantChange(Change):
    tenant: Tenant = strawberry.field(description="The business as it now is.")


@strawberry.type(description="A place, changed.")
class LocationChange(Change):
    location: Location = strawberry.field(description="The place as it now is, or as it was.")


@strawberry.type(description="A service, changed.")
class ServiceChange(Change):
    service: Service = strawberry.field(description="The service as it now is.")


@strawberry.type(description="A stylist, changed.")
class StylistChange(Change):
    stylist: Stylist = strawberry.field(description="The stylist as they now are.")


@strawberry.type(description="A stylist's time off, changed.")
class TimeOffChange(Change):
    stylist: Stylist = strawberry.field(description="Whose.")
    time_off: TimeOff = strawberry.field(description="The time off, or what it was.")


@strawberry.type(description="A price rule, changed.")
class PriceRuleChange(Change):
    price_rule: PriceRule = strawberry.field(description="The rule as it now is, or as it was.")


@strawberry.type(description="One thing that is wrong with an input.")
class Fault:
    path: str = strawberry.field(description="Where, as `hours[0].windows[1]`.")
    message: str = strawberry.field(description="What is wrong, and what would be right.")


@strawberry.type(description="The input cannot be taken as it stands. Every fault is told at once.")
class InvalidInput(Problem):
    faults: list[Fault] = strawberry.field(description="All that is wrong, in the input's order.")


@strawberry.type(description="Something still needs this.")
class InUse(Problem):
    pass


@strawberry.type(description="How many rows of one kind an import wrote.")
class ImportCount:
    kind: str = strawberry.field(description="The kind, named as in the file.")
    added: int = strawberry.field(description="Came.")
    changed: int = strawberry.field(description="Changed.")
    removed: int = strawberry.field(description="Went.")
    skipped: int = strawberry.field(description="Bookings that overlap a claim.")
    known: int = strawberry.field(description="Bookings that were made already.")


@strawberry.type(description="An import that is done.")
class TenantImported:
    tenant: Tenant = strawberry.field(description="The business as it now is.")
    counts: list[ImportCount] = strawberry.field(description="What was written.")


TenantResult = Annotated[
    TenantChange | InvalidInput | NotFound,
    strawberry.union("TenantResult", description="The business, or why nothing was done."),
]
TenantImportResult = Annotated[
    TenantImported | InvalidInput | NotFound,
    strawberry.union("TenantImportResult", description="What was written, or why nothing was."),
]
LocationResult = Annotated[
    LocationChange | InvalidInput | NotFound | InUse,
    strawberry.union("LocationResult", description="The place, or why nothing was done."),
]
ServiceResult = Annotated[
    ServiceChange | InvalidInput | NotFound,
    strawberry.union("ServiceResult", description="The service, or why nothing was done."),
]
StylistResult = Annotated[
    StylistChange | InvalidInput | NotFound,
    strawberry.union("StylistResult", description="The stylist, or why nothing was done."),
]
TimeOffResult = Annotated[
    TimeOffChange | InvalidInput | NotFound,
    strawberry.union("TimeOffResult", description="The time off, or why nothing was done."),
]
PriceRuleResult = Annotated[
    PriceRuleChange | InvalidInput | NotFound,
    strawberry.union("PriceRuleResult", description="The price rule, or why nothing was done."),
]


def changed(info: Info, of: Callable[..., Change], found: Changed, **members: Any) -> Any:
    """A change's type, with the bookings that it leaves outside."""
    shown = [Booking.of(info, claim) for claim in found.conflicts[:CONFLICTS_SHOWN_MAX]]
    return of(conflicts=shown, conflict_count=len(found.conflicts), **members)


def problem(refusal: errors.Refusal) -> Any:
    """A refusal as the unions' member. Raises it again when it is none of theirs."""
    match refusal:
        case errors.InvalidInput(faults=faults):
            return InvalidInput(
                message=refusal.message, faults=[Fault(path=path, message=message) for path, message in faults]
            )
        case errors.NotFound():
            return NotFound(message=refusal.message)
        case errors.InUse():
            return InUse(message=refusal.message)
        case errors.IdempotencyConflict():
            return IdempotencyConflict(message=refusal.message)
    raise refusal
