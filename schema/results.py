"""What mutations answer: the thing itself, or a Problem that the caller can act on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import strawberry

from domain import errors
from domain.errors import NotOfferedReason
from domain.model import Claim, SlotStatus
from schema.claims import Booking, Hold
from schema.types import Info, Slot, show

show(
    NotOfferedReason,
    "Why a start is not offered, when nobody has it.",
    **{reason.value: words for reason, words in errors.NOT_OFFERED.items()},
)

T = TypeVar("T")


@strawberry.interface(description="Why something was not done, in words for people. Every refusal is one.")
class Problem:
    message: str = strawberry.field(description="What is wrong, and what to do.")


@strawberry.type(description="Somebody else has this time.")
class SlotTaken(Problem):
    slot_status: SlotStatus = strawberry.field(description="How the start looks now.")
    version: str = strawberry.field(description="The day's version at which it was found taken.")
    nearest: list[Slot] = strawberry.field(description="The nearest free starts of the same stylist, by start.")


@strawberry.type(description="This start is not offered.")
class SlotNotOffered(Problem):
    reason: NotOfferedReason = strawberry.field(description="Why not.")
    nearest: list[Slot] = strawberry.field(description="The nearest free starts of the same stylist, by start.")


@strawberry.type(description="The hold has ended.")
class HoldExpired(Problem):
    expired_at: datetime = strawberry.field(description="When it ended.")


@strawberry.type(description="There is no such thing, or it is another's: both read the same.")
class NotFound(Problem):
    pass


@strawberry.type(description="The booking was cancelled, completed or missed before.")
class AlreadyEnded(Problem):
    pass


@strawberry.type(description="The idempotency key was used with another input.")
class IdempotencyConflict(Problem):
    pass


HoldPlaceResult = Annotated[
    Hold | SlotTaken | SlotNotOffered | NotFound | IdempotencyConflict,
    strawberry.union("HoldPlaceResult", description="The hold, or why there is none."),
]
HoldReleaseResult = Annotated[
    Hold | HoldExpired | NotFound,
    strawberry.union("HoldReleaseResult", description="The hold that was given back, or why it was not."),
]
BookingResult = Annotated[
    Booking | SlotTaken | SlotNotOffered | HoldExpired | NotFound | AlreadyEnded | IdempotencyConflict,
    strawberry.union("BookingResult", description="The booking as it now stands, or why nothing was done."),
]


async def answer(info: Info, of: Callable[[Info, Claim], T], work: Awaitable[Claim]) -> Any:
    """The claim as a type, or the Problem that the refusal stands for."""
    try:
        return of(info, await work)
    except errors.Refusal as refusal:
        return problem(info, refusal)


def problem(info: Info, refusal: errors.Refusal) -> Any:
    """A refusal as the union's member."""
    match refusal:
        case errors.SlotTaken(slot_status=status, version=version, nearest=nearest):
            return SlotTaken(
                message=refusal.message,
                slot_status=status,
                version=version,
                nearest=[Slot.free(info, free) for free in nearest],
            )
        case errors.SlotNotOffered(reason=reason, nearest=nearest):
            return SlotNotOffered(
                message=refusal.message, reason=reason, nearest=[Slot.free(info, free) for free in nearest]
            )
        case errors.HoldExpired(expired_at=expired_at):
            return HoldExpired(message=refusal.message, expired_at=expired_at)
        case errors.NotFound():
            return NotFound(message=refusal.message)
        case errors.AlreadyEnded():
            return AlreadyEnded(message=refusal.message)
        case errors.IdempotencyConflict():
            return IdempotencyConflict(message=refusal.message)
    raise refusal
