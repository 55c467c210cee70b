"""Whatever is asked, a server with plans answers as one without them does, to the byte: queries written by hand."""

from __future__ import annotations

from collections import Counter

from resolvers.app import App
from tests.conftest import Salon
from tests.schema.plans.twins import By, Twins, differences, twins_of
from tests.schema.plans.written import askers, shapes, written

WRITTEN_MIN = 200


def test_they_are_many_and_each_is_another() -> None:
    all_ = written()

    assert (
        len(all_)
        == len({one.name for one in all_})
        == len({(one.bytes, one.who, *one.headers.items()) for one in all_})
    )
    assert Counter(one.by for one in all_)[By.KEPT] > WRITTEN_MIN


async def test_every_written_query_is_answered_as_without_plans(twins: Twins) -> None:
    wrong = await differences(twins, written())

    assert not wrong, "\n\n".join([f"{len(wrong)} differences", *wrong[:10]])


async def test_so_too_where_no_change_is_heard_and_values_are_kept_instead_of_bytes(
    deaf_app: App, who: dict[str, dict[str, str]], furnished: Salon
) -> None:
    some = [*askers(), *shapes()]

    async with twins_of(deaf_app, who, fragments=False) as twins:
        wrong = await differences(twins, some)

    assert not wrong, "\n\n".join([f"{len(wrong)} differences", *wrong[:10]])
