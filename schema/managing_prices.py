"""Setting up price rules."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import strawberry

from db.managing import Kind, Row
from resolvers import managing, shapes
from resolvers.context import Context
from resolvers.managing import Change
from schema import changes, changing, inputs, setup_inputs
from schema.changing import Given
from schema.permissions import IsAdmin, only
from schema.setup import PriceRule
from schema.types import Info


@strawberry.type
class ManagingPrices:
    @strawberry.mutation(**only(IsAdmin, "adds or replaces a price rule. Holds and bookings keep their prices."))
    async def price_rule_set(
        self,
        info: Info,
        input: Annotated[setup_inputs.PriceRuleSetInput, strawberry.argument(description="The rule.")],
    ) -> changes.PriceRuleResult:
        async def work(context: Context, shape: shapes.PriceRuleSet, given: Given) -> Any:
            row = _rule(shape)
            return await _changed(info, context, row["id"], managing.placing(row, shape.position), given)

        return await changing.with_input(info, shapes.PriceRuleSet, input, work)

    @strawberry.mutation(**only(IsAdmin, "removes a price rule."))
    async def price_rule_remove(
        self,
        info: Info,
        price_rule_id: Annotated[strawberry.ID, strawberry.argument(description="The rule's id.")],
    ) -> changes.PriceRuleResult:
        async def work(context: Context) -> Any:
            id_ = inputs.uuid(price_rule_id, "priceRuleId")
            return await _changed(info, context, id_, managing.removing, {"id": id_})

        return await changing.answer(info, work)


def _rule(shape: shapes.PriceRuleSet) -> Row:
    """The rule's columns, but for its place in the order."""
    return {
        "id": shape.id or str(uuid4()),
        "name": shape.name,
        "basis_points": shape.basis_points,
        "service_id": shape.service_id,
        "weekdays": sorted(set(shape.days)),
        "from_minute": shape.from_,
        "to_minute": shape.to,
        "from_on": shape.from_date,
        "until_on": shape.until_date,
    }


async def _changed(info: Info, context: Context, id_: str, becomes: managing.Next, given: Given) -> Any:
    found = await managing.make(context, Change(info.field_name, Kind.PRICE_RULE, {"id": id_}, becomes, given))
    return changes.changed(info, changes.PriceRuleChange, found, price_rule=PriceRule.of(info, found.row))
