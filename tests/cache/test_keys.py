"""Every key, spelled once: no two are spelled alike, and the tenant comes first."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache import keys
from cache.keys import DayKey, DirectoryKey, Key

DAY = date(2030, 1, 14)

# Few characters, those of the form itself among them, so that parts run together as often as they can.
PARTS = st.text("a:1", max_size=6)
KEYS: st.SearchStrategy[Key] = st.builds(DirectoryKey, PARTS) | st.builds(
    DayKey, PARTS, PARTS, st.dates(date(2030, 1, 1), date(2030, 1, 3))
)


@pytest.mark.parametrize(
    ("key", "text"),
    [(DirectoryKey("salon"), "1:5:salon"), (DayKey("salon", "ana", DAY), "1:5:salon:3:ana:10:2030-01-14")],
    ids=["a directory", "a day"],
)
def test_the_tenant_comes_first_and_each_part_says_its_length(key: Key, text: str) -> None:
    assert keys.text(key) == text


def test_parts_do_not_run_together() -> None:
    assert keys.text(DayKey("a", "bc", DAY)) != keys.text(DayKey("ab", "c", DAY))


@given(KEYS, KEYS)
@settings(max_examples=1_000, derandomize=True, database=None, deadline=None)
def test_two_keys_are_spelled_alike_only_when_they_are_the_same(one: Key, other: Key) -> None:
    assert (keys.text(one) == keys.text(other)) == (one == other)


def test_all_days_of_a_stylist_are_dropped_together_and_nobody_elses() -> None:
    ana = DayKey("salon", "ana", DAY).group

    assert ana == DayKey("salon", "ana", date(2030, 2, 1)).group
    assert ana not in {
        DayKey("salon", "ben", DAY).group,
        DayKey("rival", "ana", DAY).group,
        DirectoryKey("salon").group,
    }
