"""The schema, put together."""

from __future__ import annotations

from strawberry.schema.config import StrawberryConfig

from execution.documents import DocumentCache
from schema import fanout, results
from schema.errors import CodedErrors
from schema.mutation import Mutation
from schema.operation import Schema
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription

Schema.fan_out = staticmethod(fanout.stream)

schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[results.SlotTaken, results.SlotNotOffered, results.HoldExpired],
    extensions=[CodedErrors, DocumentCache()],
    config=StrawberryConfig(scalar_map=SCALARS),
)
