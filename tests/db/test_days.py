"""Stylist-days, read in as many statements as their number asks for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from db import days
from tests.db.conftest import IDS

if TYPE_CHECKING:
    from tests.db.conftest import Salon

FIRST = date(2030, 1, 14)
WANTED = [(IDS[who], FIRST + timedelta(n)) for who in ("ana", "ben") for n in (0, 1, 2, 3, 4, 9)]


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 11])
async def test_many_days_are_the_same_in_several_statements(
    salon: Salon, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    _, whole = await days.load(salon.sql, IDS["salon"], WANTED)
    monkeypatch.setattr(days, "AT_ONCE", at_once)

    _, found = await days.load(salon.sql, IDS["salon"], WANTED)

    assert list(found) == list(whole)
    assert found == whole
    assert len({facts.windows for _, facts in found.values()}) > 1  # days that differ, or nothing is shown


async def test_of_no_days_there_is_the_clock(salon: Salon) -> None:
    now, found = await days.load(salon.sql, IDS["salon"], [])

    assert now.tzinfo is not None
    assert found == {}
