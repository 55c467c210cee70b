"""The pages that browsers get: sent as they were built, under a policy without inline script; and what they ask, known."""

from __future__ import annotations

import gzip
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from graphql import DocumentNode, FragmentDefinitionNode, build_schema, get_introspection_query, parse, validate
from graphql.language import DefinitionNode, FragmentSpreadNode, Visitor, visit

from resolvers import tokens
from resolvers.app import App
from schema import page
from schema.schema import schema
from schema.view import View
from tests.conftest import TOKENS, Client, Salon

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SOURCES = Path(__file__).parent.parent.parent / "web" / "src"
DOCUMENT = re.compile(r"\bgraphql\(\s*(?:/\*.*?\*/\s*)?`(.*?)`", re.DOTALL)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build of three pages and a script, as small as can be."""
    files = tmp_path / "dist"
    (files / "assets").mkdir(parents=True)
    for name in (page.BOOKING, page.STAFF, page.GRAPHIQL):
        (files / name).write_text(f"<!doctype html><title>{name}</title>")
    script = files / "assets" / "booking-abc123.js"
    script.write_text("the script")
    script.with_name("booking-abc123.js.gz").write_bytes(gzip.compress(b"the script"))
    script.with_name("booking-abc123.js.br").write_bytes(b"not brotli, but sent as if it were")
    (files / "sw.js").write_text("the worker")
    (files / ".made-of").write_text("a digest")
    monkeypatch.setattr(page, "FILES", files)
    monkeypatch.setattr(page, "WHY_MISSING", tmp_path / "dist-missing.txt")
    return files


@pytest.fixture
async def site(app: App, built: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """The routes as ops.running lays them, and a browser that wants to see what is sent."""
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, TOKENS)))
    application.router.add_routes(page.routes())
    application.on_response_prepare.append(page.harden)
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession(str(server.make_url("/")), headers=BROWSER, auto_decompress=False) as browser:
        yield browser
    await server.close()


@pytest.mark.parametrize(
    ("path", "name"), [("/", page.BOOKING), ("/staff", page.STAFF), ("/graphql", page.GRAPHIQL)], ids=str
)
async def test_a_browser_gets_each_page_and_it_may_run_nothing_but_its_own_files(
    site: aiohttp.ClientSession, path: str, name: str
) -> None:
    async with site.get(path) as response:
        text = await response.text()

    policy = response.headers["Content-Security-Policy"]
    assert (response.status, response.content_type, response.charset) == (200, "text/html", "utf-8")
    assert f"<title>{name}" in text
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br", "br", b"not brotli, but sent as if it were"),
        ("gzip", "gzip", gzip.compress(b"the script")),
        ("identity", None, b"the script"),
    ],
    ids=["brotli", "gzip", "neither"],
)
async def test_a_script_is_kept_for_ever_and_comes_compressed_as_the_browser_takes_it(
    site: aiohttp.ClientSession, accepted: str, encoding: str | None, body: bytes
) -> None:
    async with site.get("/assets/booking-abc123.js", headers={"Accept-Encoding": accepted}) as response:
        sent = await response.read()

    assert (response.status, response.content_type) == (200, "text/javascript")
    assert response.headers.get("Content-Encoding") == encoding
    assert (sent[:2] == body[:2]) if encoding == "gzip" else (sent == body)
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/", "/sw.js"])
async def test_what_keeps_its_name_is_asked_for_again_and_comes_only_if_it_changed(
    site: aiohttp.ClientSession, path: str
) -> None:
    async with site.get(path) as first:
        etag = first.headers["ETag"]
    async with site.get(path, headers={"If-None-Match": etag}) as second:
        body = await second.read()

    assert first.headers["Cache-Control"] == "no-cache"
    assert (second.status, body) == (304, b"")


async def test_nothing_else_is_handed_out(site: aiohttp.ClientSession) -> None:
    for name in (
        "nothing.js",
        "..%2Findex.html",
        "..%2F..%2F..%2Fserver.py",
        "..%2F.made-of",
        "%00.js",
        "booking-abc123.js.gz",
    ):
        async with site.get(f"/assets/{name}") as response:
            assert response.status == 404, name


async def test_without_a_build_the_page_says_why_and_the_api_works(
    site: aiohttp.ClientSession, built: Path, salon: Salon
) -> None:
    for name in (page.BOOKING, page.GRAPHIQL):
        (built / name).unlink()
    page.WHY_MISSING.write_text("no Node <20.19>")

    for path in ("/", "/graphql"):
        async with site.get(path) as response:
            text = await response.text()
            assert (response.status, "no Node &lt;20.19&gt;" in text) == (503, True)
    async with site.post("/graphql", json={"query": "{ tenant { slug } }"}, headers={"Accept": "*/*"}) as response:
        assert await response.json() == {"data": {"tenant": {"slug": "testers"}}}


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


def test_every_document_of_the_pages_is_one_that_the_schema_knows() -> None:
    known, definitions = build_schema(schema.as_str()), all_definitions()
    fragments = {one.name.value: one for one in definitions if isinstance(one, FragmentDefinitionNode)}
    operations = [one for one in definitions if not isinstance(one, FragmentDefinitionNode)]

    faults = [
        str(fault)
        for operation in operations
        for fault in validate(known, DocumentNode(definitions=(operation, *reached(operation, fragments))))
    ]

    assert len(operations) >= 12
    assert faults == []


def all_definitions() -> list[DefinitionNode]:
    """Every operation and fragment in the sources."""
    texts = [text for path in SOURCES.rglob("*.ts*") for text in DOCUMENT.findall(path.read_text())]
    return [definition for text in texts for definition in parse(text).definitions]


def reached(start: DefinitionNode, fragments: dict[str, FragmentDefinitionNode]) -> list[FragmentDefinitionNode]:
    """The fragments that a definition spreads, and those that they spread, each once."""
    found: dict[str, FragmentDefinitionNode] = {}

    class Spreads(Visitor):
        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
            name = node.name.value
            if name not in found:
                found[name] = fragments[name]
                visit(fragments[name], Spreads())

    visit(start, Spreads())
    return list(found.values())
