"""The comparison itself: plans with a defect that somebody might build in differ from the stock view, and it says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import pytest

from db import versions
from execution import answers, plans, projectors
from execution.answers import Answer, Draft, Part
from execution.projectors import Changing
from resolvers import recalling
from schema import quick, types
from tests.conftest import Salon
from tests.schema.plans.conftest import claim, hold
from tests.schema.plans.twins import DIFFERS, Asked, Twins, differences
from tests.schema.plans.written import ASHA, CUT, NEXT, ROOT

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

Patch: TypeAlias = Callable[[Any, str, Any], None]

TOMORROW = f'availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{NEXT}")'
SWITCHED = "query ($a: Boolean!) { tenant { id name @skip(if: $a) } }"
HELD = (
    "query ($of: [SlotStatus!], $zone: String) {"
    + ROOT[:-1]
    + ", timezone: $zone) { timezone slots(status: $of) { id } } }"
)
BY_ASKER = f"{{ tenant {{ slug }} {ROOT} {{ slots {{ startUtc heldByYou }} }} }}"
SOME = (
    Asked("how it was found", f"{{ {ROOT} {{ cache {{ hit source verified ageSeconds }} freeCount }} }}"),
    Asked("a day", f"{{ {ROOT} {{ date timezone slots {{ startUtc status location {{ name }} }} }} }}"),
    Asked("aliases", "{ a: tenant { b: id c: name } }"),
    Asked("merged", f"{{ {ROOT} {{ freeCount }} {ROOT} {{ timezone slots {{ id }} }} }}"),
    Asked("a field skipped", "{ tenant { id name @skip(if: true) } }"),
    Asked("a switch", SWITCHED, {"a": True}),
    Asked("a switch turned", SWITCHED, {"a": False}),
    Asked("some", HELD, {"of": "HELD"}),
    Asked("others", HELD, {"of": "BOOKED"}),
    Asked("some elsewhere", HELD, {"of": "HELD", "zone": "Africa/Abidjan"}),
    *(Asked(f"by {who}", BY_ASKER, who=who) for who in ("nobody", "tester", "staff", "tester of others")),
    Asked("ages", f"{{ a: {ROOT} {{ cache {{ ageSeconds }} }} b: {TOMORROW} {{ cache {{ ageSeconds }} }} }}"),
)


async def told(twins: Twins, salon: Salon, sql: Connection, later: list[timedelta]) -> list[str]:
    """What the comparison has to say: of queries, and again when a hold has ended, after a booking, and after a new name."""

    async def now() -> list[str]:
        return [one for asked in SOME[:2] for one in await twins.differences_now(asked)]

    await hold(sql, salon, salon.at(16), "session:tester", expires_in=timedelta(minutes=2))
    found = await differences(twins, SOME)
    later[0] += timedelta(minutes=3)
    found += await now()
    await claim(sql, salon, salon.at(13))
    found += await now()
    await sql.execute("update locations set name = name || '!'")
    found += await now()
    return [one for one in found if DIFFERS in one]


def aliases_ignored(patch: Patch) -> None:
    collect = projectors._Writer.collect
    patch(projectors._Writer, "collect", lambda *given: {one[0].name.value: one for one in collect(*given).values()})


def only_the_first_of_merged(patch: Patch) -> None:
    collect = projectors._Writer.collect
    patch(projectors._Writer, "collect", lambda *given: {key: nodes[:1] for key, nodes in collect(*given).items()})


def nothing_skipped(patch: Patch) -> None:
    patch(projectors._Writer, "includes", lambda *_: True)


def switches_of_the_first(patch: Patch) -> None:
    make = plans.Plans._projector

    def first(self: Any, operation: Any, switches: Any) -> Any:
        return next(iter(operation.projectors.values()), None) or make(self, operation, switches)

    patch(plans.Plans, "_projector", first)


def a_fragments_arguments_forgotten(patch: Patch) -> None:
    patch(plans, "_key", lambda _: 0)


def a_fragments_zone_forgotten(patch: Patch) -> None:
    shelf = types.Availability.shelf

    def forgetful(self: Any) -> Any:
        found = shelf(self)
        return found and (found[0], (*found[1][:1], *found[1][2:]))

    patch(types.Availability, "shelf", forgetful)


def holes_in_the_wrong_order(patch: Patch) -> None:
    parts = answers._parts
    patch(answers, "_parts", lambda one: parts(one._replace(holes=one.holes[::-1])))


def gaps_in_the_wrong_order(patch: Patch) -> None:
    at = Answer.at

    def swapped(self: Answer, moment: Any) -> bytes:
        places = reversed([gap.places for gap in self.gaps])
        return at(
            replace(self, gaps=[gap._replace(places=place) for gap, place in zip(self.gaps, places, strict=True)]),
            moment,
        )

    patch(Answer, "at", swapped)


def kept_as_it_was_found(patch: Patch) -> None:
    add = Draft.add

    def as_found(self: Draft, part: Part) -> None:
        add(self, part._replace(hole=part.hole and part.hole._replace(what=_always(part.hole.what.found))))  # type: ignore[union-attr]

    patch(Draft, "add", as_found)


def _always(found: Any) -> Changing:
    return Changing("", found, found)


def holders_not_told_apart(patch: Patch) -> None:
    patch(quick.Asker, "name", property(lambda _: None, lambda *_: None))


def tenants_not_told_apart(patch: Patch) -> None:
    patch(quick.Asker, "scope", property(lambda _: None, lambda *_: None))


def always_true(patch: Patch) -> None:
    patch(recalling.Verified, "judge", lambda self, _: self._app.clock.now())


def versions_not_compared(patch: Patch) -> None:
    patch(recalling.Verified, "judge", lambda self, checked: self._at(checked.now))


def commits_not_noticed(patch: Patch) -> None:
    now = versions.now

    async def blind(*asked: Any, **more: Any) -> Any:
        clock, _, found = await now(*asked, **more)
        return clock, "as before", found

    patch(versions, "now", blind)


def time_not_asked(patch: Patch) -> None:
    patch(recalling.Recalled, "_at", lambda _, now: now)


DEFECTS = (
    aliases_ignored,
    only_the_first_of_merged,
    nothing_skipped,
    switches_of_the_first,
    a_fragments_arguments_forgotten,
    a_fragments_zone_forgotten,
    holes_in_the_wrong_order,
    gaps_in_the_wrong_order,
    kept_as_it_was_found,
    holders_not_told_apart,
    tenants_not_told_apart,
    always_true,
    versions_not_compared,
    commits_not_noticed,
    time_not_asked,
)


async def test_nothing_is_told_where_there_is_no_defect(
    deaf_twins: Twins, furnished: Salon, sql: Connection, later: list[timedelta]
) -> None:
    assert await told(deaf_twins, furnished, sql, later) == []


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda one: one.__name__)
async def test_a_defect_is_told(
    defect: Callable[[Patch], None],
    deaf_twins: Twins,
    furnished: Salon,
    sql: Connection,
    later: list[timedelta],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defect(monkeypatch.setattr)

    assert await told(deaf_twins, furnished, sql, later)
