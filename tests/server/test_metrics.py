"""Metrics of several workers on one port, and at an address of their own, by the real command line."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from resolvers import tokens
from resolvers.context import Role
from tests.conftest import SALON, TOKENS, Salon
from tests.ops.conftest import DAY, Samples, samples_of
from tests.server.test_command_line import ask, run, stop
from tests.server.test_workers import ended, serving, workers_of

REQUESTS = 'chairtime_requests_total{kind="query",operation="Day"'
STATS = "{ cacheStats { processes hits misses entries } }"


async def scrape(url: str) -> Samples:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as response:
        assert response.status == 200
        return samples_of(await response.text())


async def until(url: str, is_so: Callable[[Samples], bool]) -> Samples:
    """The metrics once something is so; or after some seconds."""
    for _ in range(100):
        if is_so(found := await scrape(url)):
            break
        await asyncio.sleep(0.1)
    return found


def asked(found: Samples) -> float:
    return sum(value for name, value in found.items() if name.startswith(REQUESTS))


async def test_whichever_worker_is_asked_shows_what_all_have_done_and_what_one_had_done_that_died(
    database_url: str, salon: Salon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("CHAIRTIME_JWT_SECRET", str(TOKENS.secret))
    slug = SALON["tenant"]["slug"]
    admin = tokens.make(TOKENS, role=Role.ADMIN, tenant=slug, subject="a", expires_in=timedelta(hours=1))
    body = {
        "query": DAY,
        "variables": {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day), "freshness": "VERIFIED"},
    }

    quiet = "--no-warming", "--days-ahead", "0"
    async with serving("--database-url", database_url, "--workers", "2", *quiet) as (process, url):
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(aiohttp.ClientSession()) for _ in range(20)]

            async def read(http: aiohttp.ClientSession) -> None:
                async with http.post(f"{url}/graphql", json=body) as response:
                    assert "errors" not in await response.json()

            for _ in range(5):
                await asyncio.gather(*map(read, clients))
        before = await until(url, lambda now: now["chairtime_workers"] == 2 and asked(now) == 100)
        each = [await scrape(url) for _ in range(10)]
        stats = (await ask(url, STATS, authorization=f"Bearer {admin}"))["cacheStats"]
        victim = workers_of(process).pop()
        os.kill(victim, signal.SIGKILL)
        after = await until(url, lambda now: now["chairtime_workers"] == 2 and victim not in workers_of(process))
        process.send_signal(signal.SIGTERM)
        code, _, _ = await ended(process)

    assert before["chairtime_workers"] == before["chairtime_listeners"] == 2
    assert {asked(one) for one in (before, *each)} == {100}
    assert before['chairtime_request_seconds_count{kind="query",path="plan"}'] > 0
    assert stats["processes"] == 2
    assert stats["hits"] + stats["misses"] >= 100  # who looks again when something came in between counts again
    assert before['chairtime_cache_entries{cache="days"}'] == stats["entries"]
    assert (after["chairtime_workers"], asked(after)) == (2, 100)
    assert after['chairtime_cache_entries{cache="days"}'] <= stats["entries"]
    assert code == 0
    assert list(tmp_path.iterdir()) == []


async def test_at_an_address_of_their_own_metrics_are_nowhere_else(database_url: str, salon: Salon) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    async with serving("--database-url", database_url, "--metrics-address", address) as (process, url):
        there = await scrape(f"http://{address}")
        async with aiohttp.ClientSession() as http:
            statuses = []
            for path in ("/metrics", "/healthz", "/readyz"):
                async with http.get(f"{url}{path}") as response:
                    statuses.append(response.status)
        code = await stop(process)

    assert there["chairtime_workers"] == 1
    assert statuses == [404, 200, 200]
    assert code == 0


@pytest.mark.parametrize("address", ["9100", "localhost", "localhost:http", "localhost:70000"])
async def test_an_address_that_is_none_is_said(address: str) -> None:
    code, _, err = await run("serve", "--port", "0", "--metrics-address", address)

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "--metrics-address" in err
