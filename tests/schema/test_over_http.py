"""GraphQL over HTTP: media types, statuses and methods, of the stock view and of plans before it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest

from execution.media import JSON, RESPONSE
from resolvers.app import App
from tests.conftest import Client, Salon
from tests.schema.plans.twins import Twins, twins_of

TENANT = "{ tenant { slug } }"
WRITE = 'mutation { holdRelease(holdId: "99999999-0000-4000-8000-000000000009") { __typename } }'
NOBODY = "99999999-0000-4000-8000-000000000009"
ELSEWHERE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
TIMES = 4  # first sight, second sight, which makes the plan, made by it, kept


class Answer(NamedTuple):
    """What came back. headers: by their names in lower case."""

    status: int
    type: str
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        code: str = self.body["errors"][0]["extensions"]["code"]
        return code


async def ask(client: Client, method: str = "POST", accept: str = RESPONSE, **more: Any) -> Answer:
    """more: `params` or `json`, and `headers`."""
    headers = {"Accept": accept, **more.pop("headers", {})}
    async with client.http.request(method, client.url, headers=headers, **more) as response:
        body = json.loads(await response.read() or b"null")
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, response.content_type, body, named)


@pytest.fixture
async def twins(app: App, salon: Salon) -> AsyncIterator[Twins]:
    async with twins_of(app, {}) as twins:
        yield twins


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("accept", [JSON, RESPONSE, "*/*", f"{RESPONSE}, {JSON};q=0.9"])
async def test_plans_and_the_stock_view_agree_on_type_and_status(
    twins: Twins, client: Client, method: str, accept: str
) -> None:
    given = {"params": {"query": TENANT}} if method == "GET" else {"json": {"query": TENANT}}
    expected = (200, RESPONSE if RESPONSE in accept else JSON, {"data": {"tenant": {"slug": "testers"}}})

    for url in (twins._stock, twins._plans):
        for _ in range(TIMES):
            answer = await ask(Client(client.http, url), method, accept, **given)
            assert answer[:3] == expected
            assert answer.headers["content-type"].endswith("; charset=utf-8")
    assert twins.by_plans() > 0


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "query ($id: ID!) { stylist(id: $id) { id } }", "variables": {"id": None}},
        {"query": "query A { tenant { id } }", "operationName": "B"},
        {"query": "subscription { bookingsChanged { version } }"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}},
    ],
    ids=["parse", "validation", "coercion", "no such operation", "a stream", "an unknown hash"],
)
async def test_what_is_not_executed_has_no_data_and_a_status_by_its_type(
    client: Client, salon: Salon, body: dict[str, Any]
) -> None:
    own, plain = await ask(client, json=body), await ask(client, accept=JSON, json=body)

    assert (own.status, own.type, plain.status, plain.type) == (400, RESPONSE, 200, JSON)
    assert own.body == plain.body
    assert own.body.keys() == {"errors"}


async def test_what_is_executed_has_data_and_succeeds(client: Client, salon: Salon) -> None:
    query = f'{{ availableSlots(stylistId: "{NOBODY}", serviceId: "{NOBODY}", date: "{salon.day}") {{ date }} }}'

    for accept in (JSON, RESPONSE):
        answer = await ask(client, accept=accept, json={"query": query})
        assert (answer.status, answer.type, answer.code) == (200, accept, "NOT_FOUND")
        assert answer.body["data"] is None


async def test_who_may_not_ask_is_told_by_the_status(client: Client, salon: Salon, staff_token: str) -> None:
    for headers, status in (
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": f"Bearer {staff_token}", "X-Tenant": "another"}, 403),
        ({"X-Tenant": "nowhere"}, 400),
    ):
        own = await ask(client, json={"query": TENANT}, headers=headers)
        plain = await ask(client, accept=JSON, json={"query": TENANT}, headers=headers)
        assert (own.status, own.headers.get("www-authenticate")) == (status, "Bearer" if status == 401 else None)
        assert plain.status == 200
        assert own.body.keys() == plain.body.keys() == {"errors"}


async def test_refusals_come_in_the_type_asked_for(client: Client, salon: Salon) -> None:
    for accept in (JSON, RESPONSE):
        for given, status, allow in (
            ({"json": {}}, 400, None),
            ({"data": b"{", "headers": {"Content-Type": JSON}}, 400, None),
            ({"data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415, None),
            ({"data": b"{}", "headers": {"Content-Type": "application/json-patch+json"}}, 415, None),
            ({"method": "PUT"}, 405, "GET, POST"),
            ({"method": "GET", "params": {"query": WRITE}}, 405, "POST"),
        ):
            answer = await ask(client, accept=accept, **given)
            assert (answer.status, answer.type, answer.code) == (status, accept, "BAD_INPUT")
            assert answer.headers.get("allow") == allow


async def test_who_wants_no_json_gets_none(client: Client, salon: Salon) -> None:
    answer = await ask(client, accept="image/*", json={"query": TENANT})

    assert (answer.status, answer.type, answer.code) == (406, JSON, "BAD_INPUT")


async def test_a_get_never_writes_by_a_stream_either(client: Client, salon: Salon) -> None:
    async with client.http.get(
        client.url, params={"query": WRITE}, headers={"Accept": "text/event-stream"}
    ) as response:
        text = await response.text()

    assert '"data"' not in text.replace('"data":null', "")
    assert "errors" in text


async def test_a_page_of_another_site_must_ask_for_leave(client: Client, salon: Salon) -> None:
    params = {"query": TENANT}
    for _ in range(TIMES):
        assert (await ask(client, "GET", "*/*", params=params)).status == 200

    pushed = await ask(client, "GET", "*/*", params=params, headers=ELSEWHERE)
    asked = await ask(client, "GET", "*/*", params=params, headers={**ELSEWHERE, "Apollo-Require-Preflight": "1"})
    own = await ask(client, "GET", "*/*", params=params, headers={"Sec-Fetch-Site": "same-origin"})

    assert (pushed.status, pushed.code, asked.status, own.status) == (403, "FORBIDDEN", 200, 200)


async def test_a_kept_answer_is_of_one_type(client: Client, salon: Salon) -> None:
    query = f'{{ availableSlots(stylistId: "{salon.asha}", serviceId: "{salon.cut}", date: "{salon.day}") {{ freeCount }} }}'
    for _ in range(TIMES):
        own, plain = [await ask(client, "GET", accept, params={"query": query}) for accept in (RESPONSE, JSON)]

    assert own.headers["vary"] == plain.headers["vary"] == "Accept, Authorization, X-Tenant"
    assert own.headers["etag"] != plain.headers["etag"]
    again = await ask(client, "GET", RESPONSE, params={"query": query}, headers={"If-None-Match": own.headers["etag"]})
    assert again.status == 304
