"""What execution/ is told of Chairtime: who asks, how its resolvers are run, and how an answer is proved to be still true."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from execution import asked as under_way
from execution.documents import Asked
from resolvers import recalling, tokens
from resolvers.app import App
from resolvers.context import Caller
from resolvers.recalling import Cached, Verified
from schema import cost, operation, types
from schema.operation import Asking, Authenticate
from schema.schema import schema

T = TypeVar("T")

VISITORS_MAX = 10_000  # remembered
NOBODY: dict[str, Any] = {}


class Asker:
    """Who asks, as execution/ knows them: their tenant is their scope, what they hold things as their name."""

    __slots__ = ("caller", "name", "scope")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.scope = caller.tenant_slug
        self.name = caller.holder

    def as_nobody(self) -> Asker:
        """The same tenant's visitor."""
        return Asker(Caller(tenant_slug=self.caller.tenant_slug))


@lru_cache(maxsize=VISITORS_MAX)
def _visitor(session: str | None, tenant: str | None) -> Asker:
    return Asker(tokens.visitor(session, tenant))


class Info(NamedTuple):
    """What resolvers that a plan runs see of Strawberry's."""

    context: Asking


class World:
    """The server, as execution/ sees it."""

    def __init__(self, app: App, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    def asker_at_once(self, headers: Mapping[str, str]) -> Asker | None:
        """Who comes without a token. Raises BadRequest."""
        if "Authorization" in headers:
            return None
        return _visitor(headers.get("X-Session-Id") or None, headers.get("X-Tenant") or None)

    async def asker(self, headers: Mapping[str, str]) -> Asker:
        """Raises what `authenticate` does."""
        return Asker(await self._authenticate(operation.headers_of_asker(headers)))

    async def stock(self, query: str, name: str | None, variables: dict[str, Any], headers: Mapping[str, str]) -> Any:
        """The stock path's data. Raises GraphQLError."""
        asking = Asking(self._app, self._authenticate, operation.headers_of_asker(headers))
        result = await schema.execute(query, variables, context_value=asking, operation_name=name)
        for error in result.errors or ():
            raise error
        return result.data

    def told(self, asker: Asker, proof: Verified | Cached, moment: datetime | None) -> None:
        """Somebody got an answer by a plan. moment: None for one that was made just now, which was counted as it was read."""
        if moment is not None:
            proof.given()
        self._app.offers.note(proof.shown, asker.name, moment or self._app.clock.now())

    async def run(
        self, asker: Asker, work: Callable[[Any], Coroutine[Any, Any, tuple[T, Sequence[Any]]]], asked: Asked
    ) -> tuple[T, Verified | Cached | None]:
        """As the stock path runs a query: again, when the directory moved under it. Raises GraphQLError past a limit."""

        async def authenticate(_headers: Mapping[str, str]) -> Caller:
            return asker.caller

        asking = Asking(self._app, authenticate, NOBODY)
        context = await asking.open()
        cost.check(schema._schema, asked, context.directory, self._app.limits)
        result, values = await work(Info(asking))
        if await context.is_stale():
            context = await asking.open(fresh=True)
            result, values = await work(Info(asking))
        if (request := under_way.current.get()) is not None:
            request.availabilities += context.asked
        return result, recalling.proof(context, [one.found for one in _availabilities(values)])


def _availabilities(values: Sequence[Any]) -> Iterator[types.Availability]:
    for value in values:
        if isinstance(value, types.Availability):
            yield value
        else:
            yield from value
