"""The profile, quotas and origins as `serve` takes them."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from ops import sockets
from tests.conftest import Salon
from tests.server.test_command_line import run, serve, stop

SITE = "https://salon.example"
INTROSPECTION = "{ __schema { queryType { name } } }"
NAMES = "{ services { name } }"


async def found_at(url: str, *queries: str, **headers: str) -> list[Any]:
    """Status and headers of each answer, and whether it has data."""
    async with aiohttp.ClientSession(headers=headers) as http:
        answers = []
        for query in queries:
            async with http.post(f"{url}/graphql", json={"query": query}) as response:
                answers.append((response.status, response.headers, (await response.json()).get("data") is not None))
        return answers


@pytest.mark.parametrize(
    "options, tells, amount",
    [
        pytest.param([], True, "1000", id="on this machine: open and generous"),
        pytest.param(["--profile", "hardened"], False, "100", id="hardened"),
        pytest.param(["--host", "0.0.0.0"], False, "100", id="for others: hardened"),
        pytest.param(
            ["--host", "0.0.0.0", "--profile", "open", "--rate-read", "7/minute"], True, "7", id="as it is said"
        ),
        pytest.param(["--rate-limits", "off"], True, None, id="no quotas"),
    ],
)
async def test_the_profile_is_as_the_address_is_open(
    database_url: str, salon: Salon, options: list[str], tells: bool, amount: str | None
) -> None:
    process, url = await serve("--database-url", database_url, *options)
    (introspected, named) = await found_at(url.replace("0.0.0.0", "127.0.0.1"), INTROSPECTION, NAMES)
    await stop(process)

    policy = named[1].get("RateLimit-Policy", "")
    assert (introspected[2], named[2]) == (tells, True)
    assert policy.startswith(f'"read";q={amount};') if amount else not policy


async def test_options_reach_the_server(database_url: str, salon: Salon) -> None:
    process, url = await serve(
        *(
            "--database-url",
            database_url,
            "--rate-read",
            "2/hour",
            "--rate-write",
            "1 per 2 hours",
            "--cors-origin",
            SITE,
        ),
        *("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8"),
    )
    first = await found_at(url, *(3 * [NAMES]), Origin=SITE, **{"X-Forwarded-For": "203.0.113.1"})
    other = await found_at(url, NAMES, **{"X-Forwarded-For": "203.0.113.2, 10.1.1.1"})
    await stop(process)

    assert [status for status, *_ in first + other] == [200, 200, 429, 200]
    assert {headers["Access-Control-Allow-Origin"] for _, headers, _ in first} == {SITE}


@pytest.mark.parametrize(
    "option, value",
    [
        ("--rate-read", "often"),
        ("--rate-write", "0/minute"),
        ("--rate-tenant", "10"),
        ("--trusted-proxy", "localhost"),
        ("--trusted-proxy", "10.0.0.1/8"),
        ("--cors-origin", "salon.example"),
        ("--cors-origin", "https://salon.example/"),
        ("--profile", "closed"),
        ("--rate-limits", "maybe"),
    ],
)
async def test_what_cannot_be_meant_is_said_before_anything_starts(option: str, value: str, tmp_path: Any) -> None:
    code, _, err = await run("serve", "--port", "0", option, value, "--data-dir", str(tmp_path / "data"))

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert option in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "host, is_loopback",
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("x.example", False),
    ],
)
def test_what_only_this_machine_reaches(host: str, is_loopback: bool) -> None:
    assert sockets.is_loopback(host) == is_loopback
