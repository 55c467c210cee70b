"""What an answer costs over HTTP: this server against bare aiohttp, stock Strawberry and Mercurius, in one run.

python -m bench.http [--quick] [--only modal] [--readme]

Everything is started here, on loopback. All answers are compared first; then variants take turns, in rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from bench import harness
from bench.http import answers, bookings, client, peers, report, salon, servers, works
from bench.http.client import Address, Load, Request
from bench.http.report import Figures, Sample
from bench.http.servers import Cores, Server
from bench.http.works import Variant, Work
from db import migrate
from db.pool import Database, PoolSettings
from resolvers import importing, salon_file

WARM_S = 0.15


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured. Seconds are those of one turn."""

    rounds: int
    seconds: float
    steady_rounds: int
    steady_seconds: float
    many: int


FULL = Settings(rounds=5, seconds=1.0, steady_rounds=3, steady_seconds=4.0, many=works.MANY)
QUICK = Settings(rounds=1, seconds=0.4, steady_rounds=1, steady_seconds=1.0, many=works.MANY_QUICK)


class Bench:
    """The servers of a run, and what was measured of them."""

    def __init__(self, settings: Settings, works_: list[Work], cores: Cores) -> None:
        self.figures = Figures()
        self._settings = settings
        self._works = works_
        self._cores = cores
        self._servers: dict[str, Server] = {}

    def start(self, found: Iterable[tuple[str, peers.Command] | peers.Skipped], stack: ExitStack, folder: Path) -> None:
        """Those that are needed and can be."""
        needed = {variant.server for work in self._works for variant in self._variants(work, started=False)}
        for one in found:
            if isinstance(one, peers.Skipped):
                print(f"Without {one.name}: {one.reason}", flush=True)
            elif one[0] in needed or one[0] == "chairtime":
                name, command = one
                running = servers.running(name, command, core=self._cores.server, log=folder / f"{name}.log")
                self._servers[name] = stack.enter_context(running)

    def oracle(self) -> Address:
        """Whose answers are the right ones: ours without plans, if that is there."""
        return (self._servers.get("no-plans") or self._servers["chairtime"]).address

    def compare(self, expected: answers.Bodies) -> int:
        """All answers of all that are measured, which also warms them; how many."""
        count = 0
        for variant in works.VARIANTS:
            if variant.server in self._servers:
                asked = [work for work in self._works if variant.name in work.variants]
                count += answers.compare(asked, variant, self._servers[variant.server].address, expected)
        return count

    def measure(self) -> None:
        """Rounds, in each of which the variants of each work take turns."""
        for number in range(self._settings.rounds):
            for work in self._works:
                print(f"\rRound {number + 1} of {self._settings.rounds}: {work.name:<40}", end="", flush=True)
                for variant in self._variants(work):
                    self.figures.add(work.name, variant.name, self._turn(work, variant))
        print()

    def measure_steady(self) -> None:
        """The modal at half of what each variant can do, its requests at fixed instants."""
        modal = next((one for one in self._works if one.name == works.MODAL_16), None)
        if modal is None:
            return
        measured = [one for one in self._variants(modal) if one.name in (works.BARE, works.CACHED, works.VERIFIED)]
        for _ in range(self._settings.steady_rounds):
            for variant in measured:
                most = self.figures.median(modal.name, variant.name, "rate")
                assert most is not None

                def load(address: Address, requests: Iterator[Request], seconds: float, rate: float = most / 2) -> Load:
                    return client.steady(address, requests, rate=rate, connections=64, seconds=seconds)

                sample = self._turn(modal, variant, load, self._settings.steady_seconds)
                self.figures.add(report.steady_name(variant.name), variant.name, sample)

    def _variants(self, work: Work, *, started: bool = True) -> list[Variant]:
        return [
            one for one in works.VARIANTS if one.name in work.variants and (not started or one.server in self._servers)
        ]

    def _turn(
        self,
        work: Work,
        variant: Variant,
        load: Callable[[Address, Iterator[Request], float], Load] | None = None,
        seconds: float = 0.0,
    ) -> Sample:
        server = self._servers[variant.server]
        reads = [client.encode(body, server.address) for body in work.bodies(variant.freshness)]

        def closed(address: Address, requests: Iterator[Request], seconds: float) -> Load:
            return client.closed(address, requests, connections=work.connections, seconds=seconds)

        mixed = bookings.Mixed(server.address, reads, work) if work.books else None
        requests = mixed or itertools.cycle([Request(one) for one in reads])
        run = load or closed
        try:
            run(server.address, requests, WARM_S)
            before = server.cpu_s()
            found = run(server.address, requests, seconds or self._settings.seconds)
            return Sample.of(found, server.cpu_s() - before)
        finally:
            if mixed is not None:
                mixed.close()


async def prepare(url: str, today: date) -> None:
    """The salon in an empty database."""
    await migrate.migrate(url)
    database = await Database.open(url, PoolSettings())
    await importing.import_salon(database, salon_file.parse(json.dumps(salon.salon(today))), lambda *_: None)
    await database.close()


def run(settings: Settings, only: str) -> Figures:
    """All of it. Exits if two answers differ, if an answer is an error, or if a server does not start."""
    today = datetime.now(UTC).date()
    chosen = [one for one in works.works(today, many=settings.many) if only in one.name]
    if not chosen:
        raise SystemExit(f"no work has {only!r} in its name")
    cores = Cores.of_machine()
    began = time.monotonic()
    print(f"{cores}; load average {os.getloadavg()[0]:.1f}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chairtime-bench-")))
        with servers.on_core(cores.postgres):
            url = stack.enter_context(harness.postgres())
            asyncio.run(prepare(url, today))
        stack.enter_context(servers.on_core(cores.load))
        bench = Bench(settings, chosen, cores)
        bench.start(peers.ours(url, folder), stack, folder)
        expected = answers.ask_all(chosen, bench.oracle())
        answers.write_pairs(expected, folder / peers.PAIRS)
        answers.write_values(bench.oracle(), today, folder / peers.VALUES)
        bench.start(peers.others(folder), stack, folder)
        print(f"{bench.compare(expected):,} answers compared: all are equal", flush=True)
        print(f"T{time.monotonic() - began}")
        bench.measure()
        bench.measure_steady()
    return bench.figures


def main() -> None:
    """Runs it and prints."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.http", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a look in less than a minute: nothing to be judged by")
    parser.add_argument("--only", default="", metavar="WORD", help="works with this in their names")
    asked = parser.parse_args()
    figures = run(QUICK if asked.quick else FULL, asked.only)
    print(f"\n{report.machine()}; medians of rounds, ratios within a round; {report.load_cost(figures)}\n")
    print(report.text(report.table(figures)))
    print()
    print(report.text([one.row() for one in report.targets(figures)]))


if __name__ == "__main__":
    main()
