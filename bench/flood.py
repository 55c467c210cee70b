"""What a flood from one address does to another business: python -m bench.flood [--seconds 20] [--rounds 5]

One server with quotas, on a core of its own where there are two; two clients in processes of their own. The neighbour reads
VERIFIED, ten times a second on each of sixteen connections, while somebody asks 20 times their quota: in turns of this server,
and of another that refuses with ready bytes, for the two clients take time from each other too. Prints both p99s and their ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import orjson

from bench.http.servers import Cores

ROOT = Path(__file__).parent.parent
QUOTA = 600  # requests a minute of an address
TIMES = 20
BEAT_S = 0.1
CONNECTIONS = 16
START_MAX_S = 180
FLOODED = "kb-stylish"

FIRST = "{ stylists(limit: 1) { id services { service { id } } } }"
DAY = """query Day($stylist: ID!, $service: ID!, $date: Date!) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date) { freeCount slots { startUtc status } cache { verified } }
}"""


async def main() -> int:
    """Measures; 1 where the neighbour's p99 grew by more than a fifth."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    quiet: list[float] = []
    loud: list[float] = []
    answers = Counter[int]()
    cores = Cores.of_machine()
    os.sched_setaffinity(0, {cores.load})
    async with _server(cores.server) as url:
        body, other = await _body(url, "demo"), await _body(url, FLOODED)
        await _neighbour(url, body, 3)
        async with _sink() as sink:
            for _ in range(given.rounds):
                for where, p99s in ((sink, quiet), (url, loud)):
                    flood = asyncio.create_task(_flood(where, other, given.seconds))
                    p99s.append(_p99(await _neighbour(url, body, given.seconds)))
                    found = await flood
                    answers += found if where == url else Counter()
    ratio = statistics.median(loud) / statistics.median(quiet)
    print(f"flood: {sum(answers.values())} requests, by status {dict(answers)}")
    print(
        f"neighbour's p99, medians of {given.rounds}: {statistics.median(quiet) * 1e3:.2f} ms while another is flooded, ",
        end="",
    )
    print(f"{statistics.median(loud) * 1e3:.2f} ms while this one is: {ratio:.2f} x, meant to be 1.20 at most")
    return int(ratio > 1.2)


@asynccontextmanager
async def _server(core: int) -> AsyncIterator[str]:
    """A server with two businesses; its Postgres stays with the clients."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data = ("--data-dir", folder)
        await _run("import", str(ROOT / "docs" / "salon.example.json"), *data)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "server.py"), "serve", "--demo", "--port", "0", *data),
            *("--rate-read", f"{QUOTA}/minute", "--trusted-proxy", "127.0.0.1"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(START_MAX_S):
                async for line in process.stdout:
                    if found := re.search(rb"(http://\S+/graphql) in a browser", line):
                        os.sched_setaffinity(process.pid, {core})
                        yield found[1].decode()
                        break
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def _sink() -> AsyncIterator[str]:
    """Where a flood does not reach the server."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.flood_client", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


async def _run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "server.py"), *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise SystemExit(f"server.py {arguments[0]} failed")


async def _body(url: str, tenant: str) -> bytes:
    """What a page of a business asks."""
    headers = {"X-Tenant": tenant, "X-Forwarded-For": "192.0.2.1"}
    async with aiohttp.ClientSession(headers=headers) as http, http.post(url, json={"query": FIRST}) as response:
        (stylist,) = (await response.json())["data"]["stylists"]
    date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400))
    variables = {"stylist": stylist["id"], "service": stylist["services"][0]["service"]["id"], "date": date}
    return orjson.dumps({"query": DAY, "variables": variables})


async def _neighbour(url: str, body: bytes, seconds: float) -> list[float]:
    """Seconds that each of their requests took. Each connection has an address of its own, since they are many visitors."""
    return [
        one
        for found in await asyncio.gather(*(_visitor(url, body, seconds, n) for n in range(CONNECTIONS)))
        for one in found
    ]


async def _visitor(url: str, body: bytes, seconds: float, number: int) -> list[float]:
    took = []
    headers = {"X-Tenant": "demo", "X-Forwarded-For": f"198.51.100.{number}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as http:
        await asyncio.sleep(BEAT_S * number / CONNECTIONS)  # or all would always ask at once
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            async with http.post(url, data=body) as response:
                await response.read()
                assert response.status == 200, await response.text()
            took.append(time.perf_counter() - began)
            await asyncio.sleep(max(began + BEAT_S * 1.05 - time.perf_counter(), 0))
    return took


async def _flood(url: str, body: bytes, seconds: float) -> Counter[int]:
    """Statuses of what another process got who asks 20 times the quota, of the other business."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.flood_client", url, FLOODED, body, str(seconds), str(QUOTA * TIMES / 60)),
        cwd=ROOT,
        env=os.environ,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return Counter({int(status): count for status, count in orjson.loads(out).items()})


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[-1]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
