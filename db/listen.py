"""The process's one listening connection. It reconnects by itself, and says when it listens and when it does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import structlog

from db.pool import SETTINGS
from domain import events

CHANNEL = "chairtime"
BACKOFF_S = (0.05, 0.1, 0.25, 0.5, 1.0)
HEARTBEAT_S = 0.5
SILENCE_MAX_S = 1.0

log = structlog.get_logger("listen")


class Listener:
    """Calls on_change for every change, and on_state(True) once it listens, on_state(False) when it cannot tell.

    A connection that does not answer its heartbeat within a second counts as silent. After each on_state(True), what
    happened before it is unknown: nothing remembered may be trusted until its version is checked.
    """

    def __init__(self, url: str, on_change: Callable[[events.Change], None], on_state: Callable[[bool], None]) -> None:
        self._url = url
        self._on_change = on_change
        self._on_state = on_state
        self._task: asyncio.Task[None] | None = None
        self._answered_at = time.monotonic()
        self.is_listening = False
        self.connects = 0

    @property
    def silent_s(self) -> float:
        """Seconds since its connection was last known to be alive."""
        return time.monotonic() - self._answered_at

    def start(self) -> None:
        """Begins to listen, in the background."""
        self._task = asyncio.create_task(self._run(), name="listen")

    async def stop(self) -> None:
        """Ends the connection."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        tries = 0
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=2, server_settings=SETTINGS)
                try:
                    async with asyncio.timeout(SILENCE_MAX_S):
                        await connection.add_listener(CHANNEL, self._heard)
                    self._is(listening=True)
                    tries = 0
                    await self._keep_alive(connection)
                finally:
                    self._is(listening=False)
                    connection.terminate()
            except Exception as error:  # asyncpg's InternalClientError too: who ends here is deaf for good
                log.warning("not listening", error=str(error) or type(error).__name__)
            await asyncio.sleep(BACKOFF_S[min(tries, len(BACKOFF_S) - 1)])
            tries += 1

    def _is(self, *, listening: bool) -> None:
        self.is_listening = listening
        if listening:
            self.connects += 1
            self._answered_at = time.monotonic()
        self._on_state(listening)

    async def _keep_alive(self, connection: Any) -> None:
        while True:
            async with asyncio.timeout(SILENCE_MAX_S):  # wait_for swallows a cancel that comes with the answer, in 3.11
                await connection.execute("select 1")
            self._answered_at = time.monotonic()
            await asyncio.sleep(HEARTBEAT_S)

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        try:
            change = events.parse(str(payload))
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("a notification that is not ours", payload=str(payload)[:200])
            return
        self._on_change(change)
