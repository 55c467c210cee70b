"""Tells endpoints what happened: at least once, of each booking in order, again and again until they have it or it is given up.

Every process does so. What one takes is its own for a while; if it dies, another takes it after that.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from db import outbox
from db.pool import Database
from domain import webhooks
from domain.errors import Unavailable
from domain.webhooks import Try

AT_ONCE = 32  # in a process
AT_ONCE_A_TENANT = 4  # that are taken in one go
AT_ONCE_AN_ENDPOINT = 4  # with as many under way it is given no more
POLL_S = 0.5
LOOK_S = 10.0
LAST_TRIES_S = 1.0
ANSWER_MAX = 200

log = structlog.get_logger("webhooks")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a try came to, in words for people."""

    is_delivered: bool
    text: str


Post = Callable[
    [str, Mapping[str, str], bytes], Awaitable[Answer]
]  # url, headers, body; never raises for what the other end does


class Teller:
    """One a process. counts: tries by what they came to; pending and oldest_s: what waits, of all tenants and processes."""

    def __init__(self, database: Database, post: Post, counts: Counter[str], *, timeout_s: float) -> None:
        """timeout_s: how long a try may take, at most."""
        self._database = database
        self._post = post
        self._lease_s = 2 * timeout_s + 1
        self._flying: dict[asyncio.Task[None], Try] = {}
        self._looked_at = -LOOK_S
        self.counts = counts

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is due is told meanwhile. At the end tries under way have a moment; those cut off are made again, by another."""
        task = asyncio.create_task(self._keep(), name="webhooks")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self._flying:
                await asyncio.wait(self._flying, timeout=LAST_TRIES_S)
            for one in list(self._flying):
                one.cancel()
            await asyncio.gather(*self._flying, return_exceptions=True)

    async def step(self) -> bool:
        """Begins to tell some of what is due; whether there was any."""
        room = AT_ONCE - len(self._flying)
        if room <= 0:
            return False
        async with self._database.transaction(None) as connection:
            tenants = await outbox.due(connection, room)
        taken = 0
        for tenant_id in tenants:
            most = min(AT_ONCE_A_TENANT, AT_ONCE - len(self._flying))
            if most > 0:
                taken += await self._take(tenant_id, most)
        return taken > 0

    async def look(self) -> None:
        """Looks at what waits, now and then."""
        if time.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = time.monotonic()
        async with self._database.transaction(None) as connection:
            backlog = await outbox.backlog(connection)
        self.counts["pending"], self.counts["oldest_s"] = backlog.pending, round(backlog.oldest_s)

    async def _keep(self) -> None:
        while True:
            is_busy = False
            try:
                is_busy = await self.step()
                await self.look()
            except Unavailable as error:
                log.warning("webhooks wait for the database", error=str(error))
            except Exception:
                log.exception("webhooks are not told")
            if not is_busy:
                await self._pause()

    async def _pause(self) -> None:
        """Until something ends, behind which something else may wait, or some time."""
        if self._flying:
            await asyncio.wait(self._flying, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(POLL_S)

    async def _take(self, tenant_id: str, most: int) -> int:
        flying = Counter(one.webhook_id for one in self._flying.values())
        busy = [webhook_id for webhook_id, count in flying.items() if count >= AT_ONCE_AN_ENDPOINT]
        async with self._database.transaction(tenant_id) as connection:
            found = await outbox.take(connection, tenant_id, busy=busy, lease_s=self._lease_s, most=most)
        for one in found:
            task = asyncio.create_task(self._tell(one), name=f"webhook {one.id}")
            self._flying[task] = one
            task.add_done_callback(self._flying.pop)
        return len(found)

    async def _tell(self, one: Try) -> None:
        """One try, and what it came to. If that cannot be written, it is tried again when the lease ends."""
        try:
            answer = await self._post(one.url, _headers(one), one.body.encode())
            await self._note(one, answer)
        except Unavailable as error:
            log.warning("a webhook was told and will be told again", delivery=one.id, error=str(error))
        except Exception:
            log.exception("a webhook could not be told", delivery=one.id)

    async def _note(self, one: Try, answer: Answer) -> None:
        text = answer.text[:ANSWER_MAX]
        wait_s = webhooks.backoff_s(one.tries, random.random())  # noqa: S311 - jitter, not a secret
        async with self._database.transaction(one.tenant_id) as connection:
            if answer.is_delivered:
                await outbox.delivered(connection, one, text)
            else:
                await outbox.again(connection, one, text, wait_s)
        outcome = "delivered" if answer.is_delivered else "retried" if wait_s is not None else "given_up"
        self.counts[outcome] += 1
        if outcome == "given_up":
            log.warning("a webhook is given up", delivery=one.id, url=one.url, event_type=one.event, answer=text)


def _headers(one: Try) -> dict[str, str]:
    """As Standard Webhooks has them, signed at this instant: a receiver refuses what is old."""
    timestamp = int(time.time())
    return {
        "content-type": "application/json",
        "user-agent": "Chairtime",
        "webhook-id": one.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhooks.signature(one.secret, message_id=one.id, timestamp=timestamp, body=one.body),
    }
