"""R14 across real processes, over HTTP, while something breaks. The long form is `python -m bench.consistency --fault all`."""

from __future__ import annotations

import os

import pytest

from bench import consistency

SOAK = "CHAIRTIME_SOAK" in os.environ
SECONDS = 30 if SOAK else 3


@pytest.mark.parametrize("fault", list(consistency.FAULTS) if SOAK else ["none", "listen-killed"])
async def test_no_verified_read_offers_what_was_booked_before_it(database_url: str, fault: str) -> None:
    result = await consistency.run(database_url, fault=fault, seconds=SECONDS)

    print("", fault, *(f"{row.what}: {row.figure}" for row in result.rows()), sep="\n")
    assert result.violations == 0
    assert result.counts["writes"] > SECONDS
    assert all(len(seen.seconds) > 50 for seen in result.seen.values())
    assert result.counts["rounds of the fault"] > 1


async def test_a_version_check_that_joins_what_was_sent_is_caught(database_url: str) -> None:
    """A run has a handful of violations by chance, and now and then none."""
    found = 0
    for _ in range(4):
        found = found or (await consistency.run(database_url, seconds=SECONDS, mutant=True)).violations

    assert found
