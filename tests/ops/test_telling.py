"""Endpoints are told at least once, of each booking in order, and by one at a time; over real HTTP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from db import outbox
from domain import webhooks
from ops.posting import posting
from resolvers import telling
from resolvers.context import Role
from resolvers.telling import Teller
from tests.receiver import Receiver, receiving

if TYPE_CHECKING:
    from tests.ops.conftest import Server

SET = "mutation ($input: WebhookSetInput!) { webhookSet(input: $input) { ... on WebhookChange { secret webhook { id } } } }"
MOVE = (
    "mutation ($id: ID!, $to: DateTime!) { bookingReschedule(input: {bookingId: $id, startUtc: $to}) { __typename } }"
)
CANCEL = "mutation ($id: ID!) { bookingCancel(bookingId: $id) { __typename } }"
LIFE = ["booking.confirmed", "booking.rescheduled", "booking.cancelled"]


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time between tries passes faster."""
    monkeypatch.setattr(webhooks, "BACKOFF_S", 0.01)
    monkeypatch.setattr(webhooks, "BACKOFF_MAX_S", 0.05)
    monkeypatch.setattr(telling, "POLL_S", 0.02)
    monkeypatch.setattr(telling, "LOOK_S", 0.0)


@asynccontextmanager
async def telling_(server: Server, timeout_s: float = 5, *, to_any: bool = True) -> AsyncIterator[Teller]:
    async with posting(timeout_s=timeout_s, to_any=to_any) as post:
        teller = Teller(server.app.database, post, server.app.told, timeout_s=timeout_s)
        async with teller.running():
            yield teller


async def subscribe(server: Server, receiver: Receiver, **more: Any) -> str:
    """Tells this business's news to the receiver; the endpoint's id."""
    url = more.pop("url", receiver.url)
    given = {"url": "https://example.org/", **more}
    found = (await server.client.data(SET, {"input": given}, token=server.token(Role.ADMIN)))["webhookSet"]
    await server.sql.execute("update webhooks set url = $1 where id = $2", url, found["webhook"]["id"])
    receiver.secret = found["secret"]
    id_: str = found["webhook"]["id"]
    return id_


async def lives(server: Server, count: int) -> list[str]:
    """Bookings that are made, moved and cancelled, so many; their ids."""
    ids = []
    for n in range(count):
        start = {**server.start(9), "startUtc": server.salon.at(9 + n % 3, days=n)}
        booking = await server.write("bookingCreate", "Booking", **start, customer={"name": "Ann"})
        ids.append(booking["id"])
        await server.client.data(MOVE, {"id": booking["id"], "to": server.salon.at(14, days=n)})
        await server.client.data(CANCEL, {"id": booking["id"]})
    return ids


async def fails_half_the_time(_receiver: Receiver, _told: Any) -> web.Response:
    return web.Response(status=random.choice([204, 500]))


async def states(server: Server) -> dict[str, int]:
    rows = await server.sql.fetch("select state, count(*) as n from outbox group by 1")
    return {row["state"]: row["n"] for row in rows}


async def test_a_receiver_that_fails_half_the_time_is_told_all_in_order(server: Server) -> None:
    async with receiving(fails_half_the_time) as receiver, telling_(server):
        await subscribe(server, receiver)
        bookings = await lives(server, 30)

        await receiver.hears(lambda: len({one["id"] for one in receiver.told}) == 90)

    assert [receiver.of(one) for one in bookings] == [LIFE] * 30
    assert len(receiver.told) == 90
    assert len(receiver.tries) > 120
    assert max(receiver.at_once.values()) == 1


async def test_several_processes_tell_each_event_once_and_of_a_booking_one_at_a_time(server: Server) -> None:
    async def thinks(_receiver: Receiver, _told: Any) -> web.Response:
        await asyncio.sleep(0.005)
        return web.Response()

    async with receiving(thinks) as receiver, telling_(server), telling_(server), telling_(server):
        await subscribe(server, receiver)
        bookings = await lives(server, 20)

        await receiver.hears(lambda: len(receiver.told) >= 60)
        await asyncio.sleep(0.2)

    assert len(receiver.tries) == 60
    assert [receiver.of(one) for one in bookings] == [LIFE] * 20
    assert max(receiver.at_once.values()) == 1


async def test_what_a_process_took_and_left_is_told_by_another_after_a_while(server: Server) -> None:
    """As after its death: nobody says that it will not come."""
    async with receiving() as receiver:
        await subscribe(server, receiver)
        (booking,) = await lives(server, 1)

        async def dies(*_: Any) -> Any:
            raise asyncio.CancelledError

        dead = Teller(server.app.database, dies, server.app.told, timeout_s=0.2)
        assert await dead.step()
        await asyncio.sleep(0.05)
        async with telling_(server, timeout_s=0.2):
            await receiver.hears(lambda: len(receiver.told) == 3)

    assert receiver.of(booking) == LIFE


