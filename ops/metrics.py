"""What a server shows Prometheus. The parts count by themselves and know nothing of this; here they are read, when somebody asks.

Processes on one port answer as one: each leaves its numbers on a shelf each second, and whoever is asked adds them up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from cache.rates import Rates
from db import queries
from db.listen import Listener
from execution import asked
from execution.engine import Engine
from execution.metering import Histogram, Meter
from ops import exposition, figures, records
from ops.catalogue import Numbers
from ops.shelf import Record, Shelf
from resolvers import counting
from resolvers.app import App
from resolvers.counting import CacheNumbers

EVERY_S = 1.0
LOOK_AT_ALL_S = 10.0  # how old a figure may be for which much is looked at

log = structlog.get_logger("metrics")


class Metrics:
    """One a process. Whoever puts the server together hands in the parts that there are."""

    def __init__(self, app: App, listener: Listener | None = None, shelf: Shelf | None = None) -> None:
        """shelf: where other processes of the same server put their numbers."""
        self.meter = Meter()
        self.engine: Engine | None = None
        self.sockets_open: Callable[[], int] = int
        self.rates: Rates | None = None
        self._app = app
        self._listener = listener
        self._shelf = shelf
        self._statements: dict[str, Histogram] = {}
        self._looked_at_all = -LOOK_AT_ALL_S
        self._expired = self._of_directories = 0
        self._putting = asyncio.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Statements are timed meanwhile, and the numbers put on the shelf."""
        queries.observers += self._observe, asked.count_statement
        task = asyncio.create_task(self._keep_putting(self._shelf), name="metrics") if self._shelf else None
        try:
            yield
        finally:
            queries.observers.remove(self._observe)
            queries.observers.remove(asked.count_statement)
            if task and self._shelf:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                with contextlib.suppress(OSError):
                    self._shelf.put(self.record())

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """All processes' metrics as Prometheus reads them, in the form that a header Accept asks for; and its content type."""
        # First put there, so that nobody who is asked next shows less than is shown now.
        found = await self._put(self._shelf) if self._shelf else self.record()
        return await asyncio.to_thread(self._written, found, accept)

    def record(self) -> Record:
        """This process's numbers."""
        now = time.monotonic()
        if now - self._looked_at_all >= LOOK_AT_ALL_S:
            self._looked_at_all = now
            self._expired, self._of_directories = self._app.days.expired(), self._app.directories.weigh()
        cache = counting.here(self._app, expired=self._expired)
        return records.record(self._numbers(cache), cache)

    def _written(self, found: Record, accept: str) -> tuple[bytes, str]:
        """It takes tens of milliseconds, for which nobody else should wait."""
        others = self._shelf.others() if self._shelf else []
        return exposition.written([found, *others], accept)

    async def _put(self, shelf: Shelf) -> Record:
        async with self._putting:
            found = self.record()
            try:
                await asyncio.to_thread(shelf.put, found)
            except OSError as error:
                log.warning("other processes do not see the metrics of this one", error=str(error))
            return found

    async def _keep_putting(self, shelf: Shelf) -> None:
        while True:
            await self._put(shelf)
            await asyncio.sleep(EVERY_S)

    def _observe(self, statement: str, seconds: float) -> None:
        histogram = self._statements.get(statement)
        if histogram is None:
            histogram = self._statements[statement] = Histogram()
        histogram.observe(seconds)

    def _numbers(self, cache: CacheNumbers) -> Numbers:
        app = self._app
        return {
            "chairtime_workers": figures.plain(1),
            **figures.of_requests(self.meter, self.engine, app),
            **figures.of_cache(app, cache, self._of_directories),
            **figures.of_database(app.database, self._listener, self._statements),
            **figures.of_live(self.meter, app, self.sockets_open()),
            **figures.of_rates(self.rates),
            **figures.of_writes(app.written),
            **figures.of_webhooks(app.told),
        }
