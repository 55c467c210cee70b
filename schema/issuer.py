"""Where the public keys of whoever signs our tokens come from: a JWKS in a file, or at a URL."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import aiohttp
import structlog
import yarl

from db.pool import StartupError
from resolvers.jwks import Keys

JWKS_MAX = 1_000_000
JWKS_TIMEOUT_S = 5
LOCAL_HOSTS = ("localhost", "127.0.0.1")

log = structlog.get_logger("issuer")


async def keys(source: str) -> Keys:
    """The keys at a file or URL. A file must be there and right, else StartupError; a URL may begin to answer later."""
    url = _jwks_url(source)
    found = Keys(partial(_read_jwks, Path(source)) if url is None else partial(_get_jwks, url))
    try:
        await found.load()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no answer in time"
        if url is None:
            raise StartupError(f"--jwks {source}: {why}") from None
        log.warning(
            "--jwks does not answer; its tokens are refused until it does", url=str(url.with_user(None)), error=why
        )
        return found
    if not found.count:
        message = "has no key for RS256 or for ES256 (P-256)"
        if url is None:
            raise StartupError(f"--jwks {source}: {message}")
        log.warning(f"--jwks {message}; its tokens are refused until it has", url=str(url.with_user(None)))
    return found


def _jwks_url(source: str) -> yarl.URL | None:
    """None for a file. Keys that came over a network unprotected would be anybody's."""
    if "://" not in source:
        return None
    try:
        url = yarl.URL(source)
    except ValueError as error:
        raise StartupError(f"--jwks: this is not a URL: {error}") from None
    if not url.host:
        raise StartupError(f"--jwks {source}: this URL names no host")
    if url.scheme != "https" and not (url.scheme == "http" and url.host in LOCAL_HOSTS):
        raise StartupError(f"--jwks {url.with_user(None)}: write https://, or http:// for localhost or 127.0.0.1 only")
    return url


async def _read_jwks(file: Path) -> bytes:
    def read() -> bytes:
        with file.open("rb") as opened:
            return opened.read(JWKS_MAX + 1)

    return _bounded(await asyncio.to_thread(read))


async def _get_jwks(url: yarl.URL) -> bytes:
    """What a URL answers. Redirects are not followed: they could lead off https. Raises OSError, ValueError."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=JWKS_TIMEOUT_S)) as http,
            http.get(url, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise OSError(f"it answers with status {response.status}")
            found = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                found += chunk
                _bounded(found)
            return bytes(found)
    except aiohttp.ClientError as error:
        raise OSError(str(error) or type(error).__name__) from error


def _bounded(document: bytes | bytearray) -> bytes:
    if len(document) > JWKS_MAX:
        raise ValueError(f"it is longer than {JWKS_MAX:,} bytes")
    return bytes(document)
