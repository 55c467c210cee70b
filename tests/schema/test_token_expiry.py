"""A WebSocket and its token: what closes it, when, and what is left behind. A second is the least that a token can live."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec

from resolvers import tokens
from resolvers.app import App
from resolvers.jwks import Keys
from resolvers.tokens import TokenSettings
from schema import view
from schema.view import HEADER_MAX, View
from tests.conftest import TOKENS, Client, Salon

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resolvers.context import Caller

WAIT_S = 10
EXPIRED = (aiohttp.WSMsgType.CLOSE, 4401, "Token expired")
CHANGES = """
subscription ($stylist: ID!, $service: ID!, $day: Date!) {
  availabilityChanged(stylistIds: [$stylist], serviceId: $service, from: $day, to: $day) { snapshot }
}
"""
QUERY = "{ tenant { slug } }"


def expiring(at: float) -> str:
    """A customer's token that ends at a second."""
    claims = {"sub": "cleo", "tenant": "testers", "aud": "chairtime", "exp": int(at)}
    return jwt.encode(claims, TOKENS.secret or "", algorithm="HS256")


def in_seconds(least: float) -> int:
    """The first whole second that is at least so far ahead."""
    return int(time.time() + least) + 1


@asynccontextmanager
async def connected(client: Client, token: str | None) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """An acknowledged socket."""
    async with client.http.ws_connect(client.url, protocols=["graphql-transport-ws"]) as ws:
        payload = {"Authorization": f"Bearer {token}"} if token else {}
        await ws.send_json({"type": "connection_init", "payload": payload})
        assert (await ws.receive_json(timeout=WAIT_S))["type"] == "connection_ack"
        yield ws


async def watch(ws: aiohttp.ClientWebSocketResponse, salon: Salon, id_: str = "1") -> None:
    """A subscription whose snapshot has come."""
    variables = {"stylist": salon.asha, "service": salon.cut, "day": str(salon.day)}
    await ws.send_json({"type": "subscribe", "id": id_, "payload": {"query": CHANGES, "variables": variables}})
    assert (await ws.receive_json(timeout=WAIT_S))["payload"]["data"]["availabilityChanged"]["snapshot"]


def timers() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "token expiry"]


