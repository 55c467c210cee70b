"""A schema that knows nothing of salons, and an application around it, which shows execution/ no more than it must."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Annotated, Any

import orjson
import pytest
import strawberry
from strawberry.extensions import FieldExtension
from strawberry.permission import BasePermission

from execution.engine import Engine
from execution.marks import by_asker, momentary, planned, planned_later, settled
from execution.plans import Plans

Info = strawberry.Info[Any, Any]


@strawberry.enum
class Colour(Enum):
    RED = "r"
    GREEN = "g"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Cat(Named):
    lives: int = 9


@strawberry.type
class Dog(Named):
    pass


@strawberry.type
class Values:
    """Whatever it is given, in fields of every kind."""

    text: str = "a"
    id: strawberry.ID = strawberry.ID("1")
    number: int = 1
    share: float = 0.5
    is_so: bool = True
    colour: Colour = Colour.RED
    day: date = date(2026, 12, 15)
    maybe: str | None = None
    texts: list[str] = field(default_factory=list)
    grid: list[list[int | None] | None] = field(default_factory=list)
    days: list[date | None] | None = None
    cat: Cat | None = None
    cats: list[Cat | None] = field(default_factory=list)
    pet: Named | None = None
    either: Annotated[Cat | Dog, strawberry.union("CatOrDog")] | None = None


@strawberry.input
class Range:
    first: int
    last: int

    def __post_init__(self) -> None:
        if self.first > self.last:
            raise LookupError("turn them round")


class Nobody(BasePermission):
    def has_permission(self, source: Any, info: Info, **kwargs: Any) -> bool:
        return False


class Shout(FieldExtension):
    def resolve(self, next_: Any, source: Any, info: Info, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs).upper()


@strawberry.type
class Page:
    """What is awaited."""

    number: int
    asker: strawberry.Private[str | None]
    is_theirs: strawberry.Private[bool] = False
    kept: strawberry.Private[dict[Any, Any] | None] = None

    def shelf(self) -> tuple[dict[Any, Any], Any] | None:
        return None if self.kept is None else (self.kept, (self.number, self.asker if self.is_theirs else None))

    @strawberry.field
    def words(self, upper: bool = False) -> list[str]:
        return ["ONE" if upper else "one", "two"]

    @strawberry.field
    @settled(lambda _: True)
    def again(self) -> bool:
        return False

    @strawberry.field
    @momentary("number", lambda _, now: now)
    def at(self) -> int:
        return 0

    @strawberry.field
    @by_asker
    def yours(self) -> bool:
        return self.is_theirs

    @strawberry.field
    @planned_later
    def next(self, info: Info) -> Page:
        return info.context.page(self.number + 1)  # type: ignore[no-any-return]


@strawberry.type
class Query:
    @strawberry.field
    @planned
    def values(self, info: Info) -> Values:
        return info.context.values  # type: ignore[no-any-return]

    @strawberry.field
    @planned_later
    def page(self, info: Info, number: int = 1) -> Page:
        return info.context.page(number)  # type: ignore[no-any-return]

    @strawberry.field
    @planned_later
    def pages(self, info: Info, numbers: list[int]) -> list[Page]:
        return info.context.pages(numbers)  # type: ignore[no-any-return]

    @strawberry.field
    @planned_later
    def perhaps(self, info: Info) -> Page | None:
        return info.context.page(1)  # type: ignore[no-any-return]

    @strawberry.field
    def echo(self, text: str = "a", colours: list[Colour] | None = None) -> str:
        return f"{text} {[one.name for one in colours or ()]}"

    @strawberry.field
    def width(self, of: Range) -> int:
        return of.last - of.first

    @strawberry.field
    def unmarked(self, info: Info) -> str:
        return "unmarked"

    @strawberry.field
    async def awaited(self) -> str:
        return "awaited"

    @strawberry.field(permission_classes=[Nobody])
    def forbidden(self) -> str:
        return "forbidden"

    @strawberry.field(extensions=[Shout()])
    def shouted(self) -> str:
        return "shouted"

    @strawberry.field
    def of_root(root) -> str:  # type: ignore[no-untyped-def]  # noqa: N805 - Strawberry's name for it
        return "root"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def touch(self) -> bool:
        return True


SCHEMA = strawberry.Schema(query=Query, mutation=Mutation, types=[Cat, Dog])


@dataclass
class Asker:
    scope: str
    name: str | None = None

    def as_nobody(self) -> Asker:
        return Asker(self.scope)


@dataclass
class Proof:
    world: World
    version: int
    askers: frozenset[str] = frozenset()
    is_prompt: bool = True
    tag: str = ""

    def fresh_for(self, _moment: int) -> int:
        return 0

    def ask(self) -> asyncio.Future[Any] | None:
        return self.world.ask()

    def judge(self, _told: Any) -> int | None:
        return self.world.now if self.version == self.world.version else None


@dataclass
class World:
    """An application of one value and a version. wait: what everything that is made waits for."""

    values: Any = field(default_factory=Values)
    version: int = 1
    now: int = 100
    proves: bool = True
    made: int = 0
    askers: frozenset[str] = frozenset()
    wait: Callable[[], Awaitable[Any]] | None = None
    kept: dict[Any, Any] | None = None
    is_prompt: bool = True
    asked: list[asyncio.Future[Any]] = field(default_factory=list)

    def ask(self) -> asyncio.Future[Any]:
        """What a proof that is not prompt waits for; the test answers it."""
        self.asked.append(asyncio.get_running_loop().create_future())
        return self.asked[-1]

    def asker_at_once(self, headers: Mapping[str, str]) -> Asker | None:
        return None if "later" in headers else Asker(headers.get("scope", "here"), headers.get("name"))

    async def asker(self, headers: Mapping[str, str]) -> Asker:
        return Asker(headers.get("scope", "here"), headers.get("name"))

    async def run(self, asker: Asker, work: Any, _asked: Any) -> Any:
        self.made += 1
        version = self.version
        if self.wait:
            await self.wait()
        result, _ = await work(self.info(asker))
        return result, Proof(self, version, self.askers, self.is_prompt) if self.proves else None

    def info(self, asker: Asker) -> Any:
        return _Info(_Context(self, asker))


@dataclass
class _Context:
    world: World
    asker: Asker

    @property
    def values(self) -> Any:
        return self.world.values

    async def page(self, number: int) -> Page:
        return Page(
            number=number, asker=self.asker.name, is_theirs=self.asker.name in self.world.askers, kept=self.world.kept
        )

    async def pages(self, numbers: list[int]) -> list[Page]:
        return [await self.page(number) for number in numbers]


@dataclass
class _Info:
    context: _Context


def body(query: str, variables: Any = None, **more: Any) -> bytes:
    """A request's."""
    return orjson.dumps({"query": query, **({} if variables is None else {"variables": variables}), **more})


class Server:
    """The engine, and stock Strawberry, of one world."""

    def __init__(self, world: World, *, keeps_fragments: bool = True) -> None:
        self.world = world
        self.engine = Engine(Plans(SCHEMA), world, keeps_fragments=keeps_fragments)

    async def stock(self, query: str, variables: Any = None, **headers: str) -> Any:
        """What Strawberry answers; `errors` is whether there are any."""
        asker = await self.world.asker(headers)
        found = await SCHEMA.execute(query, variables, context_value=_Context(self.world, asker))
        return {"data": found.data, **({"errors": True} if found.errors else {})}

    async def planned(self, query: str, variables: Any = None, **headers: str) -> Any:
        """What a plan answers, learned by need; None where stock Strawberry is to."""
        asked = body(query, variables)
        for _ in range(2):
            self.engine.plans.learn(asked)
        found = await self.engine.answer(asked, headers)
        return None if found is None else orjson.loads(found.text)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def server(world: World) -> AsyncIterator[Server]:
    yield Server(world)
    await asyncio.sleep(0)
