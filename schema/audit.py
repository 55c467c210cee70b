"""What GraphQL shows admins of the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from db import journal
from schema import connections
from schema.connections import PageInfo


@strawberry.type(description="One thing that was done or refused.")
class AuditEntry:
    id: strawberry.ID = strawberry.field(description="Its number in the log. Not a UUID.")
    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="By whom: role and owner, as `staff:sub:sita` or `public:session:…`.")
    action: str = strawberry.field(description="The mutation's name.")
    entity_id: strawberry.ID | None = strawberry.field(description="Which thing.")
    outcome: str = strawberry.field(description="DONE, or the type of the Problem that it was refused with.")
    before: JSON | None = strawberry.field(description="The thing as it was.")
    after: JSON | None = strawberry.field(description="The thing as it then was; of a refusal, what was asked for.")

    @classmethod
    def of(cls, entry: journal.Entry) -> AuditEntry:
        return cls(
            id=strawberry.ID(str(entry.id)),
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            entity_id=strawberry.ID(entry.entity_id) if entry.entity_id else None,
            outcome=entry.outcome,
            before=entry.before,
            after=entry.after,
        )


@strawberry.type(description="A line of the audit log and its place.")
class AuditEdge:
    node: AuditEntry = strawberry.field(description="The line.")
    cursor: str = strawberry.field(description="What to hand in as `after` to go on behind it.")


@strawberry.type(description="A page of the audit log.")
class AuditConnection:
    edges: list[AuditEdge] = strawberry.field(description="The lines, in order.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")

    @classmethod
    def of(cls, entries: Sequence[journal.Entry], first: int) -> AuditConnection:
        """A page of the first so many of the lines, of which there may be one more."""
        return connections.page(
            cls, AuditEdge, entries, first, node=AuditEntry.of, place=lambda one: (one.at, str(one.id))
        )
