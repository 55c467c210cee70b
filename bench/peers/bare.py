"""Bare aiohttp: reads and parses the POST, and returns the bytes that are kept for its body. Nobody in Python is faster.

python -m bench.peers.bare FOLDER: of pairs of files, `NAME.request` and `NAME.answer`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
from aiohttp import web

from bench import peers


def application(folder: Path) -> web.Application:
    """The answers are those of the folder's files when this is called."""
    answers = {one.read_bytes(): one.with_suffix(".answer").read_bytes() for one in folder.glob("*.request")}

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        orjson.loads(body)
        return web.Response(body=answers[body], content_type="application/json")

    app = web.Application()
    app.router.add_post("/graphql", answer)
    return app


if __name__ == "__main__":
    asyncio.run(peers.serve(application(Path(sys.argv[1])), "Bare aiohttp"))
