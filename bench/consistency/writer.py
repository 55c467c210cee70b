"""Those who book and cancel, and say on the board what they have been told."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from datetime import date
from typing import Any

import aiohttp

from bench.consistency import salon
from bench.consistency.board import OVER, Board

WRITERS = 5  # to a stylist
PAUSE_S = 0.02  # at most, between two bookings
SHORT_S = 0.5  # how long a booking stays, at most: if it is gone before a read is answered, nothing is proved
LONG_S = 4.0  # the others: no staleness can be seen that is longer than this
LONG_SHARE = 0.5


class Writers:
    """Some to each stylist, each with starts of its own."""

    def __init__(self, http: aiohttp.ClientSession, url: str, board: Board, day: date) -> None:
        self.counts: Counter[str] = Counter()
        self._http = http
        self._url = url
        self._board = board
        self._starts = salon.starts(day)

    async def write(self) -> None:
        """Until the trial is over."""
        await asyncio.gather(
            *(self._write(stylist, number) for stylist in range(len(salon.STYLISTS)) for number in range(WRITERS))
        )

    async def _write(self, stylist: int, number: int) -> None:
        session = f"writer-{stylist}-{number}"
        mine = list(range(number, salon.STARTS, WRITERS))
        row = self._board.rows[stylist]
        while mine and self._board.phase != OVER:
            n = random.choice(mine)
            given = {"stylist": salon.STYLISTS[stylist], "service": salon.SERVICE, "start": self._starts[n]}
            made = await self._post(salon.BOOK, session, **given)
            if not made or "id" not in made["bookingCreate"]:
                mine.remove(n)  # booked or not, who knows
                continue
            row[n] = time.monotonic()
            self.counts["bookings"] += 1
            await asyncio.sleep(random.uniform(0, LONG_S if random.random() < LONG_SHARE else SHORT_S))
            row[n] = 0.0
            freed = await self._post(salon.CANCEL, session, id=made["bookingCreate"]["id"])
            if not freed or freed["bookingCancel"]["__typename"] != "Booking":
                mine.remove(n)
            await asyncio.sleep(random.uniform(0, PAUSE_S))

    async def _post(self, query: str, session: str, **variables: str) -> dict[str, Any] | None:
        """The data, or None for what failed."""
        body = {"query": query, "variables": variables}
        try:
            async with self._http.post(self._url, json=body, headers={"X-Session-Id": session}) as response:
                answer: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.counts[f"writes failed: {type(error).__name__}"] += 1
            return None
        if errors := answer.get("errors"):
            self.counts[f"writes failed: {errors[0]['extensions'].get('code')}"] += 1
            return None
        data: dict[str, Any] = answer["data"]
        return data
