"""What many watch alike is computed, rendered and encoded once; who comes back goes on from where they stopped; who does not read
is not waited for."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from resolvers import live
from schema import fanout

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

WAIT_S = 10
Message = dict[str, Any]

WATCH = """
subscription ($stylists: [ID!]!, $service: ID!, $from: Date!, $to: Date!, $since: String) {
  availabilityChanged(stylistIds: $stylists, serviceId: $service, from: $from, to: $to, sinceVersion: $since) {
    availability { stylist { id } date slots(status: AVAILABLE) { startUtc } }
    opened { startUtc } closed { startUtc status } version cursor snapshot
  }
}
"""
HELD = WATCH.replace("slots(status: AVAILABLE) { startUtc }", "slots { startUtc heldByYou }")


@dataclass
class Watch:
    """One subscription on a socket of its own, and what its client knows from the messages alone."""

    ws: aiohttp.ClientWebSocketResponse
    free: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    cursor: str | None = None

    async def change(self, within_s: float = WAIT_S) -> Message:
        """The next event, applied."""
        message = await self.ws.receive_json(timeout=within_s)
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        found: Message = message["payload"]["data"]["availabilityChanged"]
        about = found["availability"]
        key = about["stylist"]["id"], about["date"]
        opened, closed = ({one["startUtc"] for one in found[name]} for name in ("opened", "closed"))
        self.free[key] = opened if found["snapshot"] else (self.free[key] | opened) - closed
        shown = {one["startUtc"] for one in about["slots"] if one.get("status", "AVAILABLE") == "AVAILABLE"}
        assert "heldByYou" in json.dumps(about) or self.free[key] == shown, "differences must add up to the list"
        self.cursor = found["cursor"]
        return found

    async def silent(self, for_s: float = 0.3) -> bool:
        """Whether nothing comes for a while."""
        try:
            await self.ws.receive_json(timeout=for_s)
        except TimeoutError:
            return True
        return False


@asynccontextmanager
async def watching(
    who: Visitor, *, stylists: list[str] | None = None, days: int = 1, since: str | None = None, query: str = WATCH
) -> AsyncIterator[Watch]:
    shop = who.salon
    payload: Message = {"X-Tenant": shop.slug, "X-Session-Id": who.who.get("session")}
    if who.who.get("token"):
        payload = {"Authorization": f"Bearer {who.who['token']}"}
    async with who.client.http.ws_connect(who.client.url, protocols=("graphql-transport-ws",)) as ws:
        await ws.send_json({"type": "connection_init", "payload": payload})
        assert (await ws.receive_json(timeout=WAIT_S))["type"] == "connection_ack"
        variables = {
            "stylists": stylists or [shop.asha, shop.bina],
            "service": shop.cut,
            "from": str(shop.day),
            "to": str(shop.day + timedelta(days - 1)),
            "since": since,
        }
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}})
        yield Watch(ws)


async def snapshots(watch: Watch, count: int) -> Watch:
    for _ in range(count):
        assert (await watch.change())["snapshot"]
    return watch


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is done once for all: reads of groups, and results that are encoded."""
    done: list[str] = []
    read, dumps = live._read, fanout.orjson.dumps

    async def reading(*given: Any) -> Any:
        done.append("read")
        return await read(*given)

    def dumping(value: Any, **given: Any) -> bytes:
        if "availabilityChanged" in value:
            done.append("encoded")
        return dumps(value, **given)

    monkeypatch.setattr(live, "_read", reading)
    monkeypatch.setattr(fanout, "orjson", SimpleNamespace(**{**vars(fanout.orjson), "dumps": dumping}))
    return done


