"""A run: everything is started, all answers are compared, and variants take turns."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from bench import harness
from bench.http import answers, client, peers, report, salon, servers, works
from bench.http.bookings import Bookings
from bench.http.client import Address, Load, Request
from bench.http.report import Figures, Sample
from bench.http.servers import Cores, Server
from bench.http.works import Variant, Work
from db import migrate
from db.pool import Database, PoolSettings
from ops.node import Command
from resolvers import importing, salon_file

WARM_S = 0.15
STEADY_CONNECTIONS = 64
# By what a request costs when many are sent at once; at instants of their own they cost twice as much.
LOAD_CORE_SHARE = 0.25
AGAIN_MAX = 300  # bodies that are compared once more when all is over


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is measured. Seconds are those of one turn; before its first a variant is warmed, V8's compilers above all."""

    rounds: int
    seconds: float
    warm_seconds: float
    steady_rounds: int
    steady_seconds: float
    many: int


FULL = Settings(rounds=5, seconds=0.8, warm_seconds=0.8, steady_rounds=3, steady_seconds=3.0, many=works.MANY)
QUICK = Settings(rounds=1, seconds=0.4, warm_seconds=0.3, steady_rounds=1, steady_seconds=1.0, many=works.MANY_QUICK)


def run(settings: Settings, only: str) -> Figures:
    """All of it. Exits if two answers differ, if an answer is an error, or if a server does not start."""
    today = datetime.now(UTC).date()
    chosen = [one for one in works.works(today, many=settings.many) if only in one.name]
    if not chosen:
        raise SystemExit(f"no work has {only!r} in its name")
    cores = Cores.of_machine()
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
        answers.write_values(chosen, expected, folder / peers.VALUES)
        bench.start(peers.others(folder), stack, folder)
        print(f"{bench.compare(expected):,} answers compared: all are equal", flush=True)
        bench.measure()
        bench.measure_steady()
        again = bench.compare_again()
        _say(f"{again:,} answers compared again: all are equal" if again else "", last=True)
    return bench.figures


class Run(Protocol):
    """A way to load a server."""

    def __call__(self, address: Address, requests: Iterator[Request], /, *, seconds: float) -> Load: ...


class Bench:
    """The servers of a run, and what was measured of them."""

    def __init__(self, settings: Settings, works_: list[Work], cores: Cores) -> None:
        self.figures = Figures()
        self._settings = settings
        self._works = works_
        self._cores = cores
        self._servers: dict[str, Server] = {}
        self._bookings: dict[str, Bookings] = {}  # by work: who books is always asked through the same server

    def start(self, found: Iterable[tuple[str, Command] | peers.Skipped], stack: ExitStack, folder: Path) -> None:
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
        return self._compare(self._works, [one for one in works.VARIANTS if one.server in self._servers], expected)

    def compare_again(self) -> int:
        """After all bookings are cancelled, what was booked among: ours with what ours without plans, if there, says then."""
        booked = [replace(one, variables=one.variables[:AGAIN_MAX]) for one in self._works if one.books]
        ours = [one for one in works.VARIANTS if one.server in self._servers and one.server in works.OURS]
        return self._compare(booked, ours, answers.ask_all(booked, self.oracle()))

    def _compare(self, works_: Iterable[Work], variants: Iterable[Variant], expected: answers.Bodies) -> int:
        count = 0
        for variant in variants:
            asked = [work for work in works_ if variant.name in work.variants]
            count += answers.compare(asked, variant, self._servers[variant.server].address, expected)
        return count

    def measure(self) -> None:
        """Rounds, in each of which the variants of each work take turns."""
        for work in self._works:
            _say(f"Warming: {work.name}")
            for variant in self._variants(work):
                self._turn(work, variant, self._closed(work), self._settings.warm_seconds)
        for number in range(self._settings.rounds):
            for work in self._works:
                _say(f"Round {number + 1} of {self._settings.rounds}: {work.name}")
                for variant in self._variants(work):
                    sample = self._turn(work, variant, self._closed(work), self._settings.seconds)
                    self.figures.add(work.name, variant.name, sample)

    def measure_steady(self) -> None:
        """The modal at half of what each variant can do, its requests at fixed instants; at less where sending them would take
        so much of the load's core that it would measure its own waiting.
        """
        modal = [one for one in self._works if one.name == works.MODAL_16]
        for work in modal * self._settings.steady_rounds:
            _say("At half of the most")
            for variant in self._variants(work):
                if variant.name in works.STEADY:
                    most = self.figures.median(work.name, variant.name, "rate")
                    own_cpu_us = self.figures.median(work.name, variant.name, "own_cpu_us")
                    assert most
                    assert own_cpu_us
                    rate = min(most / 2, LOAD_CORE_SHARE / own_cpu_us * report.MICRO)
                    load = partial(client.steady, rate=rate, connections=STEADY_CONNECTIONS)
                    sample = self._turn(work, variant, load, self._settings.steady_seconds)
                    self.figures.add(report.steady_name(variant.name), variant.name, sample)

    @staticmethod
    def _closed(work: Work) -> Run:
        return partial(client.closed, connections=work.connections)

    def _turn(self, work: Work, variant: Variant, load: Run, seconds: float) -> Sample:
        """A moment that does not count, then one that does."""
        server = self._servers[variant.server]
        reads = [client.encode(body, server.address) for body in work.bodies(variant.freshness)]
        try:
            with ExitStack() as stack:
                requests: Iterator[Request] = itertools.cycle([Request(one) for one in reads])
                if work.books:
                    if work.name not in self._bookings:
                        self._bookings[work.name] = Bookings(server.address, work)
                    requests = stack.enter_context(self._bookings[work.name].among(reads))
                load(server.address, requests, seconds=WARM_S)
                before = server.cpu_s()
                found = load(server.address, requests, seconds=seconds)
                return Sample.of(found, server.cpu_s() - before)
        except client.Failed as failed:
            raise SystemExit(f"{variant.name}, {work.name}: {failed}") from None

    def _variants(self, work: Work, *, started: bool = True) -> list[Variant]:
        return [
            one for one in works.VARIANTS if one.name in work.variants and (not started or one.server in self._servers)
        ]


async def prepare(url: str, today: date) -> None:
    """The salon in an empty database."""
    await migrate.migrate(url)
    database = await Database.open(url, PoolSettings())
    await importing.import_salon(database, salon_file.parse(json.dumps(salon.salon(today))), lambda *_: None)
    await database.close()


def _say(what: str, *, last: bool = False) -> None:
    """Where a run is: on one line of a terminal, which is kept if it is the last."""
    if sys.stdout.isatty():
        print(f"\r{what:<70}", end="\n" if last else "", flush=True)
    elif last:
        print(what, flush=True)
