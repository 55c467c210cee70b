"""--replica-url as a stranger uses it: with a replica, without it, with a URL that is none; and what --offer-log-days keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import SALON, Salon
from tests.server.test_command_line import ask, run, serve

BUSY = '{ analytics(from: "2030-01-01", to: "2030-01-02") { popularTimes { bookings } } }'
SLOTS = '{{ availableSlots(stylistId: "{0}", serviceId: "{1}", date: "{2}") {{ freeCount }} }}'


async def answers(folder: Path, salon: Salon, *options: str) -> tuple[Any, Any, int, str]:
    """What a new process says of the business and of free starts, its exit code, and its complaints."""
    own = ["--data-dir", str(folder)]
    process, url = await serve(*options, *own)
    _, token, _ = await run("token", "--role", "staff", "--tenant", SALON["tenant"]["slug"], *own)
    figures = await ask(url, BUSY, authorization=f"Bearer {token.strip()}")
    slots = await ask(url, SLOTS.format(salon.asha, salon.cut, salon.day))
    process.terminate()
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return figures, slots, process.returncode, err.decode()


async def test_a_server_with_a_replica_logs_its_offers_and_stops_without_a_word(
    database_url: str, salon: Salon, tmp_path: Path, sql: asyncpg.Connection[Any]
) -> None:
    options = ["--database-url", database_url, "--replica-url", database_url]

    figures, slots, *end = await answers(tmp_path, salon, *options)

    assert (figures, end) == ({"analytics": {"popularTimes": []}}, [0, ""])
    assert slots["availableSlots"]["freeCount"] == 14
    assert await sql.fetchval("select sum(times) from offers") == 1


async def test_without_its_replica_it_answers_all_else(
    database_url: str, salon: Salon, tmp_path: Path, sql: asyncpg.Connection[Any]
) -> None:
    options = ["--database-url", database_url, "--replica-url", "postgresql://u:secret@127.0.0.1:1/x"]

    figures, slots, code, err = await answers(tmp_path, salon, *options, "--offer-log-days", "0")

    assert (figures, slots["availableSlots"]["freeCount"], code) == (None, 14, 0)
    assert "the replica does not answer" in err
    assert "secret" not in err
    assert await sql.fetchval("select count(*) from offers") == 0
    assert await sql.fetchval("select sum(asked) from demand") == 1


@pytest.mark.parametrize("url", ["localhost:5432", "http://localhost/x"])
async def test_a_url_that_is_none_is_refused_before_anything_starts(url: str, tmp_path: Path) -> None:
    code, _, err = await run("serve", "--port", "0", "--replica-url", url, "--data-dir", str(tmp_path / "data"))

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "--replica-url" in err
    assert not (tmp_path / "data").exists()
