"""The command line as a stranger uses it: another process, its output and its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from db import pool

ROOT = Path(__file__).parents[2]
SERVER = ROOT / "server.py"
EXAMPLE = ROOT / "docs" / "salon.example.json"


async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """A command's exit code, output and errors."""
    process = await start(*arguments, **environment)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def start(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVER),
        *arguments,
        cwd=ROOT.parent,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def serve(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    """A server on a free port, and its address, once it says that it is ready."""
    process = await start("serve", "--port", "0", *arguments)
    assert process.stdout is not None
    async with asyncio.timeout(90):
        while line := (await process.stdout.readline()).decode():
            if found := re.search(r"Open (http://\S+)/graphql", line):
                return process, found[1]
    raise AssertionError((await process.communicate())[1].decode())


async def ask(url: str, query: str, **headers: str) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/graphql", json={"query": query}, headers=headers) as response,
    ):
        return (await response.json()).get("data")


async def ask_rest(url: str, **parameters: str) -> Any:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{url}/api/bookings/available-slots", params=parameters) as response,
    ):
        return await response.json()


async def stop(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["serve", "--port", "70000"], "70000", id="a port that there is not"),
        pytest.param(["serve", "--prot", "8000"], "--prot", id="an option that there is not"),
        pytest.param(["sirve"], "sirve", id="a command that there is not"),
        pytest.param(
            ["migrate", "--database-url", "mysql://here/there"], "--database-url", id="another database's URL"
        ),
        pytest.param(
            ["migrate", "--database-url", "postgresql://postgres:secret@127.0.0.1:1/postgres"],
            "Postgres does not answer at postgresql://postgres@127.0.0.1:1/postgres",
            id="a Postgres that is away, without its password in the message",
        ),
        pytest.param(["import", "nowhere.json"], "nowhere.json: No such file", id="a file that there is not"),
        pytest.param(
            ["token", "--role", "staff", "--tenant", "t", "--expires-in", "soon"],
            "write 30m",
            id="a duration that is none",
        ),
        pytest.param(["token", "--role", "king", "--tenant", "t"], "king", id="a role that there is not"),
    ],
)
async def test_what_is_wrong_is_one_line_and_exit_code_2(arguments: list[str], says: str) -> None:
    code, out, err = await run(*arguments)

    assert code == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""


async def test_a_short_secret_is_refused_before_anything_starts(tmp_path: Path) -> None:
    code, _, err = await run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), CHAIRTIME_JWT_SECRET="short")

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "CHAIRTIME_JWT_SECRET" in err
    assert not (tmp_path / "data").exists()


async def test_a_busy_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()

        code, _, err = await run("serve", "--port", str(busy.getsockname()[1]), "--data-dir", str(tmp_path / "data"))

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "in use" in err
    assert not (tmp_path / "data").exists()


async def test_a_postgres_that_is_too_old_is_refused(server_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SERVER_VERSION_MIN", 990000)

    with pytest.raises(pool.StartupError, match="too old: 14 or later"):
        await pool.check_server(server_url)


async def test_a_bad_file_is_named_with_the_path_of_every_fault_and_changes_nothing(
    database_url: str, sql: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    salon = json.loads(EXAMPLE.read_text())
    salon["locations"][0]["timezone"] = "Asia/Nowhere"
    salon["services"][0]["durationMinutes"] = -5
    salon["stylists"][0]["colour"] = "red"
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(salon))

    code, _, err = await run("import", str(file), "--database-url", database_url)

    assert code == 2
    assert all(path in err for path in ("locations[0].timezone", "services[0].durationMinutes", "stylists[0].colour"))
    assert len(err.strip().splitlines()) == 3
    assert await sql.fetchval("select count(*) from tenants") == 0


async def test_importing_twice_says_that_nothing_changed(database_url: str) -> None:
    first = await run("import", str(EXAMPLE), "--database-url", database_url)
    second = await run("import", str(EXAMPLE), "--database-url", database_url)

    assert (first[0], second[0]) == (0, 0)
    assert "Nothing changed" not in first[1]
    assert "Nothing changed" in second[1]


@pytest.mark.parametrize("command", ["", "serve", "demo", "migrate", "import", "token", "recalculate"])
async def test_help_says_what_a_command_does_and_its_options(command: str) -> None:
    code, out, _ = await run(*filter(None, [command]), "--help")

    assert code == 0
    assert "Usage:" in out
    assert len(out.splitlines()) > 5


async def test_a_stranger_serves_the_demo_books_with_a_token_and_starts_again_within_3_s(tmp_path: Path) -> None:
    data = ["--data-dir", str(tmp_path / "data")]
    process, url = await serve(*data, "--demo")
    lists = "{ tenant { slug } services { id } stylists(limit: 200) { id } locations { timezone } }"
    found = await ask(url, lists)
    service = found["services"][0]["id"]
    (slot,) = (
        await ask(url, f'{{ firstAvailable(serviceId: "{service}", limit: 1) {{ startUtc stylist {{ id }} }} }}')
    )["firstAvailable"]
    old_page = await ask_rest(
        url,
        stylistId=slot["stylist"]["id"],
        serviceId=service,
        targetDate=slot["startUtc"][:10],
        customerTimezone="Etc/UTC",
    )
    booked = await ask(
        url,
        f"""mutation {{ bookingCreate(input: {{stylistId: "{slot["stylist"]["id"]}", serviceId: "{service}",
        startUtc: "{slot["startUtc"]}", customer: {{name: "Stranger"}}}}) {{ __typename ... on Booking {{ id }} }} }}""",
    )
    code, token, _ = await run("token", "--role", "staff", "--tenant", "demo", *data)
    mine = f'{{ booking(id: "{booked["bookingCreate"]["id"]}") {{ customer {{ name }} }} }}'

    as_staff = await ask(url, mine, Authorization=f"Bearer {token.strip()}")
    stopped = await stop(process)
    began = time.monotonic()
    process, url = await serve(*data, "--demo")
    seconds = time.monotonic() - began
    again = await ask(url, mine, Authorization=f"Bearer {token.strip()}")
    await stop(process)

    assert (found["tenant"]["slug"], len(found["services"]), len(found["stylists"])) == ("demo", 5, 50)
    assert sorted(place["timezone"] for place in found["locations"]) == [
        "America/New_York",
        "Asia/Kathmandu",
        "Asia/Kathmandu",
    ]
    assert slot["startUtc"] in [one["slotStartUtc"] for one in old_page if one["isAvailable"]]
    assert (code, stopped) == (0, 0)
    assert as_staff["booking"]["customer"]["name"] == "Stranger"
    assert again == as_staff
    assert seconds < 10  # under 3 on an idle machine
