"""HTTP to whoever a tenant names, and to nobody who is not on the Internet: an address is looked at when it is connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from domain.webhooks import is_public
from resolvers.telling import Answer, Post

CONNECTIONS_MAX = 64


class PublicOnly(AbstractResolver):
    """A name's addresses on the Internet. What was looked up is what is connected to, so a name cannot change in between."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As AbstractResolver's. Raises OSError when none is left."""
        found = [one for one in await self._resolver.resolve(host, port, family) if is_public(one["host"])]
        if not found:
            raise OSError(f"{host} is not on the Internet")
        return found

    async def close(self) -> None:
        await self._resolver.close()


@asynccontextmanager
async def posting(*, timeout_s: float, to_any: bool) -> AsyncIterator[Post]:
    """What posts, without redirects, cookies, proxies or compression. to_any: to private addresses too, and by http."""
    resolver = ThreadedResolver() if to_any else PublicOnly()
    connector = aiohttp.TCPConnector(
        resolver=resolver, family=socket.AF_UNSPEC, use_dns_cache=False, limit=CONNECTIONS_MAX
    )
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as http:

        async def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
            target = yarl.URL(url, encoded=True)
            if not to_any and (why := _why_not(target)):
                return Answer(is_delivered=False, text=why)
            try:
                async with http.post(target, headers=headers, data=body, allow_redirects=False) as response:
                    return Answer(200 <= response.status < 300, f"HTTP {response.status}")
            except TimeoutError:
                return Answer(is_delivered=False, text=f"no answer within {timeout_s:g} s")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return Answer(is_delivered=False, text=_words(error))

        try:
            yield post
        finally:
            await resolver.close()
            await asyncio.sleep(0)


def _why_not(target: yarl.URL) -> str | None:
    """aiohttp asks no resolver about an address that is a number."""
    if target.scheme != "https":
        return "not told: webhooks go by https"
    host = target.host or ""
    is_number = ":" in host or host.replace(".", "").isdigit()
    return f"not told: {host} is not on the Internet" if is_number and not is_public(host) else None


def _words(error: Exception) -> str:
    """What went wrong, without the addresses behind the name."""
    cause = error.__cause__ or error
    if isinstance(cause, OSError) and "is not on the Internet" in str(cause):
        return str(cause)
    return type(error).__name__.removeprefix("Client")
