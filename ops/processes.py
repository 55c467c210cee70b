"""A server until a signal ends it: in this process, or in workers on the same sockets."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import structlog

from db.pool import StartupError, check_server
from ops import console, logs, preparing, records, running
from ops.preparing import Prepared
from ops.settings import Settings
from ops.shelf import Shelf
from ops.sockets import Sockets
from ops.supervise import Lifeline, Supervisor

# Then what is left is given up, so that with the embedded Postgres everything is over within 10 s.
DRAIN_MAX_S = 8.5
# A worker without its parent: the signal that ends it comes by itself.
ORPHAN_MAX_S = 1.5


async def serve_alone(settings: Settings, sockets: Sockets, started: float, *, with_demo: bool) -> None:
    """All in this process, until a signal. started: by time.monotonic. Raises StartupError."""
    prepared = await preparing.prepare(settings, with_demo=with_demo)
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            _give_up()
        stop.set()
        asyncio.get_running_loop().call_later(DRAIN_MAX_S, _give_up)

    async with running.serving(settings, prepared, sockets):
        _welcome(settings, prepared, sockets, started)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        await stop.wait()


def _give_up() -> None:
    """Ends the event loop: what still runs is cancelled, and the embedded Postgres stopped."""
    structlog.get_logger("server").warning("ended what had not ended")
    sys.exit(1)


def serve_by_many(settings: Settings, sockets: Sockets, shelf: Shelf, started: float, *, with_demo: bool) -> int:
    """By worker processes on the same sockets, until a signal; the exit code. This process holds the embedded Postgres."""
    prepared = asyncio.run(preparing.prepare(settings, with_demo=with_demo))

    def work(lifeline: Lifeline) -> None:
        logs.configure(os.getpid())
        try:
            asyncio.run(_work(settings, prepared, sockets, shelf, lifeline))
        except StartupError as error:
            structlog.get_logger("server").error("a worker does not start", error=str(error))
            sys.exit(2)

    supervisor = Supervisor(
        work,
        settings.workers,
        on_ready=lambda: _welcome(settings, prepared, sockets, started),
        on_stop=sockets.close,
        on_end=lambda pid: shelf.bury(pid, records.ended),
    )
    return supervisor.run()


def _welcome(settings: Settings, prepared: Prepared, sockets: Sockets, started: float) -> None:
    seconds = time.monotonic() - started
    console.welcome(sockets.main, seconds, has_tenant=prepared.has_tenant, is_hardened=settings.is_hardened)


async def _work(settings: Settings, prepared: Prepared, sockets: Sockets, shelf: Shelf, lifeline: Lifeline) -> None:
    """A worker, until SIGTERM, which may come again, or until its parent is gone. Raises StartupError."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_orphaned() -> None:
        loop.remove_reader(lifeline.parent_gone)
        signal.setitimer(signal.ITIMER_REAL, ORPHAN_MAX_S)
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(lifeline.parent_gone, on_orphaned)
    await check_server(prepared.url)
    async with running.serving(settings, prepared, sockets, shelf):
        lifeline.ready()
        await stop.wait()
