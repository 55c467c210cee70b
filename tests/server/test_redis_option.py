"""--redis-url as a stranger uses it: a server process with a Redis, without its Redis, and with a URL that is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import RedisServer, Salon
from tests.server.test_command_line import ask, run, serve

UNPREPARED = "--no-warming", "--days-ahead", "0"
SLOTS = """{{ availableSlots(stylistId: "{0}", serviceId: "{1}", date: "{2}") {{ freeCount cache {{ source verified }} }} }}"""


async def first_answer(*arguments: str, query: str) -> tuple[Any, int, str]:
    """What a new process answers first, and its exit code and complaints when it is told to stop."""
    process, url = await serve(*arguments)
    answer = (await ask(url, query))["availableSlots"]
    await asyncio.sleep(0.1)  # nobody waits for what is stored
    process.terminate()
    _, err = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    told = [line for line in err.decode().splitlines(keepends=True) if '"event": "slow"' not in line]
    return answer, process.returncode, "".join(told)


async def test_processes_share_what_they_computed_and_stop_without_a_word(
    database_url: str, salon: Salon, redis_server: RedisServer
) -> None:
    options = ["--database-url", database_url, "--redis-url", redis_server.url, *UNPREPARED]
    query = SLOTS.format(salon.asha, salon.cut, salon.day)

    first = await first_answer(*options, query=query)
    second = await first_answer(*options, query=query)

    assert (first[0]["cache"], first[1:]) == ({"source": "DATABASE", "verified": True}, (0, ""))
    assert (second[0]["cache"], second[1:]) == ({"source": "REDIS", "verified": True}, (0, ""))
    assert second[0]["freeCount"] == first[0]["freeCount"] > 0


async def test_a_redis_that_is_away_is_a_line_in_the_log_without_its_password(database_url: str, salon: Salon) -> None:
    options = ["--database-url", database_url, "--redis-url", "redis://:secret@127.0.0.1:1/0", *UNPREPARED]

    answer, code, err = await first_answer(*options, query=SLOTS.format(salon.asha, salon.cut, salon.day))

    assert (answer["cache"], code) == ({"source": "DATABASE", "verified": True}, 0)
    assert len(err.splitlines()) == 2
    assert "redis does not answer" in err
    assert "redis for quotas does not answer" in err
    assert "secret" not in err


@pytest.mark.parametrize(
    "url", ["localhost:6379", "http://localhost", "redis://localhost:port", "redis://localhost/x?db=y"]
)
async def test_a_url_that_is_none_is_refused_before_anything_starts(url: str, tmp_path: Any) -> None:
    code, _, err = await run("serve", "--port", "0", "--redis-url", url, "--data-dir", str(tmp_path / "data"))

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "--redis-url" in err
    assert not (tmp_path / "data").exists()
