"""Somebody who asks too often: python -m bench.flood_client URL TENANT BODY SECONDS REQUESTS_A_SECOND

Prints how many had which status. Without arguments: a server that refuses everything with ready bytes; prints its address.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

import aiohttp
import orjson

HEADERS = {"X-Forwarded-For": "203.0.113.9", "Content-Type": "application/json"}


async def main(url: str, tenant: str, body: str, seconds: float, rate: float) -> None:
    """Asks at a steady rate, whatever the answers are."""
    found: Counter[int] = Counter()
    began = time.perf_counter()
    async with aiohttp.ClientSession(headers={**HEADERS, "X-Tenant": tenant}) as http:

        async def ask() -> None:
            async with http.post(url, data=body.encode()) as response:
                await response.read()
                found[response.status] += 1

        asking = set[asyncio.Task[None]]()
        for n in range(int(seconds * rate)):
            await asyncio.sleep(max(began + n / rate - time.perf_counter(), 0))
            asking.add(asyncio.create_task(ask()))
        await asyncio.gather(*asking)
    sys.stdout.write(orjson.dumps({str(status): count for status, count in found.items()}).decode())


class Sink(asyncio.Protocol):
    """A connection to it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if b"POST /" in data:
            assert isinstance(self._transport, asyncio.Transport)
            self._transport.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}")


async def sink() -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1")
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}/graphql", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if not sys.argv[1:]:
        asyncio.run(sink())
    url_, tenant_, body_, *numbers = sys.argv[1:]
    asyncio.run(main(url_, tenant_, body_, *map(float, numbers)))
