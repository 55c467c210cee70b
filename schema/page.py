"""The GraphiQL page and its files, from web/graphiql, under a content security policy without inline script."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

FILES = Path(__file__).parent.parent / "web" / "graphiql"
CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css"}
# The hash is of the one style that GraphiQL inserts, to lock scrolling behind its dialogs: web/graphiql/README.md.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc='; "
    "img-src data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

HARDENED = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}  # every response


async def document() -> web.Response:
    """The page itself."""
    body = await asyncio.to_thread((FILES / "index.html").read_bytes)
    return web.Response(body=body, content_type="text/html", charset="utf-8")


async def from_root(_request: web.Request) -> web.StreamResponse:
    """/ leads to the page."""
    raise web.HTTPFound("/graphql")


async def asset(request: web.Request) -> web.StreamResponse:
    """One of the page's scripts and styles; the large ones are kept compressed, for every browser takes them so."""
    name = request.match_info["name"]
    content_type = CONTENT_TYPES.get(Path(name).suffix)
    for path, encoding in ((FILES / name, None), (FILES / "assets" / f"{name}.gz", "gzip")):
        if content_type and path.is_file() and FILES in path.resolve().parents:
            headers = {"Cache-Control": "no-cache"} | ({"Content-Encoding": encoding} if encoding else {})
            body = await asyncio.to_thread(path.read_bytes)
            return web.Response(body=body, headers=headers, content_type=content_type, charset="utf-8")
    raise web.HTTPNotFound


async def harden(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers of every response."""
    headers = response.headers
    headers.update(HARDENED)
    if headers.get("Content-Type", "").startswith("text/html"):
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
