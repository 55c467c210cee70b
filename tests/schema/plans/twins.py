"""Two servers of the same parts, one without plans and one with them, that are asked the same: wherein their answers differ."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import aiohttp
import orjson
from aiohttp import web

from execution.engine import Engine
from execution.front import Front
from ops import running
from resolvers.app import App
from schema.view import HEADER_MAX
from tests.conftest import TOKENS, Served

CLOCK_S = 0.05  # as far as a clock that is guessed since Postgres's was last heard may be off
TIMES = 4  # first sight, second sight, which makes the plan, made by it, kept

DIFFERS = "and by a plan"

# What rightly differs, under aliases that begin with the field's name: how old an answer is; how it was found, the first time;
# when it was computed, where it is computed each time.
AGE = re.compile(rb'"(ageSeconds(?:_\w+)?|errorId)":[^,}]+')
AGES = re.compile(rb'"ageSeconds(?:_\w+)?":([^,}]+)')
FOUND = re.compile(rb'"((?:hit|source)(?:_\w+)?)":[^,}]+')
COMPUTED = re.compile(rb'"((?:computedAt|expiresAt)(?:_\w+)?)":[^,}]+')


class By(StrEnum):
    """Who is to answer at last: KEPT bytes, a plan that MAKES it anew each time, or the STOCK view."""

    KEPT = "kept"
    MADE = "made"
    STOCK = "stock"


@dataclass(frozen=True)
class Asked:
    """A request. who: the name of whoever asks. body: in the place of all that would make it."""

    name: str
    query: str = ""
    variables: Any = None
    by: By = By.KEPT
    who: str = "nobody"
    more: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> bytes:
        """What is sent."""
        if self.body is not None:
            return self.body
        variables = {} if self.variables is None else {"variables": self.variables}
        return orjson.dumps({"query": self.query, **variables, **self.more})


class Answered(NamedTuple):
    """What came back."""

    status: int
    content_type: str | None
    body: bytes

    def masked(self, *masks: re.Pattern[bytes]) -> Answered:
        body = self.body
        for mask in (AGE, *masks):
            body = mask.sub(rb'"\1":0', body)
        return self._replace(body=body)

    @property
    def ages(self) -> list[float]:
        """All that are in it, in order."""
        return [float(one) for one in AGES.findall(self.body)]


class Twins:
    """The two servers."""

    def __init__(
        self, http: aiohttp.ClientSession, stock: str, plans: str, engine: Engine, who: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.engine = engine
        self.who = dict(who)
        self.last: Answered | None = None  # of all that was asked
        self._http = http
        self._stock = stock
        self._plans = plans

    async def stock(self, asked: Asked) -> Answered:
        """The answer of the server without plans."""
        return await self._ask(self._stock, asked)

    async def plans(self, asked: Asked) -> Answered:
        """The answer of the server with plans."""
        return await self._ask(self._plans, asked)

    async def _ask(self, url: str, asked: Asked) -> Answered:
        headers = {"Content-Type": "application/json", **self.who[asked.who], **asked.headers}
        async with self._http.post(url, data=asked.bytes, headers=headers) as response:
            return Answered(response.status, response.headers.get("Content-Type"), await response.read())

    async def differences(self, asked: Asked, *, times: int = TIMES) -> list[str]:
        """Asks both, the one with plans so often that all its ways are gone; then once more without."""
        first = await self.stock(asked)  # so that all is in memory
        before = self.engine.counts.copy()
        found = [await self.plans(asked) for _ in range(times)]
        expected = self.last = await self.stock(asked)
        wrong = [one for one in (_difference(asked, expected, one) for one in found) if one]
        if not wrong and b"BYPASS" not in asked.bytes:
            wrong = [_out_of_time(asked, one) for one in found if not _grow(first.ages, one.ages, expected.ages)]
        return wrong + self._unexpected(asked, before)

    async def differences_now(self, asked: Asked) -> list[str]:
        """Asks both after a change, the one with plans first: it alone can tell that what it keeps is no longer true."""
        first, second, expected = await self.plans(asked), await self.plans(asked), await self.stock(asked)
        found = (_difference(asked, expected, first, FOUND), _difference(asked, expected, second))
        return [f"after a change: {one}" for one in found if one]

    def by_plans(self) -> int:
        """How many answers plans have given."""
        return self.engine.counts["kept"] + self.engine.counts["made"]

    def _unexpected(self, asked: Asked, before: Mapping[str, int]) -> list[str]:
        kept, made = (self.engine.counts[by] - before.get(by, 0) for by in (By.KEPT, By.MADE))
        is_so = {By.KEPT: kept >= 1, By.MADE: kept == 0 and made >= 2, By.STOCK: kept == made == 0}
        return [] if is_so[asked.by] else [f"{asked.name}: {kept} kept, {made} made, and not by {asked.by.name}"]


def _grow(*ages: list[float]) -> bool:
    """Whether answers given one after another show things that get older."""
    return all(
        one <= next_ + CLOCK_S for earlier, later in pairwise(ages) for one, next_ in zip(earlier, later, strict=True)
    )


def _out_of_time(asked: Asked, found: Answered) -> str:
    return f"{asked.name}: {DIFFERS} ages {found.ages}, which are not between those before and after"


async def differences(twins: Twins, all_: Iterable[Asked]) -> list[str]:
    """Of all of these, one after another."""
    return [one for asked in all_ for one in await twins.differences(asked)]


def _difference(asked: Asked, expected: Answered, found: Answered, *masks: re.Pattern[bytes]) -> str | None:
    if b"BYPASS" in asked.bytes:
        masks = (*masks, COMPUTED)
    one, other = expected.masked(*masks), found.masked(*masks)
    if one == other:
        return None
    at = next((n for n, pair in enumerate(zip(one.body, other.body, strict=False)) if pair[0] != pair[1]), 0)
    near = slice(max(0, at - 80), at + 80)
    return f"{asked.name}: {one[:2]} {one.body[near]!r}, {DIFFERS} {other[:2]} {other.body[near]!r}\n{asked.query}"


@asynccontextmanager
async def twins_of(app: App, who: Mapping[str, Mapping[str, str]], *, fragments: bool = True) -> AsyncIterator[Twins]:
    """Both, on free ports of loopback. who: the headers of each asker, by name."""
    with_plans = running.application(app, TOKENS, plans=True, fragments=fragments, checked_share=0)
    async with (
        _serving(running.application(app, TOKENS, plans=False)) as stock,
        _serving(with_plans) as plans,
        aiohttp.ClientSession() as http,
    ):
        yield Twins(http, stock, plans, engine_of(with_plans), who)


def engine_of(application: web.Application) -> Engine:
    """The engine behind an application's routes."""
    fronts = (getattr(inspect.unwrap(route.handler), "__self__", None) for route in application.router.routes())
    return next(front._engine for front in fronts if isinstance(front, Front))


@asynccontextmanager
async def _serving(application: web.Application) -> AsyncIterator[str]:
    server = Served(application)
    await server.start_server(max_field_size=HEADER_MAX)
    try:
        yield str(server.make_url("/graphql"))
    finally:
        await server.close()
