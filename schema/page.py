"""The pages for browsers and their files: what `python -m ops.web` built from web/, under a policy without inline script."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

FILES = Path(__file__).parent.parent / "web" / "dist"
# Beside the folder and not in it, for it says why there is none.
WHY_MISSING = FILES.with_name("dist-missing.txt")
BOOKING, STAFF, GRAPHIQL = "index.html", "staff.html", "graphiql.html"
CONTENT_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
TEXT = (".html", ".js", ".css", ".svg", ".webmanifest")
ENCODINGS = {"br": ".br", "gzip": ".gz"}
# GraphiQL's icons and fonts are data: addresses in its style sheet.
# A file's name has its hash: what is under this name never changes.
FOR_EVER, ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
SCRIPTS = "default-src 'none'; script-src 'self'; worker-src 'self'; manifest-src 'self'; connect-src 'self'; "
NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
CONTENT_SECURITY_POLICY = f"{SCRIPTS}style-src 'self'; img-src 'self' data:; font-src 'self' data:; {NOTHING_ELSE}"
MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Chairtime</title>
<h1>The page is not built</h1>
<p>{why}</p>
<p>The API works all the same: send POST <a href="/graphql">/graphql</a>. To build the page: <code>python -m ops.web</code>.</p>
</html>
"""

HARDENED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}  # every response


class Found(NamedTuple):
    """A file as it is sent."""

    body: bytes
    encoding: str | None
    etag: str


def routes() -> list[web.RouteDef]:
    """Where the pages are, but for GraphiQL's, which /graphql shows to browsers."""
    return [
        web.get("/", _page(BOOKING)),
        web.get("/staff", _page(STAFF)),
        web.get("/assets/{name}", _asset),
        web.get("/{name:sw\\.js|favicon\\.svg|manifest\\.webmanifest}", _at_root),
    ]


async def graphiql(request: web.Request) -> web.Response:
    """GraphiQL."""
    return await _document(request, GRAPHIQL)


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every response."""
    headers = response.headers
    headers.update(HARDENED)
    if headers.get("Content-Type", "").startswith("text/html"):
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY


def _page(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(request: web.Request) -> web.Response:
        return await _document(request, name)

    return page


async def _document(request: web.Request, name: str) -> web.Response:
    """A page, or why there is none."""
    try:
        return await _send(request, FILES / name, ASK_AGAIN)
    except web.HTTPNotFound:
        why = await asyncio.to_thread(_why_missing)
    return web.Response(text=MISSING.format(why=html.escape(why)), content_type="text/html", status=503)


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if "/" in name or "\0" in name:
        raise web.HTTPNotFound
    return await _send(request, FILES / "assets" / name, FOR_EVER)


async def _at_root(request: web.Request) -> web.Response:
    return await _send(request, FILES / request.match_info["name"], ASK_AGAIN)


async def _send(request: web.Request, path: Path, cache_control: str) -> web.Response:
    """The file, compressed as the browser takes it. Raises HTTPNotFound for whatever is no file of the build."""
    content_type = CONTENT_TYPES.get(path.suffix)
    found = await asyncio.to_thread(_read, path, request.headers.get("Accept-Encoding", "")) if content_type else None
    if found is None:
        raise web.HTTPNotFound
    headers = {"Cache-Control": cache_control, "Vary": "Accept-Encoding", "ETag": found.etag}
    if request.headers.get("If-None-Match") == found.etag:
        return web.Response(status=304, headers=headers)
    if found.encoding:
        headers["Content-Encoding"] = found.encoding
    charset = "utf-8" if path.suffix in TEXT else None
    return web.Response(body=found.body, headers=headers, content_type=content_type, charset=charset)


def _read(path: Path, accepted: str) -> Found | None:
    """A file of the build, or the compressed copy of it that is accepted."""
    if not path.is_file():
        return None
    encodings = {one.split(";")[0].strip() for one in accepted.split(",")}
    for encoding, suffix in ENCODINGS.items():
        copy = path.with_name(path.name + suffix)
        if encoding in encodings and copy.is_file():
            return Found(copy.read_bytes(), encoding, f'"{copy.stat().st_mtime_ns:x}-{encoding}"')
    return Found(path.read_bytes(), None, f'"{path.stat().st_mtime_ns:x}"')


def _why_missing() -> str:
    return WHY_MISSING.read_text() if WHY_MISSING.is_file() else "Nobody built it yet."
