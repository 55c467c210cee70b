"""Queries named by their hash, documents that are trusted, and GET answers that others may keep."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from execution.documents import digest_of
from ops import running
from resolvers.app import App
from schema.view import HEADER_MAX
from tests.conftest import TOKENS, Client, Salon, Served

SLOTS = """query ($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) {
    freeCount slots { startUtc status } cache { verified ageSeconds } } }"""
MINE = "query ($stylist: ID!, $service: ID!, $date: Date!) { availableSlots(stylistId: $stylist, serviceId: $service, \
date: $date) { slots { heldByYou } } }"
BOOK = "mutation ($input: BookingCreateInput!) { bookingCreate(input: $input) { __typename } }"


def asked(salon: Salon, **more: Any) -> dict[str, Any]:
    return {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day), **more}


def by_hash(query: str, version: Any = 1) -> dict[str, Any]:
    return {"persistedQuery": {"version": version, "sha256Hash": digest_of(query)}}


async def post(client: Client, **body: Any) -> tuple[int, dict[str, Any]]:
    async with client.http.post(client.url, json=body) as response:
        return response.status, await response.json()


async def get(client: Client, headers: dict[str, str] | None = None, **parameters: Any) -> aiohttp.ClientResponse:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    async with client.http.get(
        client.url, params=texts, headers={"Accept": "application/json", **(headers or {})}
    ) as found:
        await found.read()
        return found


class TestPersistedQueries:
    async def test_a_hash_that_nobody_sent_is_asked_for_and_then_known(self, client: Client, salon: Salon) -> None:
        variables = asked(salon)
        unknown = await post(client, extensions=by_hash(SLOTS), variables=variables)
        taught = await post(client, query=SLOTS, extensions=by_hash(SLOTS), variables=variables)
        known = [await post(client, extensions=by_hash(SLOTS), variables=variables) for _ in range(4)]

        (error,) = unknown[1]["errors"]
        assert (unknown[0], error["message"]) == (200, "PersistedQueryNotFound")
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        slots = taught[1]["data"]["availableSlots"]["slots"]
        assert slots
        assert all(status == 200 and found["data"]["availableSlots"]["slots"] == slots for status, found in known)

    @pytest.mark.parametrize(
        "extensions",
        [by_hash("{ tenant { id } }"), by_hash(SLOTS, 2), {"persistedQuery": {"version": 1}}, {"persistedQuery": 7}],
    )
    async def test_a_hash_that_is_wrong_is_refused(self, client: Client, salon: Salon, extensions: Any) -> None:
        status, answer = await post(client, query=SLOTS, extensions=extensions, variables=asked(salon))

        assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "BAD_INPUT")

    async def test_mutations_and_subscriptions_go_by_hash_too(self, client: Client, salon: Salon) -> None:
        start = {
            "stylistId": salon.asha,
            "serviceId": salon.cut,
            "startUtc": salon.at(10),
            "customer": {"name": "Cleo"},
        }
        await post(client, query=BOOK, extensions=by_hash(BOOK), variables={"input": start})
        _, answer = await post(client, extensions=by_hash(BOOK), variables={"input": start})
        assert answer["data"]["bookingCreate"]["__typename"] == "SlotTaken"

        async with client.http.ws_connect(client.url, protocols=("graphql-transport-ws",)) as ws:
            await ws.send_json({"type": "connection_init"})
            await ws.receive_json(timeout=5)
            for number, text in enumerate((SLOTS, None)):
                payload = {"query": text, "extensions": by_hash(SLOTS), "variables": asked(salon)}
                await ws.send_json({"type": "subscribe", "id": str(number), "payload": payload})
                message = await ws.receive_json(timeout=5)
                assert message["payload"]["data"]["availableSlots"]["slots"]
                assert (await ws.receive_json(timeout=5))["type"] == "complete"
            payload = {"extensions": by_hash("{ tenant { slug } }")}
            await ws.send_json({"type": "subscribe", "id": "9", "payload": payload})
            message = await ws.receive_json(timeout=5)
        assert (message["type"], message["payload"][0]["message"]) == ("error", "PersistedQueryNotFound")


@asynccontextmanager
async def serving(app: App, *texts: str) -> AsyncIterator[Client]:
    """A server that trusts these documents alone."""
    trusted = {digest_of(text): text for text in texts}
    server = Served(running.application(app, TOKENS, plans=True, trusted=trusted))
    await server.start_server(max_field_size=HEADER_MAX)
    async with aiohttp.ClientSession() as http:
        yield Client(http, str(server.make_url("/graphql")))
    await server.close()


async def test_only_trusted_documents_are_answered_whole_or_by_their_hash(app: App, salon: Salon) -> None:
    async with serving(app, SLOTS) as client:
        whole = [await post(client, query=SLOTS, variables=asked(salon)) for _ in range(4)]
        hashed = await post(client, extensions=by_hash(SLOTS), variables=asked(salon))
        other = await post(client, query=SLOTS + " ", variables=asked(salon))
        taught = await post(client, query="{ tenant { slug } }", extensions=by_hash("{ tenant { slug } }"))
        unknown = await post(client, extensions=by_hash("{ tenant { slug } }"))
        by_get = await get(client, query="{ tenant { slug } }")

    assert all(found["data"]["availableSlots"]["slots"] for _, found in (*whole, hashed))
    for status, answer in (other, taught):
        assert (status, answer["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert unknown[1]["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert by_get.status == 403


class TestKeeping:
    """Each is asked until a plan answers: the first times the stock view does, and says nothing of keeping."""

    async def kept(
        self, client: Client, headers: dict[str, str] | None = None, **parameters: Any
    ) -> aiohttp.ClientResponse:
        for _ in range(3):
            await get(client, headers, **parameters)
        return await get(client, headers, **parameters)

    async def test_a_verified_answer_is_asked_for_again_by_its_tag(
        self, client: Client, salon: Salon, sql: Any
    ) -> None:
        found = await self.kept(client, query=SLOTS, variables=asked(salon))
        same = await get(
            client, {"If-None-Match": f'"other", {found.headers["ETag"]}'}, query=SLOTS, variables=asked(salon)
        )
        await sql.execute("update stylists set name = 'Other' where id = $1", salon.asha)
        later = await get(client, {"If-None-Match": found.headers["ETag"]}, query=SLOTS, variables=asked(salon))

        assert found.headers["Cache-Control"] == "no-cache"
        assert found.headers["Vary"] == "Accept, Authorization, X-Tenant"
        assert (same.status, same.headers["ETag"]) == (304, found.headers["ETag"])
        assert (later.status, later.headers.get("ETag") == found.headers["ETag"]) == (200, False)

    async def test_a_cached_one_may_be_kept_for_a_moment(self, client: Client, salon: Salon) -> None:
        found = await self.kept(client, query=SLOTS, variables=asked(salon, freshness="CACHED"))

        assert found.headers["Cache-Control"] == "public, max-age=1, stale-while-revalidate=10"

    async def test_what_depends_on_who_asks_is_not_kept(self, client: Client, salon: Salon, staff_token: str) -> None:
        token = {"Authorization": f"Bearer {staff_token}"}
        for found in (
            await self.kept(client, query=MINE, variables=asked(salon)),
            await self.kept(client, token, query=SLOTS, variables=asked(salon)),
        ):
            assert (found.status, found.headers["Cache-Control"]) == (200, "private, no-store")
            assert "ETag" not in found.headers

    async def test_a_get_is_never_a_mutation(self, client: Client, salon: Salon) -> None:
        start = {
            "stylistId": salon.asha,
            "serviceId": salon.cut,
            "startUtc": salon.at(10),
            "customer": {"name": "Cleo"},
        }
        before = await client.data(SLOTS, asked(salon))
        for _ in range(4):
            found = await get(client, query=BOOK, variables={"input": start})
            assert (found.status, found.headers["Allow"]) == (405, "POST")
        after = await client.data(SLOTS, asked(salon))
        assert before["availableSlots"]["slots"] == after["availableSlots"]["slots"]
