"""Whom bench.http compares the server with. Each is a process that takes a file or folder, and says where it listens."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def serve(application: web.Application, name: str) -> None:
    """On a free port of loopback, until the process is ended."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"{name} listens on http://{host}:{port}/graphql", flush=True)
    await asyncio.Event().wait()
