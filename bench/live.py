"""A thousand subscribers and fifty bookings a second: how long from a booking to its events, and whether all know what is there.

python -m bench.live --subscribers 1000 --rate 50 --seconds 20 --workers 2
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bench.harness import Row

ROOT = Path(__file__).parent.parent
DAYS = 3
WATCH = """
subscription ($stylist: ID!, $service: ID!, $from: Date!, $to: Date!) {
  availabilityChanged(stylistIds: [$stylist], serviceId: $service, from: $from, to: $to) {
    availability { date } opened { startUtc } closed { startUtc } snapshot
  }
}
"""
FREE = """
query ($stylist: ID!, $service: ID!, $from: Date!, $to: Date!) {
  stylist(id: $stylist) {
    availability(serviceId: $service, from: $from, to: $to) { date slots(status: AVAILABLE) { startUtc } }
  }
}
"""
BOOK = """
mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  done: bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"}}) {
    kind: __typename ... on Booking { id }
  }
}
"""
CANCEL = "mutation ($id: ID!) { done: bookingCancel(bookingId: $id) { kind: __typename } }"
OFFERED = "{ services { id offerings { stylist { id } } } }"

Free = dict[str, set[str]]  # starts by date


@dataclass
class Load:
    """What is known to the client's side of the run."""

    http: aiohttp.ClientSession
    url: str
    service: str
    days: tuple[date, date]
    sent: dict[tuple[str, str], float] = field(default_factory=dict)  # when a change of a start was asked for
    acked: dict[tuple[str, str], float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    after_ack: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    async def ask(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        async with self.http.post(self.url, json=body, headers={"X-Session-Id": "bench"}) as response:
            answer = await response.json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        return answer["data"]

    def about(self, stylist: str) -> dict[str, Any]:
        first, last = self.days
        return {"stylist": stylist, "service": self.service, "from": str(first), "to": str(last)}

    async def free(self, stylist: str) -> Free:
        found = (await self.ask(FREE, **self.about(stylist)))["stylist"]["availability"]
        return {one["date"]: {slot["startUtc"] for slot in one["slots"]} for one in found}

    async def change(self, what: tuple[str, str], query: str, **variables: Any) -> Any:
        """A stylist's start, booked or freed."""
        self.sent[what] = time.perf_counter()
        done = (await self.ask(query, **variables))["done"]
        self.acked[what] = time.perf_counter()
        self.counts[done["kind"]] += 1
        return done


class Subscriber:
    """One socket, one stylist, and what its differences add up to."""

    def __init__(self, load: Load, stylist: str) -> None:
        self.load = load
        self.stylist = stylist
        self.free: Free = {}
        self.seen: dict[str, float] = {}  # by start: the change that was last told of
        self.ready = asyncio.Event()

    async def run(self) -> None:
        async with self.load.http.ws_connect(self.load.url, protocols=("graphql-transport-ws",)) as ws:
            await ws.send_json({"type": "connection_init"})
            payload = {"query": WATCH, "variables": self.load.about(self.stylist)}
            await ws.send_json({"type": "subscribe", "id": "1", "payload": payload})
            async for message in ws:
                found = message.json()
                if found["type"] == "next":
                    self._take(found["payload"]["data"]["availabilityChanged"], time.perf_counter())
            self.load.counts[f"closed {ws.close_code}"] += 1

    def _take(self, change: dict[str, Any], at: float) -> None:
        opened, closed = ({one["startUtc"] for one in change[name]} for name in ("opened", "closed"))
        day = change["availability"]["date"]
        self.free[day] = opened if change["snapshot"] else (self.free[day] | opened) - closed
        if len(self.free) == DAYS:
            self.ready.set()
        self.load.counts["events"] += not change["snapshot"]
        for start in () if change["snapshot"] else opened | closed:
            sent = self.load.sent.get((self.stylist, start))
            if sent is not None and self.seen.get(start) != sent:  # else it is the neighbour of another booking
                self.seen[start] = sent
                self.load.latencies.append(at - sent)
                acked = self.load.acked.get((self.stylist, start), 0.0)
                self.load.after_ack.append(max(0.0, at - acked) if acked > sent else 0.0)


async def run(*, subscribers: int, rate: float, seconds: float, workers: int) -> list[Row]:
    """The figures. Fails when a subscriber's last state is not what is there."""
    async with _server(workers) as url, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        first = datetime.now(UTC).date() + timedelta(3)
        load = Load(http, url, "", (first, first + timedelta(DAYS - 1)))
        services = (await load.ask(OFFERED))["services"]
        service = max(services, key=lambda one: len(one["offerings"]))
        load.service, stylists = service["id"], [one["stylist"]["id"] for one in service["offerings"]]
        watchers = [Subscriber(load, stylists[n % len(stylists)]) for n in range(subscribers)]
        began = time.perf_counter()
        tasks = []
        for n, watcher in enumerate(watchers):
            tasks.append(asyncio.create_task(watcher.run()))
            if n % 50 == 49:
                await asyncio.gather(*(one.ready.wait() for one in watchers[: n + 1]))
        await asyncio.gather(*(one.ready.wait() for one in watchers))
        joined = time.perf_counter() - began
        await _write(load, stylists, rate=rate, seconds=seconds)
        await asyncio.sleep(2)
        there = {stylist: await load.free(stylist) for stylist in stylists}
        wrong = sum(watcher.free != there[watcher.stylist] for watcher in watchers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if wrong:
        raise SystemExit(f"{wrong} of {subscribers} subscribers do not know what is there")
    return [
        Row(
            f"{subscribers:,} subscribers of {len(stylists)} stylists at {workers} processes, joined in",
            f"{joined:.1f} s",
        ),
        Row(f"bookings and cancellations in {seconds:.0f} s", f"{sum(load.counts.values()) - load.counts['events']:,}"),
        Row("differences received", f"{load.counts['events']:,}"),
        Row("asked for to event, p50", f"{_percentile(load.latencies, 50) * 1e3:.0f} ms"),
        Row("asked for to event, p99", f"{_percentile(load.latencies, 99) * 1e3:.0f} ms"),
        Row("acknowledged to event, p99", f"{_percentile(load.after_ack, 99) * 1e3:.0f} ms", "under 250 ms"),
        Row("subscribers whose last state differs from a fresh query", str(wrong), "0"),
    ]


async def _write(load: Load, stylists: list[str], *, rate: float, seconds: float) -> None:
    """Books and cancels at a steady rate."""
    chance = random.Random(1)
    booked: list[tuple[str, str, str]] = []
    tasks: set[asyncio.Task[None]] = set()
    free = {stylist: await load.free(stylist) for stylist in stylists}

    async def one() -> None:
        if booked and chance.random() < 0.5:
            stylist, start, id_ = booked.pop(chance.randrange(len(booked)))
            await load.change((stylist, start), CANCEL, id=id_)
            return
        stylist = chance.choice(stylists)
        start = chance.choice([start for starts in free[stylist].values() for start in starts] or [""])
        if start:
            given = {"stylist": stylist, "service": load.service, "start": start}
            done = await load.change((stylist, start), BOOK, **given)
            if done["kind"] == "Booking":
                booked.append((stylist, start, done["id"]))

    began = time.perf_counter()
    for n in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + n / rate - time.perf_counter()))
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values) or [0.0]
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@asynccontextmanager
async def _server(workers: int) -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "server.py"), "serve", "--demo", "--port", "0", "--rate-limits", "off"),
            *("--workers", str(workers), "--data-dir", folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(120):
                async for line in process.stdout:
                    if found := re.search(rb"(http://\S+/graphql) in a browser", line):
                        break
                else:
                    raise SystemExit("the server does not start")
            yield found[1].decode()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


def main() -> None:
    """Runs it and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--subscribers", type=int, default=1_000)
    options.add_argument("--rate", type=float, default=50)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--workers", type=int, default=2)
    for row in asyncio.run(run(**vars(options.parse_args()))):
        print(f"{row.what:<75} {row.figure:>12}  {row.target}")


if __name__ == "__main__":
    main()
