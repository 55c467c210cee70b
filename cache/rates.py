"""How often somebody may ask: a lease of some requests, taken from the shared counts, so that most requests count at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import NamedTuple

from limits import RateLimitItem, parse

from cache.counts import Counts

LEASES_MAX = 20_000  # of a kind
SHARE = 10  # of the quota is the most that a lease holds
LIFE = 6  # a lease lives so many times shorter than the window
SOON = 20  # used up within such a part of the window, the next one is larger


class Standing(NamedTuple):
    """Where somebody stands. wait_s: more than 0 where they are refused, until they may ask again."""

    rate: Rate
    left: int
    wait_s: float


class Lease:
    """What may be taken at once, until when; or until when there is nothing to be had."""

    __slots__ = ("began", "left", "lock", "refused_until", "size", "until")

    def __init__(self) -> None:
        self.left = 0
        self.until = self.began = self.refused_until = 0.0
        self.size = 1
        self.lock = asyncio.Lock()


class Rate:
    """One kind of quota: `100/minute` of each key."""

    def __init__(self, name: str, text: str, counts: Counts) -> None:
        """text: as limits reads it: 100/minute, 10 per 30 seconds. Raises ValueError."""
        self.name = name
        self.item: RateLimitItem = parse(text)
        if self.item.amount < 1:
            raise ValueError(f"{text!r}: at least 1")
        self._counts = counts
        self._leases: dict[str, Lease] = {}
        self._refusing_until = 0.0  # anybody

    @property
    def window_s(self) -> int:
        return int(self.item.get_expiry())

    def take(self, key: str, weight: int = 1) -> bool:
        """Takes from the lease; whether there was enough. Costs a fraction of a microsecond."""
        lease = self._leases.get(key)
        if lease is None or lease.left < weight or time.monotonic() >= lease.until:
            return False
        lease.left -= weight
        return True

    @property
    def refuses_some(self) -> bool:
        """Whether it is known of anybody that there is nothing for them."""
        return time.monotonic() < self._refusing_until

    def refused_s(self, key: str) -> float:
        """For how many seconds yet it is known that there is nothing for this key; 0 where that is not known."""
        lease = self._leases.get(key)
        return max(0.0, lease.refused_until - time.monotonic()) if lease else 0.0

    def give_back(self, key: str) -> None:
        """One, just taken."""
        self._leases[key].left += 1

    async def settle(self, key: str, weight: int = 1) -> Standing:
        """Takes with a new lease if need be. A weight past the quota counts as all of it."""
        weight = min(weight, self.item.amount)
        lease = self._leases.get(key) or self._new(key)
        now = time.monotonic()
        if now < lease.refused_until:
            return Standing(self, 0, lease.refused_until - now)
        async with lease.lock:
            if self.take(key, weight):
                return Standing(self, lease.left, 0.0)
            return await self._renew(lease, key, weight)

    async def _renew(self, lease: Lease, key: str, weight: int) -> Standing:
        began = time.monotonic()
        most = max(1, self.item.amount // SHARE)
        soon = began - lease.began < self.window_s / SOON
        lease.size = min(2 * lease.size, most) if soon else max(lease.size // 2, 1)
        found = await self._counts.take(self.item, (self.name, key), most=max(lease.size, weight), least=weight)
        now = time.monotonic()
        if not found.granted:
            if weight == 1:
                lease.refused_until = now + found.wait_s
                self._refusing_until = max(self._refusing_until, lease.refused_until)
            return Standing(self, found.left, found.wait_s)
        lease.began, lease.until, lease.left = now, now + self.window_s / LIFE, found.granted - weight
        return Standing(self, found.left + lease.left, 0.0)

    def _new(self, key: str) -> Lease:
        if len(self._leases) >= LEASES_MAX:
            for old in list(self._leases)[: LEASES_MAX // 2]:
                del self._leases[old]
        lease = self._leases[key] = Lease()
        return lease


class Rates:
    """A server's. read: of each address. write: of each address, holds and bookings. tenant: of each business, all there is.

    refused: by which.
    """

    def __init__(self, *, read: str, write: str, tenant: str, counts: Counts) -> None:
        """Raises ValueError."""
        self.counts = counts
        self.read = Rate("read", read, counts)
        self.write = Rate("write", write, counts)
        self.tenant = Rate("tenant", tenant, counts)
        self.refused: Counter[str] = Counter()

    def admits(self, address: str, tenant: str) -> bool:
        """Whether a request may be answered by what is leased; else `admit` is to be asked."""
        return self.read.take(address) and (self.tenant.take(tenant) or self._give_back(address))

    def refusal(self, address: str) -> Standing | None:
        """Where an address stands that is known to be refused; else None, and `admits` and `admit` are to be asked."""
        wait_s = self.read.refused_s(address)
        if not wait_s:
            return None
        self.refused[self.read.name] += 1
        return Standing(self.read, 0, wait_s)

    async def admit(self, address: str, tenant: str, weight: int = 1) -> Standing:
        """Takes a request, of an address and then of a business."""
        standing = await self._settled(self.read, address, weight)
        if standing.wait_s or self.tenant.take(tenant, weight):
            return standing
        of_all = await self._settled(self.tenant, tenant, weight)
        return of_all if of_all.wait_s else standing

    async def charge(self, address: str, tenant: str, weight: int) -> None:
        """Takes for what was already done; as much as there is, if that is less."""
        for rate, key in ((self.read, address), (self.tenant, tenant)):
            standing = await rate.settle(key, weight)
            if standing.wait_s and standing.left:
                await rate.settle(key, standing.left)

    async def admit_writes(self, address: str, count: int) -> Standing:
        """Takes so many holds and bookings."""
        return await self._settled(self.write, address, count)

    async def _settled(self, rate: Rate, key: str, weight: int) -> Standing:
        standing = await rate.settle(key, weight)
        if standing.wait_s:
            self.refused[rate.name] += 1
        return standing

    def _give_back(self, address: str) -> bool:
        self.read.give_back(address)
        return False
