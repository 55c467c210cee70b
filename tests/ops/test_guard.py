"""What is let in: quotas over every transport, and whose pages may ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from cache.counts import Counts
from cache.rates import Rates
from db import queries
from ops import running
from ops.callers import Addresses
from ops.guard import Guard
from resolvers import tokens
from resolvers.context import Role
from schema.view import HEADER_MAX
from tests.conftest import SALON, TOKENS, Salon, Served

if TYPE_CHECKING:
    from resolvers.app import App

NAMES = "query Names { services { name } }"
HOLDS = "mutation ($input: HoldPlaceInput!) { %s }"
HOLD = "h%d: holdPlace(input: $input) { __typename }"
RATE_LIMIT = re.compile(r'"(read|write|tenant)";r=(\d+);t=(\d+)')
POLICY = re.compile(r'"(read|write|tenant)";q=(\d+);w=(\d+)')
SITE, OTHER = "https://salon.example", "https://elsewhere.example"
PLENTY = "1000000/hour"


@dataclass
class Door:
    """A server, and a client that says where it is."""

    http: aiohttp.ClientSession
    root: str
    salon: Salon

    async def post(self, query: str, variables: Any = None, address: str = "198.51.100.1", **headers: str) -> Any:
        """Status, headers and JSON of an answer."""
        asked = {"X-Forwarded-For": address, "X-Session-Id": "tester", **headers}
        body = {"query": query, "variables": variables or {}}
        async with self.http.post(f"{self.root}/graphql", json=body, headers=asked) as response:
            return response.status, response.headers, await response.json()

    async def statuses(self, count: int, **who: str) -> list[int]:
        return [(await self.post(NAMES, **who))[0] for _ in range(count)]

    def hold(self, count: int = 1, hour: int = 9) -> tuple[str, Any]:
        """So many holds in one document."""
        start = {"stylistId": self.salon.asha, "serviceId": self.salon.cut, "startUtc": self.salon.at(hour)}
        return HOLDS % " ".join(HOLD % n for n in range(count)), {"input": start}


def rates(read: str = PLENTY, write: str = PLENTY, tenant: str = PLENTY) -> Rates:
    return Rates(read=read, write=write, tenant=tenant, counts=Counts())


@asynccontextmanager
async def guarded(app: App, salon: Salon, quotas: Rates | None = None, **settings: Any) -> AsyncIterator[Door]:
    guard = Guard(quotas, Addresses([ip_network("127.0.0.1")]), **settings)
    server = Served(running.application(app, TOKENS, plans=True, guard=guard))
    await server.start_server(max_field_size=HEADER_MAX)
    async with aiohttp.ClientSession() as http:
        yield Door(http, str(server.make_url("")).rstrip("/"), salon)
    await server.close()


def token(role: Role) -> str:
    slug = SALON["tenant"]["slug"]
    made = tokens.make(TOKENS, role=role, tenant=slug, subject="sita", expires_in=timedelta(hours=1))
    return f"Bearer {made}"


WIDE = """query Wide($n: String) {
  stylists { x: availability(serviceId: "%s", from: "%s", to: "%s", timezone: $n) { freeCount } }
}"""


@pytest.mark.parametrize("times", [1, 3])
async def test_what_asks_for_much_counts_as_several(app: App, salon: Salon, times: int) -> None:
    """Each time that it is computed, by a plan too; an answer that is kept is one request."""
    quotas = rates(read="1000/hour")
    async with guarded(app, salon, quotas) as door:
        wide = WIDE % (salon.cut, salon.day, salon.day + timedelta(60))
        zones = ["Asia/Kathmandu", "Asia/Kathmandu", "Europe/Paris"]
        for zone in zones[:times]:
            status, _, answer = await door.post(wide, {"n": zone})
            assert (status, "errors" in answer) == (200, False)
        availabilities = sum(len(stylist["x"]) for stylist in answer["data"]["stylists"])
        left = (await quotas.read.settle("198.51.100.1")).left

    assert availabilities >= 100
    assert 1000 - left - 1 >= times * (1 + availabilities // 50)


async def test_what_was_heavy_is_charged_as_far_as_there_is(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="3/hour")) as door:
        wide = WIDE % (salon.cut, salon.day, salon.day + timedelta(60))
        statuses = [(await door.post(wide))[0], *await door.statuses(2)]

    assert statuses == [200, 429, 429]


async def test_one_address_reads_as_often_as_it_may_by_plans_and_without(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="7/hour")) as door:
        assert await door.statuses(9) == 7 * [200] + 2 * [429]
        assert await door.statuses(1, address="198.51.100.2") == [200]


async def test_a_refusal_says_when_to_come_again(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="2/minute")) as door:
        await door.statuses(2)
        status, headers, answer = await door.post(NAMES)

    (error,) = answer["errors"]
    wait = error["extensions"]["retryAfterSeconds"]
    assert (status, error["extensions"]["code"], "data" in answer) == (429, "RATE_LIMITED", False)
    assert int(headers["Retry-After"]) == wait
    assert 0 < wait <= 120
    assert POLICY.fullmatch(headers["RateLimit-Policy"]).groups() == ("read", "2", "60")  # type: ignore[union-attr]
    assert RATE_LIMIT.fullmatch(headers["RateLimit"]).groups() == ("read", "0", str(wait))  # type: ignore[union-attr]
    assert f"{wait} s" in error["message"]


def without_numbers(answer: Any) -> str:
    return re.sub(r"\d+", "", str(answer))


async def test_who_asks_on_is_refused_at_the_door_with_the_same_words(
    app: App, salon: Salon, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, refuses = [], Guard.refuses

    def seen(self: Guard, *who: Any) -> Any:
        refused.append(refuses(self, *who))
        return refused[-1]

    monkeypatch.setattr(Guard, "refuses", seen)
    quotas = rates(read="2/hour")
    async with guarded(app, salon, quotas, origins=(SITE,)) as door:
        await door.statuses(2)
        for given in ({}, {"X-Request-Id": "mine"}):
            quotas.read._leases["198.51.100.1"].refused_until = 0.0
            refused.clear()
            asked = {"Origin": SITE, **given}
            by_aiohttp, by_door = await door.post(NAMES, **asked), await door.post(NAMES, **asked)
            elsewhere = await door.statuses(1, address="198.51.100.2")

            assert [one is not None for one in refused] == [False, True, False]
            assert by_door[0] == by_aiohttp[0]
            assert without_numbers(by_door[2]) == without_numbers(by_aiohttp[2])  # a second may have passed
            assert sorted(by_door[1].keys()) == sorted(by_aiohttp[1].keys())
            assert 0 <= int(by_aiohttp[1]["Retry-After"]) - int(by_door[1]["Retry-After"]) <= 1
            assert elsewhere == [200]
            quotas.read._leases.pop("198.51.100.2")
    assert quotas.refused["read"] == 4


async def test_who_is_admitted_is_told_what_is_left(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="10/minute")) as door:
        lefts = [RATE_LIMIT.fullmatch((await door.post(NAMES))[1]["RateLimit"])[2] for _ in range(3)]  # type: ignore[index]

    assert lefts == ["9", "8", "7"]


async def test_the_answer_s_type_is_as_asked_for(app: App, salon: Salon) -> None:
    accept = "application/graphql-response+json"
    async with guarded(app, salon, rates(read="1/hour")) as door:
        await door.statuses(1)
        status, headers, _ = await door.post(NAMES, Accept=accept)

    assert (status, headers["Content-Type"].partition(";")[0]) == (429, accept)


@pytest.mark.parametrize("count", [1, 3])
async def test_holds_count_each_however_many_are_in_a_document(app: App, salon: Salon, count: int) -> None:
    async with guarded(app, salon, rates(write="6/hour")) as door:
        answers = [await door.post(*door.hold(count)) for _ in range(6 // count + 1)]

    status, headers, answer = answers[-1]
    assert [one[0] for one in answers[:-1]] == (6 // count) * [200]
    assert (status, answer["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert headers["RateLimit-Policy"] == '"write";q=6;w=3600'
    assert int(headers["Retry-After"]) == answer["errors"][0]["extensions"]["retryAfterSeconds"]


async def test_holds_in_fragments_count_too(app: App, salon: Salon) -> None:
    hidden = """mutation ($input: HoldPlaceInput!) { ...A ... on Mutation { y: holdPlace(input: $input) { __typename } } }
    fragment A on Mutation { ...B } fragment B on Mutation { z: holdPlace(input: $input) { __typename } }"""
    async with guarded(app, salon, rates(write="3/hour")) as door:
        statuses = [(await door.post(hidden, door.hold()[1]))[0] for _ in range(2)]

    assert statuses == [200, 429]


async def test_what_is_refused_holds_nothing(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(write="1/hour")) as door:
        await door.post(*door.hold(hour=9))
        await door.post(*door.hold(hour=11))
        _, _, answer = await door.post(*door.hold(hour=11), address="198.51.100.2")

    assert answer["data"]["h0"]["__typename"] == "Hold"


async def test_giving_back_is_no_booking(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(write="1/hour")) as door:
        query = "mutation ($id: ID!) { holdRelease(holdId: $id) { __typename } }"
        statuses = [(await door.post(query, {"id": salon.asha}))[0] for _ in range(4)]

    assert statuses == 4 * [200]


@pytest.mark.parametrize("role, status", [(Role.CUSTOMER, 429), (Role.STAFF, 200), (Role.SERVICE, 200)])
async def test_staff_book_as_much_as_they_like(app: App, salon: Salon, role: Role, status: int) -> None:
    async with guarded(app, salon, rates(write="1/hour")) as door:
        statuses = [(await door.post(*door.hold(), Authorization=token(role)))[0] for _ in range(3)]

    assert statuses[-1] == status


async def test_a_business_has_a_quota_over_all_addresses(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(tenant="5/hour")) as door:
        statuses = [(await door.statuses(1, address=f"198.51.100.{n}"))[0] for n in range(7)]
        _, headers, _ = await door.post(NAMES)
        elsewhere = await door.post(NAMES, **{"X-Tenant": "another"})

    assert statuses == 5 * [200] + 2 * [429]
    assert headers["RateLimit-Policy"] == '"tenant";q=5;w=3600'
    assert elsewhere[2]["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_rest_counts_too(app: App, salon: Salon) -> None:
    asked = {"stylistId": salon.asha, "serviceId": salon.cut, "targetDate": str(salon.day)}
    async with guarded(app, salon, rates(read="2/hour")) as door:
        answers = []
        for _ in range(3):
            async with door.http.get(f"{door.root}/api/bookings/available-slots", params=asked) as response:
                answers.append((response.status, response.headers.get("Retry-After"), await response.json()))

    assert [one[0] for one in answers] == [200, 200, 429]
    assert int(answers[-1][1]) > 0
    assert answers[-1][2].keys() == {"error"}


async def test_get_counts_too(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="2/hour")) as door:
        statuses = []
        for _ in range(3):
            async with door.http.get(f"{door.root}/graphql", params={"query": NAMES}) as response:
                statuses.append(response.status)

    assert statuses == [200, 200, 429]


@asynccontextmanager
async def socket(door: Door, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with door.http.ws_connect(
        f"{door.root}/graphql",
        protocols=["graphql-transport-ws"],
        headers={"X-Forwarded-For": "198.51.100.1"} | headers,
    ) as ws:
        await ws.send_json({"type": "connection_init", "payload": {"X-Session-Id": "tester"}})
        await ws.receive_json(timeout=5)
        yield ws


async def asked_over(ws: aiohttp.ClientWebSocketResponse, name: str, query: str, variables: Any = None) -> Any:
    """The first message of an operation."""
    await ws.send_json({"id": name, "type": "subscribe", "payload": {"query": query, "variables": variables or {}}})
    while (message := await ws.receive_json(timeout=5))["id"] != name or message["type"] == "complete":
        pass
    return message


async def test_operations_over_a_websocket_count_each(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="4/hour")) as door, socket(door) as ws:
        answers = [await asked_over(ws, str(n), NAMES) for n in range(4)]

        assert [one["type"] for one in answers] == ["next", "next", "next", "error"]  # the handshake counted, too
        (error,) = answers[-1]["payload"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["retryAfterSeconds"] > 0
        assert await door.statuses(1) == [429]


async def test_holds_over_a_websocket_count(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(write="2/hour")) as door, socket(door) as ws:
        answers = [await asked_over(ws, str(n), *door.hold()) for n in range(3)]

    assert [one["payload"].get("errors", [{}])[0].get("extensions", {}).get("code") for one in answers] == [
        None,
        None,
        "RATE_LIMITED",
    ]


async def test_a_server_without_quotas_counts_nothing(app: App, salon: Salon) -> None:
    async with guarded(app, salon) as door:
        status, headers, _ = await door.post(NAMES)

    assert status == 200
    assert not {"RateLimit", "RateLimit-Policy"} & headers.keys()


async def preflight(door: Door, origin: str, path: str = "/graphql") -> Any:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    async with door.http.options(f"{door.root}{path}", headers=asked) as response:
        return response.status, response.headers


@pytest.mark.parametrize("path", ["/graphql", "/api/bookings/available-slots"])
async def test_pages_that_are_named_may_ask_and_read(app: App, salon: Salon, path: str) -> None:
    async with guarded(app, salon, origins=(SITE,)) as door:
        status, leave = await preflight(door, SITE, path)
        _, answered, answer = await door.post(NAMES, Origin=SITE)

    assert (status, leave["Access-Control-Allow-Origin"], leave["Vary"]) == (204, SITE, "Origin")
    assert "Content-Type" in leave["Access-Control-Allow-Headers"]
    assert "X-Session-Id" in leave["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in leave
    assert (answered["Access-Control-Allow-Origin"], "Retry-After" in answered["Access-Control-Expose-Headers"]) == (
        SITE,
        True,
    )
    assert "data" in answer


@pytest.mark.parametrize("origins", [(), (SITE,)])
@pytest.mark.parametrize("origin", [OTHER, "null", f"{SITE}.evil.example", "http://salon.example", f"{SITE}:8443"])
async def test_other_pages_may_not(app: App, salon: Salon, origins: tuple[str, ...], origin: str) -> None:
    async with guarded(app, salon, origins=origins) as door:
        _, leave = await preflight(door, origin)
        _, answered, _ = await door.post(NAMES, Origin=origin)

    assert not [name for name in (*leave, *answered) if name.startswith("Access-Control")]


async def test_all_pages_may_where_that_is_said(app: App, salon: Salon) -> None:
    async with guarded(app, salon, origins=("*",)) as door:
        assert (await preflight(door, OTHER))[1]["Access-Control-Allow-Origin"] == OTHER


@pytest.mark.parametrize(
    "origins, origin, is_let_in",
    [
        pytest.param((), None, True, id="no browser"),
        pytest.param((), "own", True, id="the server's own page"),
        pytest.param((), OTHER, False, id="another page"),
        pytest.param((SITE,), SITE, True, id="a page that is named"),
        pytest.param((SITE,), OTHER, False, id="one that is not"),
        pytest.param(("*",), OTHER, True, id="any"),
    ],
)
async def test_whose_pages_may_open_a_websocket(
    app: App, salon: Salon, origins: tuple[str, ...], origin: str | None, is_let_in: bool
) -> None:
    async with guarded(app, salon, origins=origins) as door:
        headers = {"Origin": door.root if origin == "own" else origin} if origin else {}
        if not is_let_in:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await door.http.ws_connect(f"{door.root}/graphql", headers=headers)
            return
        async with socket(door, **headers) as ws:
            assert (await asked_over(ws, "1", NAMES))["type"] == "next"


@pytest.mark.parametrize("given, is_kept", [("abc-123", True), ('x"y', False), (100 * "x", False)])
async def test_a_request_keeps_the_id_that_it_comes_with(app: App, salon: Salon, given: str, is_kept: bool) -> None:
    async with guarded(app, salon) as door:
        _, headers, _ = await door.post(NAMES, **{"X-Request-Id": given})

    assert (headers["X-Request-Id"] == given) == is_kept


async def test_who_gets_an_error_s_status_gets_the_id_to_ask_about(app: App, salon: Salon) -> None:
    async with guarded(app, salon) as door:
        ids = []
        for _ in range(2):
            async with door.http.post(
                f"{door.root}/graphql", data=b"{", headers={"Content-Type": "application/json"}
            ) as one:
                ids.append(one.headers["X-Request-Id"])

    assert len(set(ids)) == 2


async def test_a_refusal_asks_no_store_and_no_statement(app: App, salon: Salon) -> None:
    quotas, statements = rates(read="2/hour"), list[str]()
    async with guarded(app, salon, quotas) as door:
        await door.statuses(3)
        settled = quotas.counts.settled.copy()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(queries, "observers", [lambda name, _seconds: statements.append(name)])
            statuses = await door.statuses(20)

    assert (statuses, statements) == (20 * [429], [])
    assert quotas.counts.settled == settled


async def test_many_addresses_at_once_are_counted_each(app: App, salon: Salon) -> None:
    async with guarded(app, salon, rates(read="5/hour")) as door:
        found = await asyncio.gather(*(door.statuses(8, address=f"198.51.100.{n}") for n in range(10)))

    assert [statuses.count(200) for statuses in found] == 10 * [5]