async def until(check: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not check():
            await asyncio.sleep(0.005)


async def test_it_closes_at_the_end_of_its_token_and_whatever_runs_ends(client: Client, salon: Salon, app: App) -> None:
    exp = in_seconds(0.5)
    async with connected(client, expiring(exp)) as ws:
        for id_ in ("1", "2"):
            await watch(ws, salon, id_)
        assert len(app.feed) == 1

        said = await ws.receive(timeout=WAIT_S)
        late_s = time.time() - exp

    assert (said.type, said.data, said.extra) == EXPIRED
    assert 0 <= late_s < 0.5
    await until(lambda: len(app.feed) == 0)
    await until(lambda: timers() == [])


async def test_one_that_leaves_earlier_leaves_no_timer(client: Client, salon: Salon, app: App) -> None:
    async with connected(client, expiring(time.time() + 3600)) as ws:
        await watch(ws, salon)
        assert len(timers()) == 1

    await until(lambda: timers() == [])
    assert len(app.feed) == 0


@pytest.mark.parametrize("exp", [None, 10**18], ids=["no token", "a token for ever"])
async def test_one_without_an_end_lives_on(client: Client, salon: Salon, exp: int | None) -> None:
    async with connected(client, exp and expiring(exp)) as ws:
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": QUERY}})

        assert (await ws.receive_json(timeout=WAIT_S))["payload"]["data"]["tenant"]["slug"] == "testers"


async def test_nothing_is_answered_after_the_end_though_the_timer_is_late(
    client: Client, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_close = asyncio.Event()

    async def late(handler: Any, at: datetime) -> None:
        await may_close.wait()
        await in_time(handler, at)

    in_time = view.Messages._expire
    monkeypatch.setattr(view.Messages, "_expire", late)
    exp = in_seconds(0.2)
    async with connected(client, expiring(exp)) as ws:
        await asyncio.sleep(exp - time.time() + 0.01)
        for message in ({"type": "ping"}, {"type": "subscribe", "id": "1", "payload": {"query": QUERY}}):
            await ws.send_json(message)
        with pytest.raises(TimeoutError):
            await ws.receive(timeout=0.3)
        may_close.set()

        said = await ws.receive(timeout=WAIT_S)

    assert (said.type, said.data, said.extra) == EXPIRED


async def test_what_began_before_the_end_is_not_answered_after_it(
    client: Client, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view.Messages, "_expire", lambda *_: asyncio.sleep(WAIT_S))
    exp = in_seconds(0.2)
    authenticate = tokens._claims

    async def dawdling(*given: Any) -> Any:
        found = await authenticate(*given)
        await asyncio.sleep(exp - time.time() + 0.05)
        return found

    async with connected(client, expiring(exp)) as ws:
        monkeypatch.setattr(tokens, "_claims", dawdling)
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": QUERY}})

        with pytest.raises(TimeoutError):
            await ws.receive(timeout=exp - time.time() + 0.6)


async def test_who_does_not_read_is_cut_off_all_the_same(
    client: Client, salon: Salon, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, let_go = asyncio.Event(), asyncio.Event()

    async def never(self: Any, **_: Any) -> bool:
        stuck.set()
        try:
            await asyncio.Event().wait()
        finally:
            let_go.set()
        return True

    monkeypatch.setattr(view, "HANG_UP_S", 1.0)
    async with connected(client, expiring(in_seconds(0.2))) as ws:
        await watch(ws, salon)
        monkeypatch.setattr(web.WebSocketResponse, "close", never)
        await asyncio.wait_for(stuck.wait(), WAIT_S)

        await until(lambda: len(app.feed) == 0)
        assert not let_go.is_set()  # what ran has ended before the client was given up
        await until(lambda: timers() == [])
        with suppress(aiohttp.ClientError):
            assert (await ws.receive(timeout=WAIT_S)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


@asynccontextmanager
async def serving(app: App, settings: TokenSettings, http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    """The same server with other tokens."""
    authenticate: Callable[[Mapping[str, str]], Awaitable[Caller]] = partial(tokens.authenticate, settings)
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, authenticate))
    server = TestServer(application)
    await server.start_server(max_field_size=HEADER_MAX)
    yield Client(http, str(server.make_url("/graphql")))
    await server.close()


async def test_an_issuer_that_is_away_is_no_fault_of_the_token_s(client: Client, salon: Salon, app: App) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    claims = {"sub": "c", "tenant": "testers", "aud": "chairtime", "exp": datetime.now(UTC) + timedelta(hours=1)}
    token = jwt.encode(claims, key, algorithm="ES256", headers={"kid": "one"})

    async def away() -> bytes:
        raise OSError("away")

    async with serving(app, TokenSettings(None, Keys(away)), client.http) as other:
        answer = await other.post(QUERY, token=token)
        async with client.http.ws_connect(other.url, protocols=["graphql-transport-ws"]) as ws:
            await ws.send_json({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
            said = await ws.receive(timeout=WAIT_S)

    assert answer["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfterSeconds": 10}
    assert "database" not in answer["errors"][0]["message"]
    assert (said.type, said.data) == (aiohttp.WSMsgType.CLOSE, 1013)


async def test_a_key_that_is_withdrawn_ends_what_its_tokens_watch_at_the_next_change(
    client: Client, salon: Salon, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = {**jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "one"}
    claims = {"sub": "c", "tenant": "testers", "aud": "chairtime", "exp": datetime.now(UTC) + timedelta(hours=1)}
    token = jwt.encode(claims, key, algorithm="ES256", headers={"kid": "one"})
    published = [public]

    async def fetch() -> bytes:
        return json.dumps({"keys": published}).encode()

    keys = Keys(fetch)
    async with serving(app, TokenSettings(None, keys), client.http) as other, connected(other, token) as ws:
        await watch(ws, salon)
        published.clear()
        await keys.load()
        await client.data(
            "mutation ($input: HoldPlaceInput!) { holdPlace(input: $input) { __typename } }",
            {"input": {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10)}},
        )
        said = await ws.receive_json(timeout=WAIT_S)

    errors = said["payload"] if said["type"] == "error" else said["payload"]["errors"]
    assert errors[0]["extensions"]["code"] == "UNAUTHENTICATED"