class TestSharing:
    async def test_a_change_is_read_and_encoded_once_for_all_who_watch_alike(
        self, visitor: Visitor, shop: Shop, counted: list[str]
    ) -> None:
        async with (
            watching(visitor) as one,
            watching(visitor.named("two")) as two,
            watching(visitor.named("3")) as three,
        ):
            for watch in (one, two, three):
                await snapshots(watch, 2)
            counted.clear()
            await visitor.book(shop.at(9))
            events = [await watch.change() for watch in (one, two, three)]

        assert events[0] == events[1] == events[2]
        assert [slot["startUtc"] for slot in events[0]["closed"]] == [shop.at(9)]
        assert counted == ["read", "encoded"]

    async def test_in_other_words_it_is_read_once_and_encoded_for_each(
        self, visitor: Visitor, shop: Shop, counted: list[str]
    ) -> None:
        other = WATCH.replace("snapshot", "snapshot at")
        async with watching(visitor) as one, watching(visitor, query=other) as two:
            await snapshots(one, 2)
            await snapshots(two, 2)
            counted.clear()
            await visitor.book(shop.at(9))
            await one.change()
            await two.change()

        assert sorted(counted) == ["encoded", "encoded", "read"]

    async def test_what_is_held_by_you_is_told_to_you_alone(self, visitor: Visitor, rival: Visitor, shop: Shop) -> None:
        async with watching(visitor, query=HELD) as mine, watching(rival, query=HELD) as theirs:
            await snapshots(mine, 2)
            await snapshots(theirs, 2)
            await visitor.hold(shop.at(9))
            told = [
                {slot["startUtc"]: slot["heldByYou"] for slot in (await one.change())["availability"]["slots"]}
                for one in (mine, theirs)
            ]

        assert (told[0][shop.at(9)], told[1][shop.at(9)]) == (True, False)

    async def test_what_staff_may_see_is_told_to_staff_alone(
        self, visitor: Visitor, staff: Visitor, shop: Shop
    ) -> None:
        query = WATCH.replace("stylist { id }", "stylist { id setup { active } }")
        async with watching(staff, query=query) as allowed, watching(visitor, query=query) as refused:
            await snapshots(allowed, 2)
            message = await refused.ws.receive_json(timeout=WAIT_S)
            await visitor.book(shop.at(9))
            event = await allowed.change()

        assert message["payload"]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert event["availability"]["stylist"]["setup"] == {"active": True}

    async def test_another_business_s_watchers_are_not_told(
        self, visitor: Visitor, neighbour: Visitor, shop: Shop
    ) -> None:
        """The two have the same ids."""
        async with watching(visitor) as ours, watching(neighbour) as theirs:
            await snapshots(ours, 2)
            await snapshots(theirs, 2)
            await visitor.book(shop.at(9))
            await ours.change()

            assert await theirs.silent()

    async def test_who_comes_later_is_told_what_is_there_then_and_no_change_twice(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        async with watching(visitor) as first:
            await snapshots(first, 2)
            await visitor.book(shop.at(9))
            await first.change()
            async with watching(visitor) as second:
                await snapshots(second, 2)
                before = dict(second.free)
                await visitor.book(shop.at(10))
                await first.change()
                await second.change()

        assert shop.at(9) not in before[shop.asha, str(shop.day)]
        assert first.free == second.free

    async def test_many_who_come_and_go_while_much_changes_know_what_is_there(
        self, visitor: Visitor, shop: Shop, raw: Raw
    ) -> None:
        """Differences must add up for each, whenever they came."""
        chance, done = random.Random(7), asyncio.Event()

        async def come_and_go(n: int) -> None:
            while not done.is_set():
                async with watching(visitor.named(f"s{n}")) as watch:
                    await snapshots(watch, 2)
                    for _ in range(chance.randrange(6)):
                        try:
                            await watch.change(0.3)
                        except TimeoutError:
                            break

        async def book(hours: range, stylist: str) -> None:
            for hour in hours:
                booked = await visitor.book(shop.at(hour), stylist=stylist)
                if booked["kind"] == "Booking" and chance.random() < 0.6:
                    await visitor.cancel(booked["id"])

        watchers = [asyncio.create_task(come_and_go(n)) for n in range(12)]
        for _ in range(6):
            await asyncio.gather(book(range(9, 17), shop.asha), book(range(9, 17), shop.bina))
        done.set()
        await asyncio.gather(*watchers)


class TestComingBack:
    async def test_nothing_new_is_nothing_to_tell(self, visitor: Visitor, shop: Shop) -> None:
        async with watching(visitor) as first:
            await snapshots(first, 2)

        async with watching(visitor, since=first.cursor) as second:
            assert await second.silent()

    async def test_and_the_next_change_is_told(self, visitor: Visitor, shop: Shop) -> None:
        async with watching(visitor) as first:
            await snapshots(first, 2)

        async with watching(visitor, since=first.cursor) as second:
            second.free = first.free
            await asyncio.sleep(0.2)
            await visitor.book(shop.at(9))
            event = await second.change()

        assert not event["snapshot"]
        assert [slot["startUtc"] for slot in event["closed"]] == [shop.at(9)]

    async def test_what_changed_meanwhile_is_told_once_and_the_rest_is_not(self, visitor: Visitor, shop: Shop) -> None:
        async with watching(visitor) as first:
            await snapshots(first, 2)
        await visitor.book(shop.at(9))
        await visitor.book(shop.at(10))

        async with watching(visitor, since=first.cursor) as second:
            second.free = first.free
            event = await second.change()
            assert await second.silent()

        assert event["availability"]["stylist"]["id"] == shop.asha
        assert event["snapshot"]

    async def test_at_another_process_too(self, visitor: Visitor, elsewhere: Visitor, shop: Shop) -> None:
        async with watching(visitor, days=3) as first:
            await snapshots(first, 6)
        await visitor.book(shop.at(9, days=1), stylist=shop.bina)

        async with watching(elsewhere, days=3, since=first.cursor) as second:
            event = await second.change()
            assert await second.silent()

        assert (event["availability"]["stylist"]["id"], event["availability"]["date"]) == (
            shop.bina,
            str(shop.day + timedelta(1)),
        )

    async def test_what_time_alone_has_changed_is_told_as_a_difference(
        self, visitor: Visitor, rival: Visitor, shop: Shop, raw: Raw
    ) -> None:
        held = await rival.hold(shop.at(9))
        await raw.run(
            "update bookings set expires_at = now() + interval '0.8 seconds' where tenant_id = $1 and id = $2",
            held["id"],
        )
        async with watching(visitor) as first:
            await snapshots(first, 2)
        assert shop.at(9) not in first.free[shop.asha, str(shop.day)]
        await asyncio.sleep(1)

        async with watching(visitor, since=first.cursor) as second:
            second.free = first.free
            event = await second.change()
            assert await second.silent()

        assert not event["snapshot"]
        assert [slot["startUtc"] for slot in event["opened"]] == [shop.at(9)]

    async def test_after_a_hold_that_ended_unheard_at_a_process_that_never_saw_it(
        self, visitor: Visitor, rival: Visitor, elsewhere: Visitor, shop: Shop, raw: Raw
    ) -> None:
        held = await rival.hold(shop.at(9))
        await raw.run(
            "update bookings set expires_at = now() + interval '0.8 seconds' where tenant_id = $1 and id = $2",
            held["id"],
        )
        async with watching(visitor) as first:
            await snapshots(first, 2)
        await asyncio.sleep(1)

        async with watching(elsewhere, since=first.cursor) as second:
            second.free = first.free
            await second.change()

        assert shop.at(9) in second.free[shop.asha, str(shop.day)]

    async def test_with_one_stylist_and_date_its_version_is_enough(self, visitor: Visitor, shop: Shop) -> None:
        async with watching(visitor, stylists=[shop.asha]) as first:
            version = (await first.change())["version"]
        async with watching(visitor, stylists=[shop.asha], since=version) as second:
            assert await second.silent()
        await visitor.book(shop.at(9))
        async with watching(visitor, stylists=[shop.asha], since=version) as third:
            assert (await third.change())["snapshot"]

    async def test_a_cursor_of_something_else_that_was_watched_gives_snapshots(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        async with watching(visitor) as first:
            await snapshots(first, 2)

        async with watching(visitor, days=2, since=first.cursor) as second:
            await snapshots(second, 4)

    @pytest.mark.parametrize(
        "since", ["", "x", "1..2", "1.2@", "1.2@yesterday", "1.2@2026-01-01", "c1.", "c1.AAAA", "c1." + "A" * 60_000]
    )
    async def test_what_is_no_cursor_is_refused(self, visitor: Visitor, shop: Shop, since: str) -> None:
        async with watching(visitor, stylists=[shop.asha], since=since) as watch:
            message = await watch.ws.receive_json(timeout=WAIT_S)
            if since == "1.2@":
                assert message["payload"]["data"]["availabilityChanged"]["snapshot"]
            else:
                assert message["payload"]["errors"][0]["extensions"]["code"] == "BAD_INPUT"

    async def test_clients_that_come_back_share_a_rendering_whatever_they_had(
        self, visitor: Visitor, shop: Shop, counted: list[str]
    ) -> None:
        async with watching(visitor) as first:
            await snapshots(first, 2)
        async with watching(visitor, since=first.cursor) as one, watching(visitor) as two:
            one.free = first.free
            await snapshots(two, 2)
            counted.clear()
            await visitor.book(shop.at(9))
            await one.change()
            await two.change()

        assert counted == ["read", "encoded"]


class TestSlowReaders:
    async def test_are_hung_up_on_with_1013_and_nobody_waits_for_them(
        self, visitor: Visitor, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fanout, "WAITING_MAX", 2)
        stop = asyncio.Event()
        sent = asyncio.Event()
        original = fanout.Member.results

        async def stuck(self: Any) -> Any:
            async for result in original(self):
                if self is slow[0]:
                    sent.set()
                    await stop.wait()
                yield result

        slow: list[Any] = []
        put = fanout.Member.put

        def noted(self: Any, number: int, result: Any) -> None:
            if not slow:
                slow.append(self)
            put(self, number, result)

        monkeypatch.setattr(fanout.Member, "results", stuck)
        monkeypatch.setattr(fanout.Member, "put", noted)
        async with AsyncExitStack() as open_ones:  # the first has joined before the second comes: it is the slow one
            first = await snapshots(await open_ones.enter_async_context(watching(visitor)), 2)
            second = await snapshots(await open_ones.enter_async_context(watching(visitor)), 2)
            for hour in (9, 10, 11, 13, 14, 15):
                await visitor.book(shop.at(hour))
                await second.change()
            closed = await first.ws.receive(timeout=WAIT_S)
            stop.set()

        assert sent.is_set()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1013)


class TestServerSentEvents:
    """graphql-sse in its distinct connections mode: the same events over one HTTP response each."""

    @staticmethod
    async def read(response: aiohttp.ClientResponse) -> tuple[str, Any]:
        """The next event's name and data; comments keep the connection alive and say nothing."""
        name = ""
        async with asyncio.timeout(WAIT_S):
            async for line in response.content:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                if line.startswith(b"data: "):
                    return name, json.loads(line[6:] or b"null") if line[6:].strip() else None
        raise AssertionError("the stream has ended")

    async def test_tell_the_same_as_a_socket(self, visitor: Visitor, shop: Shop) -> None:
        variables = {"stylists": [shop.asha], "service": shop.cut, "from": str(shop.day), "to": str(shop.day)}
        headers = {"Accept": "text/event-stream", "X-Tenant": shop.slug, "X-Session-Id": "tester"}
        async with (
            watching(visitor, stylists=[shop.asha]) as watch,
            visitor.client.http.post(
                visitor.client.url, json={"query": WATCH, "variables": variables}, headers=headers
            ) as response,
        ):
            snapshot, first = await watch.change(), await self.read(response)
            await visitor.book(shop.at(9))
            change, second = await watch.change(), await self.read(response)

            assert response.content_type == "text/event-stream"
            assert first[0] == second[0] == "next"
            told = [event["data"]["availabilityChanged"] for _, event in (first, second)]
            assert [one["opened"] for one in told] == [snapshot["opened"], change["opened"]]
            assert [one["closed"] for one in told] == [snapshot["closed"], change["closed"]]
            assert told[1]["version"] == change["version"]

    async def test_end_when_the_client_goes(self, visitor: Visitor, shop: Shop, mall: Any) -> None:
        variables = {"stylists": [shop.asha], "service": shop.cut, "from": str(shop.day), "to": str(shop.day)}
        headers = {"Accept": "text/event-stream", "X-Tenant": shop.slug}
        response = await visitor.client.http.post(
            visitor.client.url, json={"query": WATCH, "variables": variables}, headers=headers
        )
        await self.read(response)
        response.close()

        async def gone() -> bool:
            await visitor.book(shop.at(9))
            return not mall[0].feed.groups

        await visitor.until(gone)