async def test_what_is_given_up_stays_seen_and_lets_the_next_pass(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TRIES_MAX", 3)

    async def refuses_the_first(_receiver: Receiver, told: Any) -> web.Response:
        return web.Response(status=503 if told["type"] == "booking.confirmed" else 200)

    async with receiving(refuses_the_first) as receiver, telling_(server):
        await subscribe(server, receiver)
        (booking,) = await lives(server, 1)
        await receiver.hears(lambda: len(receiver.told) == 2)

    assert receiver.of(booking) == LIFE[1:]
    failed = await server.sql.fetchrow("select tries, last_answer from outbox where state = 'FAILED'")
    assert failed is not None
    assert tuple(failed.values()) == (3, "HTTP 503")
    assert server.app.told["given_up"] == 1


async def test_one_endpoint_that_hangs_does_not_keep_the_others(server: Server) -> None:
    async def hangs(_receiver: Receiver, _told: Any) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async with receiving() as good, receiving(hangs) as bad, telling_(server, timeout_s=1):
        await subscribe(server, bad)
        bad.secret = None
        await subscribe(server, good)
        await lives(server, 20)

        await good.hears(lambda: len(good.told) == 60, within_s=15)

        assert bad.told == []
        answers = await server.sql.fetch(
            "select distinct last_answer from outbox where state = 'PENDING' and tries > 1"
        )
        assert {row["last_answer"] for row in answers} <= {"no answer within 1 s"}


async def test_a_redirect_is_not_followed(server: Server) -> None:
    async with receiving() as other:

        async def redirects(_receiver: Receiver, _told: Any) -> web.Response:
            return web.Response(status=307, headers={"Location": other.url})

        async with receiving(redirects) as receiver, telling_(server):
            await subscribe(server, receiver)
            await lives(server, 1)
            await receiver.hears(lambda: len(receiver.tries) > 3)

    assert other.tries == []
    assert await states(server) == {"PENDING": 3}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1:{port}/hook", "webhooks go by https"),
        ("https://127.0.0.1:{port}/hook", "127.0.0.1 is not on the Internet"),
        ("https://[::ffff:127.0.0.1]:{port}/hook", "is not on the Internet"),
        ("https://2130706433:{port}/hook", "is not on the Internet"),
        ("https://127.1:{port}/hook", "127.1 is not on the Internet"),
        ("https://localhost:{port}/hook", "localhost is not on the Internet"),
    ],
)
async def test_private_addresses_are_not_called_whatever_is_in_the_table(server: Server, url: str, why: str) -> None:
    connected = asyncio.Event()
    listening = await asyncio.start_server(lambda *_: connected.set(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]

    async with posting(timeout_s=2, to_any=False) as post:
        answer = await post(url.format(port=port), {}, b"{}")

    listening.close()
    await listening.wait_closed()
    assert not answer.is_delivered
    assert why in answer.text
    assert not connected.is_set()


async def test_a_certificate_that_is_not_right_is_not_called(server: Server) -> None:
    """https is checked: a server without TLS is no https server, and no private detail is told of why."""
    async with receiving() as receiver, posting(timeout_s=2, to_any=True) as post:
        answer = await post(receiver.url.replace("http://", "https://"), {}, b"{}")

    assert not answer.is_delivered
    assert "127.0.0.1" not in answer.text


async def test_what_has_long_ended_is_forgotten(server: Server) -> None:
    async with receiving() as receiver, telling_(server):
        await subscribe(server, receiver)
        await lives(server, 1)
        await receiver.hears(lambda: len(receiver.told) == 3)
        await server.sql.execute("update outbox set ended_at = ended_at - $1::interval", timedelta(days=8))
        await server.sql.execute("update outbox set state = 'FAILED' where event = 'booking.cancelled'")

    async with server.app.database.transaction(None) as connection:
        gone = await outbox.clear(connection, 100)

    assert gone == 2
    assert await states(server) == {"FAILED": 1}


async def tells(server: Server) -> None:
    async with receiving() as receiver, telling_(server):
        await subscribe(server, receiver)
        await lives(server, 1)
        await receiver.hears(lambda: len(receiver.told) == 3)


async def leaves_untold(server: Server) -> None:
    async with receiving() as receiver:
        await subscribe(server, receiver)
        await lives(server, 1)
        await server.sql.execute("update outbox set created_at = created_at - interval '1 min', next_at = 'infinity'")
        async with telling_(server) as teller:
            await teller.look()


async def tells_in_vain(server: Server) -> None:
    async with receiving(fails_half_the_time) as receiver, telling_(server):
        await subscribe(server, receiver)
        await lives(server, 10)
        await receiver.hears(lambda: len(receiver.told) == 30)


@pytest.mark.parametrize(
    ("does", "moves", "least"),
    [
        (tells, 'chairtime_webhooks_total{outcome="delivered"}', 3),
        (tells_in_vain, 'chairtime_webhooks_total{outcome="retried"}', 1),
        (leaves_untold, "chairtime_webhooks_pending", 3),
        (leaves_untold, "chairtime_webhooks_oldest_seconds", 50),
    ],
)
async def test_metrics_move(server: Server, does: Any, moves: str, least: float) -> None:
    await does(server)

    assert (await server.metrics())[moves] >= least
