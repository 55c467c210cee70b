"""The page that browsers get at /graphql: served to who asks for HTML, complete, and with examples that the schema knows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from graphql import build_schema, get_introspection_query, parse, validate

from resolvers import tokens
from resolvers.app import App
from schema import page
from schema.schema import schema
from schema.view import View
from tests.conftest import TOKENS, Client, Salon

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
EXAMPLES = re.findall(r"^const [A-Z_]+ = `(.*?)^`;", (page.FILES / "examples.js").read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
async def site(app: App) -> AsyncIterator[aiohttp.ClientSession]:
    """The routes as server.py lays them, and a browser."""
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, TOKENS)))
    application.router.add_get("/", page.from_root)
    application.router.add_get("/graphiql/{name}", page.asset)
    application.on_response_prepare.append(page.harden)
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession(str(server.make_url("/")), headers=BROWSER) as browser:
        yield browser
    await server.close()


async def test_a_browser_gets_the_page_and_all_that_it_names(site: aiohttp.ClientSession) -> None:
    async with site.get("/graphql") as response:
        text = await response.text()
    parts = re.findall(r'(?:src|href)="(/[^"]+)"', text)

    assert (response.status, response.content_type, response.charset) == (200, "text/html", "utf-8")
    assert "GraphiQL" in text
    assert len(parts) > 5
    for part in parts:
        async with site.get(part) as found:
            assert (found.status, len(await found.read()) > 0) == (200, True), part
            assert found.content_type == ("text/css" if part.endswith(".css") else "text/javascript")
    async with site.get("/graphiql/examples.js") as found:
        assert found.status == 200


async def test_the_page_may_run_nothing_but_its_own_files(site: aiohttp.ClientSession) -> None:
    async with site.get("/") as response:
        text = await response.text()

    policy = response.headers["Content-Security-Policy"]
    assert (response.url.path, response.content_type) == ("/graphql", "text/html")
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?![^>]*src=)", text) == []
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text) == []
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_nothing_else_is_handed_out(site: aiohttp.ClientSession) -> None:
    for name in ("nothing.js", "..%2Findex.html", "..%2F..%2Fserver.py", "index.html", "README.md", "%00.js"):
        async with site.get(f"/graphiql/{name}") as response:
            assert response.status == 404, name


async def test_a_query_in_the_address_is_answered_and_can_write_nothing(
    site: aiohttp.ClientSession, salon: Salon
) -> None:
    async with site.get("/graphql", params={"query": "{ tenant { slug } }"}) as response:
        assert await response.json() == {"data": {"tenant": {"slug": "testers"}}}

    query = f'mutation {{ holdRelease(holdId: "{salon.asha}") {{ __typename }} }}'
    async with site.get("/graphql", params={"query": query}) as response:
        answer = await response.json()

    assert (response.status, answer["errors"][0]["extensions"]["code"]) == (405, "BAD_INPUT")


async def test_graphiql_can_read_the_whole_schema(client: Client, salon: Salon) -> None:
    query = get_introspection_query(specified_by_url=True, directive_is_repeatable=True, schema_description=True)

    answer = await client.data(query)

    assert answer["__schema"]["queryType"]["name"] == "Query"


def test_every_example_is_one_that_the_schema_knows() -> None:
    known = build_schema(schema.as_str())

    assert len(EXAMPLES) == 6
    assert [str(error) for example in EXAMPLES for error in validate(known, parse(example))] == []


async def test_the_examples_can_be_run_as_they_stand(client: Client, salon: Salon) -> None:
    values = {
        "stylists": [salon.asha],
        "stylist": salon.asha,
        "service": salon.cut,
        "from": str(salon.day),
        "to": str(salon.day),
        "date": str(salon.day),
        "timezone": "Asia/Kathmandu",
        "limit": 5,
        "hold": {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10)},
        "confirm": {"holdId": salon.asha, "customer": {"name": "Asha", "email": "asha@example.com"}},
        "booking": salon.asha,
        "start": salon.at(11),
        "reason": "Cannot come",
    }
    for example in EXAMPLES:
        for operation in parse(example).definitions:
            name = operation.name.value  # type: ignore[attr-defined]
            if name == "LiveChanges":
                continue
            declared = {one.variable.name.value for one in operation.variable_definitions or ()}  # type: ignore[attr-defined]
            body = {
                "query": example,
                "operationName": name,
                "variables": {key: value for key, value in values.items() if key in declared},
            }
            async with client.http.post(client.url, json=body, headers={"X-Session-Id": "reader"}) as response:
                assert "errors" not in await response.json(), name
