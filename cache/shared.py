"""Entries that processes share: under keys that hold the version, so that none is ever wrong and none is ever deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from cache import keys as cache_keys
from cache.keys import Key
from cache.stores import Redis
from domain.versions import DayVersion

K = TypeVar("K", bound=Key)
V = TypeVar("V")

SAVED_AT_ONCE_MAX = 64

log = structlog.get_logger("cache")


class Codec(NamedTuple, Generic[V]):
    """How values become bytes and come back, equal. decode may raise anything for what encode did not make."""

    encode: Callable[[V], bytes]
    decode: Callable[[bytes], V]


class Kept(NamedTuple, Generic[V]):
    """A value at a version, and the instants between which it may be served."""

    version: DayVersion
    value: V
    computed_at: datetime
    expires_at: datetime


class Second(NamedTuple, Generic[V]):
    """What a cache is given to have a second store. lineage: of the versions, see keys.shared."""

    store: Redis
    codec: Codec[V]
    lineage: str


class Shared(Generic[K, V]):
    """One cache's entries in Redis."""

    def __init__(self, second: Second[V], counts: Counter[str]) -> None:
        self._store, self._codec, self._lineage = second
        self._counts = counts
        self._has_complained = False

    def ready(self) -> bool:
        """Whether it is worth knowing a version in order to ask."""
        return self._store.ready()

    async def find(self, versions: Mapping[K, DayVersion], now: datetime) -> dict[K, Kept[V]]:
        """What there is of these keys at exactly these versions, to be served after `now`; nothing when Redis does not answer."""
        if not self.ready():
            self._counts["redis_skipped"] += len(versions)
            return {}
        names = [self._name(key, version) for key, version in versions.items()]
        answers = await self._store.find(names, self._counts)
        if answers is None:
            return {}
        found = {}
        for (key, version), name, raw in zip(versions.items(), names, answers, strict=True):
            kept = None if raw is None else self._opened(name, version, raw)
            if kept is not None and now < kept.expires_at:
                found[key] = kept
        self._counts["redis_hit"] += len(found)
        self._counts["redis_miss"] += len(versions) - len(found)
        return found

    def save(self, entries: Mapping[K, Kept[V]]) -> None:
        """Stores entries of one age, some time soon. They are dropped when Redis is away or behind."""
        if not self.ready() or not self._store.later(self._save(entries)):
            self._counts["redis_unsaved"] += len(entries)

    async def _save(self, entries: Mapping[K, Kept[V]]) -> None:
        for batch in _batches(list(entries.items())):
            _, _, computed_at, expires_at = batch[0][1]
            try:
                pairs = [(self._name(key, kept.version), self._sealed(key, kept)) for key, kept in batch]
            except Exception:  # as JSON's for half a character, which Postgres would not have kept either
                log.exception("an entry cannot be stored in redis")
                self._counts["redis_unsaved"] += len(batch)
                continue
            if not await self._store.keep(pairs, (expires_at - computed_at).total_seconds(), self._counts):
                self._counts["redis_unsaved"] += len(pairs)

    def _name(self, key: K, version: DayVersion) -> str:
        return cache_keys.shared(key, version, self._lineage)

    def _sealed(self, key: K, kept: Kept[V]) -> bytes:
        """The value under its own name: an answer that belongs to another question must not pass."""
        instants = f"{kept.computed_at.isoformat()} {kept.expires_at.isoformat()}"
        return f"{self._name(key, kept.version)}\n{instants}\n".encode() + self._codec.encode(kept.value)

    def _opened(self, name: str, version: DayVersion, raw: bytes) -> Kept[V] | None:
        """None, counted and once complained of, for what this program did not write."""
        head = f"{name}\n".encode()
        try:
            if not raw.startswith(head):
                raise ValueError("another entry's value")
            instants, value = raw[len(head) :].split(b"\n", 1)
            computed_at, expires_at = map(datetime.fromisoformat, instants.decode().split(" "))
            if computed_at.utcoffset() is None or expires_at.utcoffset() is None:
                raise ValueError("an instant without a zone")
            return Kept(version, self._codec.decode(value), computed_at, expires_at)
        except Exception as error:
            self._counts["redis_unreadable"] += 1
            if not self._has_complained:
                self._has_complained = True
                log.warning("redis has an entry that cannot be read; told once", key=name, error=repr(error))
            return None


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, SAVED_AT_ONCE_MAX)):
        yield batch
