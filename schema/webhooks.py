"""What GraphQL shows and takes of webhooks, for admins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import strawberry

from domain import webhooks as model
from domain.errors import Refusal
from domain.webhooks import DeliveryState, WebhookEvent
from resolvers import webhooks
from resolvers.context import Context
from resolvers.writing import Request
from schema import changes, inputs
from schema.changes import InvalidInput
from schema.operation import context_of
from schema.permissions import IsAdmin, only
from schema.results import NotFound
from schema.setup_inputs import OWN_ID
from schema.types import Info, show

show(
    WebhookEvent,
    "What endpoints are told of; in what they are sent, `booking.confirmed` and so on.",
    BOOKING_CONFIRMED="A booking was made, or a hold became one.",
    BOOKING_RESCHEDULED="A booking was moved; `previous` is how it was.",
    BOOKING_CANCELLED="A booking was called off, or not paid for in time.",
    BOOKING_COMPLETED="A booking took place.",
    BOOKING_NO_SHOW="The customer did not come.",
    WAITLIST_OFFERED="Somebody who waits is offered a time: `customer` says how to reach them, `expiresAt` until when.",
)
show(
    DeliveryState,
    "Where a delivery stands.",
    PENDING="It is to be tried, perhaps again.",
    DELIVERED="The endpoint answered with 200 to 299.",
    FAILED="It was given up after 20 tries. `webhookRetry` tries again.",
)


@strawberry.type(description="An endpoint that is told of bookings.")
class Webhook:
    id: strawberry.ID = strawberry.field(description="Its id.")
    url: str = strawberry.field(description="Where it is told.")
    events: list[WebhookEvent] = strawberry.field(description="What it is told of; none: everything.")
    active: bool = strawberry.field(description="Whether it is told; else what happens is not kept for it either.")
    created_at: datetime = strawberry.field(description="When it was made.")
    pending: int = strawberry.field(description="How much it is still to be told.")
    failed: int = strawberry.field(description="How much was given up, of the last 30 days.")

    @classmethod
    def of(cls, webhook: model.Webhook) -> Webhook:
        return cls(
            id=strawberry.ID(webhook.id),
            url=webhook.url,
            events=list(webhook.events),
            active=webhook.active,
            created_at=webhook.created_at,
            pending=webhook.pending,
            failed=webhook.failed,
        )


@strawberry.type(description="One event, told to one endpoint.")
class WebhookDelivery:
    id: strawberry.ID = strawberry.field(description="Its id, the header `webhook-id`: the same at each try.")
    booking_id: strawberry.ID = strawberry.field(description="The booking or hold that it is about.")
    event: WebhookEvent = strawberry.field(description="What happened.")
    state: DeliveryState = strawberry.field(description="Where it stands.")
    tries: int = strawberry.field(description="How often it was tried.")
    next_at: datetime = strawberry.field(description="When it is tried next, while it is.")
    created_at: datetime = strawberry.field(description="When it happened.")
    ended_at: datetime | None = strawberry.field(description="When it was delivered or given up.")
    answer: str | None = strawberry.field(description="What the last try came to, as `HTTP 503`.")

    @classmethod
    def of(cls, delivery: model.Delivery) -> WebhookDelivery:
        return cls(
            id=strawberry.ID(delivery.id),
            booking_id=strawberry.ID(delivery.booking_id),
            event=delivery.event,
            state=delivery.state,
            tries=delivery.tries,
            next_at=delivery.next_at,
            created_at=delivery.created_at,
            ended_at=delivery.ended_at,
            answer=delivery.answer,
        )


@strawberry.type(description="An endpoint, changed.")
class WebhookChange:
    webhook: Webhook = strawberry.field(description="The endpoint as it now is, or as it was.")
    secret: str | None = strawberry.field(
        description="What signs what it is told, when that is new: keep it, it is shown this once. See docs/webhooks.md."
    )


@strawberry.input(description="An endpoint to add or change.")
class WebhookSetInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The endpoint's id; of one that there is not: {OWN_ID}"
    )
    url: str | None = strawberry.field(
        default=None, description="Where it is to be told: https, and on the Internet. Needed of a new one."
    )
    events: list[WebhookEvent] | None = strawberry.field(
        default=None,
        description="What it is to be told of; none: everything. Default: as it was, of a new one everything.",
    )
    active: bool | None = strawberry.field(default=None, description="Default: as it was, of a new one true.")
    new_secret: bool = strawberry.field(
        default=False, description="Whether it gets a new secret; the old one signs nothing more from then on."
    )


WebhookResult = Annotated[
    WebhookChange | InvalidInput | NotFound,
    strawberry.union("WebhookResult", description="The endpoint, or why nothing was done."),
]
WebhookRetryResult = Annotated[
    WebhookDelivery | NotFound,
    strawberry.union("WebhookRetryResult", description="The delivery that is due again, or why it is not."),
]
WebhookIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The endpoint's id.")]


@strawberry.type
class WebhookQuery:
    @strawberry.field(**only(IsAdmin, "who is told of bookings, in the order in which they were set up."))
    async def webhooks(self, info: Info) -> list[Webhook]:
        return [Webhook.of(one) for one in await webhooks.all_(context_of(info))]

    @strawberry.field(**only(IsAdmin, "what an endpoint was told last, or is still to be told; the newest first."))
    async def webhook_deliveries(
        self,
        info: Info,
        webhook_id: WebhookIdArgument,
        state: Annotated[DeliveryState | None, strawberry.argument(description="Only those that stand so.")] = None,
        limit: inputs.LimitArgument = 50,
    ) -> list[WebhookDelivery]:
        context = context_of(info)
        most = inputs.bounded(limit, "limit", context.app.limits.page, 50)
        found = await webhooks.deliveries(context, inputs.uuid(webhook_id, "webhookId"), state=state, most=most)
        return [WebhookDelivery.of(one) for one in found]


@strawberry.type
class WebhookMutation:
    @strawberry.mutation(**only(IsAdmin, "adds or changes an endpoint that is told of bookings; at most 10."))
    async def webhook_set(
        self, info: Info, input: Annotated[WebhookSetInput, strawberry.argument(description="The endpoint.")]
    ) -> WebhookResult:
        given = webhooks.Given(
            id=inputs.uuid_or_none(input.id, "id"),
            url=inputs.text(input.url, "url", inputs.NOTES_MAX),
            events=input.events,
            active=input.active,
            new_secret=input.new_secret,
        )
        as_json = {"id": given.id, "url": given.url, "events": given.events, "active": given.active}
        return await _changed(
            info, lambda context: webhooks.set_(context, given, Request("webhookSet", as_json, given.id))
        )

    @strawberry.mutation(**only(IsAdmin, "no longer tells an endpoint, not even what is due."))
    async def webhook_remove(self, info: Info, webhook_id: WebhookIdArgument) -> WebhookResult:
        id_ = inputs.uuid(webhook_id, "webhookId")
        request = Request("webhookRemove", {"webhookId": id_}, id_)
        return await _changed(info, lambda context: webhooks.remove(context, id_, request))

    @strawberry.mutation(
        **only(IsAdmin, "what was given up is tried again, though it may come after what happened later.")
    )
    async def webhook_retry(
        self, info: Info, delivery_id: Annotated[strawberry.ID, strawberry.argument(description="The delivery's id.")]
    ) -> WebhookRetryResult:
        id_ = inputs.uuid(delivery_id, "deliveryId")
        request = Request("webhookRetry", {"deliveryId": id_}, id_)
        try:
            return WebhookDelivery.of(await webhooks.retry(context_of(info), id_, request))
        except Refusal as refusal:
            return changes.problem(refusal)


async def _changed(info: Info, work: Callable[[Context], Awaitable[webhooks.Changed]]) -> Any:
    try:
        found = await work(context_of(info))
    except Refusal as refusal:
        return changes.problem(refusal)
    return WebhookChange(webhook=Webhook.of(found.webhook), secret=found.secret)
