"""What is asked for how often: stylists' dates, counted as they are read, less and less as time passes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from typing import Protocol

from cache.keys import DayKey

SIZE_MAX = 20_000  # dates remembered
HALF_LIFE_S = 600.0
MET_KEYS_MAX = 5_000  # of answers given again that are not yet counted
GROWN_MAX = 2.0**40


class Answered(Protocol):
    """An answer that is given again. hits: how often since it was last counted; keys: what it shows."""

    hits: int

    @property
    def day_keys(self) -> Sequence[DayKey]: ...


class Demand:
    """One process's. A read counts 1 when it happens, half as much ten minutes later.

    Rather than all counts shrinking, what is added grows: two counts keep their proportion.
    """

    def __init__(self, size_max: int = SIZE_MAX, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._size_max = size_max
        self._seconds = seconds
        self._since = seconds()
        self._scores: dict[DayKey, float] = {}
        self._met: list[Answered] = []
        self._met_keys = 0
        self._untold: Counter[DayKey] = Counter()

    def add(self, keys: Iterable[DayKey], times: int = 1) -> None:
        """These were read."""
        scores, grown = self._scores, times * self._growth()
        for key in keys:
            scores[key] = scores.get(key, 0.0) + grown
            self._untold[key] += times
        if len(scores) > self._size_max:
            self._scores = dict(nlargest(self._size_max // 2, scores.items(), key=lambda one: one[1]))
        if len(self._untold) > self._size_max:
            self._untold = Counter(dict(self._untold.most_common(self._size_max // 2)))

    def met(self, answer: Answered) -> None:
        """An answer is given again, for the first time since `count`. It counts its own hits from here on."""
        self._met.append(answer)
        self._met_keys += len(answer.day_keys)
        if self._met_keys > MET_KEYS_MAX:
            self.count()

    def count(self) -> None:
        """Counts what was answered again."""
        met, self._met, self._met_keys = self._met, [], 0
        for answer in met:
            hits, answer.hits = answer.hits, 0
            self.add(answer.day_keys, hits)

    def of(self, key: DayKey) -> float:
        """How often it is read: about so many times in the last quarter of an hour."""
        return self._scores.get(key, 0.0) / self._growth()

    def untold(self, most: int) -> list[tuple[DayKey, int]]:
        """How often what was read since the last call; the most often read, that many."""
        self.count()
        found, self._untold = self._untold.most_common(most), Counter()
        return found

    def __len__(self) -> int:
        return len(self._scores)

    def _growth(self) -> float:
        found: float = 2.0 ** ((self._seconds() - self._since) / HALF_LIFE_S)
        if found > GROWN_MAX:
            self._scores = {key: score / found for key, score in self._scores.items() if score >= found / 100}
            self._since = self._seconds()
            return 1.0
        return found
