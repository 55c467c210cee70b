"""What execution/ is told of Chairtime: who asks, how its resolvers are run, and how an answer is proved to be still true."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from resolvers import recalling
from resolvers.app import App
from resolvers.context import Caller
from resolvers.recalling import Cached, Verified
from schema import operation, types
from schema.operation import Asking, Authenticate

T = TypeVar("T")

ASKER_HEADERS = ("Authorization", "X-Session-Id", "X-Tenant")
NOBODY: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as execution/ knows them: their tenant is their scope, what they hold things as their name."""

    caller: Caller

    @property
    def scope(self) -> str | None:
        return self.caller.tenant_slug

    @property
    def name(self) -> str | None:
        return self.caller.holder

    def as_nobody(self) -> Asker:
        """The same tenant's visitor."""
        return Asker(Caller(tenant_slug=self.caller.tenant_slug))


VISITOR = Asker(Caller())


class Info(NamedTuple):
    """What resolvers that a plan runs see of Strawberry's."""

    context: Asking


class World:
    """The server, as execution/ sees it."""

    def __init__(self, app: App, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def asker(self, headers: Mapping[str, str]) -> Asker:
        """Raises what `authenticate` does."""
        for name in ASKER_HEADERS:
            if name in headers:
                found = operation.headers_of_asker(headers)
                return Asker(await self._authenticate(found))
        return VISITOR

    async def run(
        self, asker: Asker, work: Callable[[Any], Coroutine[Any, Any, tuple[T, Sequence[Any]]]]
    ) -> tuple[T, Verified | Cached | None]:
        """As the stock path runs a query: again, when the directory moved under it."""

        async def authenticate(_headers: Mapping[str, str]) -> Caller:
            return asker.caller

        asking = Asking(self._app, authenticate, NOBODY)
        context = await asking.open()
        result, values = await work(Info(asking))
        if await context.is_stale():
            context = await asking.open(fresh=True)
            result, values = await work(Info(asking))
        return result, recalling.proof(context, [one.found for one in _availabilities(values)])


def _availabilities(values: Sequence[Any]) -> Iterator[types.Availability]:
    for value in values:
        if isinstance(value, types.Availability):
            yield value
        else:
            yield from value
