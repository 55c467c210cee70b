"""What staff and admins can do: set the business up. Each mutation is a Change (resolvers/managing.py) and its answer."""

from __future__ import annotations

import strawberry

from schema.managing_business import ManagingBusiness
from schema.managing_prices import ManagingPrices
from schema.managing_stylists import ManagingStylists


@strawberry.type
class Managing(ManagingBusiness, ManagingStylists, ManagingPrices):
    """In the order in which the schema shows them."""
