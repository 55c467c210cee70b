"""Lists a page at a time, as Relay has them: edges with cursors, and where the page ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import strawberry

from schema import inputs

T = TypeVar("T")
C = TypeVar("C")


@strawberry.type(description="Where a page of a connection ends, as Relay has it.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after this page.")
    end_cursor: str | None = strawberry.field(description="What to hand in as `after` for the next page.")


def page(
    connection: Callable[..., C],
    edge: Callable[..., Any],
    found: Sequence[T],
    first: int,
    *,
    node: Callable[[T], Any],
    place: Callable[[T], tuple[datetime, str]],
) -> C:
    """A connection's page of the first so many of what was found, of which there may be one more.

    connection, edge: their types. node: what an edge shows. place: by what the list is ordered, and an id.
    """
    edges = [edge(node=node(one), cursor=inputs.cursor(*place(one))) for one in found[:first]]
    end_cursor = edges[-1].cursor if edges else None
    return connection(edges=edges, page_info=PageInfo(has_next_page=len(found) > first, end_cursor=end_cursor))
