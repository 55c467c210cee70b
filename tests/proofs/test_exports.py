"""Large answers: as many rows as there are, in memory that does not grow with them, and nothing left when the client goes."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
import asyncpg
import orjson
import pytest

from resolvers.context import Role
from tests.conftest import SALON

if TYPE_CHECKING:
    from tests.conftest import Salon

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

FULL = "CHAIRTIME_SOAK" in os.environ
ROWS = 1_000_000 if FULL else 50_000
GROWTH_MAX = 100_000_000 if FULL else 40_000_000
ROOT = Path(__file__).parents[2]
# Five minutes after five minutes from 2020 on; triggers and constraints are left out: it is what they would have let in.
FILL = """
set session_replication_role = replica;
alter table bookings drop constraint bookings_no_overlap;
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents, holder,
                      notes, customer_id)
select $tenant, case n % 2 when 0 then $asha else $bina end::uuid, $cut, $location,
       case n % 10 when 0 then 'CANCELLED' else 'COMPLETED' end, at, at + interval '5 minutes',
       tstzrange(at, at + interval '5 minutes'), n, 'session:' || n % 1000, '=cmd|' || n, $customer
  from generate_series(0, $rows - 1) n, lateral (select timestamptz '2020-01-01Z' + n * interval '5 minutes') x(at);
set session_replication_role = origin;
analyze bookings;
"""
CUSTOMER = "44444444-0000-4000-8000-000000000001"
CURSORS = """
select count(*) from pg_stat_activity
 where datname = current_database() and application_name = 'chairtime' and state in ('idle in transaction', 'active')
"""


@pytest.fixture
async def filled(salon: Salon, sql: Connection) -> Salon:
    """ROWS bookings of ten years."""
    await sql.execute(
        "insert into customers (tenant_id, id, name, email, phone) values ($1, $2, $3, 'a@example.org', '+49 30 1')",
        *(salon.tenant, CUSTOMER, '=HYPERLINK("http://x","y"), "quoted"\nline'),
    )
    values = {
        "tenant": salon.tenant,
        "asha": salon.asha,
        "bina": salon.bina,
        "cut": salon.cut,
        "location": salon.location,
        "customer": CUSTOMER,
    }
    script = FILL.replace("$rows", str(ROWS))
    for name, value in values.items():
        script = script.replace(f"${name}", f"'{value}'")
    await sql.execute(script)
    return salon


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[str, int, str]]:
    """A server in a process of its own, whose memory is nobody else's: its address, process and a staff token."""
    environment = {**os.environ, "CHAIRTIME_JWT_SECRET": "a secret for tests, longer than 32 characters"}
    command = [sys.executable, "server.py"]
    own = ["--data-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *(*command, "serve", "--port", "0", "--database-url", database_url, *own),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    url = ""
    while not url:
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        url = line.partition("Open ")[2].partition("/graphql")[0]
    asked = await asyncio.create_subprocess_exec(
        *(*command, "token", "--role", Role.STAFF.value, "--tenant", SALON["tenant"]["slug"], *own),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    token = (await asked.communicate())[0].decode().strip()
    yield url, process.pid, token
    process.terminate()
    await process.wait()


async def nothing_is_open(sql: Connection) -> None:
    """Until no connection of the server is in a transaction."""
    async with asyncio.timeout(5):
        while await sql.fetchval(CURSORS):
            await asyncio.sleep(0.02)


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes of a process in memory."""
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith(f"{what}:")]
    return int(line.split()[1]) * 1024


@pytest.mark.parametrize("form", ["ndjson", "csv"])
async def test_memory_does_not_grow_with_the_rows(
    filled: Salon, server: tuple[str, int, str], sql: Connection, form: str
) -> None:
    url, pid, token = server
    asked = {"from": "2020-01-01", "to": "2029-12-31"}
    async with aiohttp.ClientSession(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        await (await http.get("/export/bookings.csv", params={"from": "2020-01-01", "to": "2020-01-02"})).read()
        before, most, lines, began = memory(pid), 0, 0, time.perf_counter()
        head = b""
        async with http.get(f"/export/bookings.{form}", params=asked, timeout=aiohttp.ClientTimeout(None)) as response:
            assert response.status == 200
            async for chunk in response.content.iter_chunked(1 << 16):
                lines += chunk.count(b"\n") if form == "ndjson" else chunk.count(b"\r\n")
                head = head if len(head) > 2_000 else head + chunk
                most = max(most, memory(pid))
        seconds = time.perf_counter() - began

    print(f"\n{form}: {ROWS:,} rows in {seconds:.1f} s, memory grew by {(most - before) / 1e6:.1f} MB at most")
    assert lines == ROWS + (form == "csv")
    assert most - before < GROWTH_MAX
    if form == "ndjson":
        first = orjson.loads(head.split(b"\n")[0])
        assert (first["startUtc"], first["status"], first["stylistName"]) == (
            "2020-01-01T00:00:00Z",
            "CANCELLED",
            "Asha",
        )
        assert first["notes"] == "=cmd|0"
    else:
        rows = list(csv.reader(io.StringIO(head.decode(errors="ignore"))))[:2]
        first = dict(zip(*rows, strict=True))
        assert first["customerName"] == '\'=HYPERLINK("http://x","y"), "quoted"\nline'
        assert (first["notes"], first["customerPhone"]) == ("'=cmd|0", "'+49 30 1")
    await nothing_is_open(sql)


async def test_when_the_client_goes_postgres_stops(
    filled: Salon, server: tuple[str, int, str], sql: Connection
) -> None:
    url, _, token = server
    asked = {"from": "2020-01-01", "to": "2029-12-31"}
    async with aiohttp.ClientSession(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        response = await http.get("/export/bookings.ndjson", params=asked)
        await response.content.readany()
        during = await sql.fetchval(CURSORS)
        response.close()

        await nothing_is_open(sql)
        assert during == 1


async def test_when_the_client_goes_before_the_first_row_postgres_stops_too(
    salon: Salon, server: tuple[str, int, str], sql: Connection, database_url: str
) -> None:
    """Postgres waits for a lock then, as it might work for long, and nothing is being sent: only exports read customers."""
    url, _, token = server
    holder = await asyncpg.connect(database_url)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(base_url=url, headers=headers) as http, holder.transaction():
        await holder.execute("lock table customers")
        asked = {"from": "2020-01-01", "to": "2029-12-31"}
        asking = asyncio.ensure_future(http.get("/export/bookings.ndjson", params=asked))
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and application_name = 'chairtime'"
        )
        async with asyncio.timeout(5):
            while not await sql.fetchval(waiting):
                await asyncio.sleep(0.02)
        asking.cancel()

        async with asyncio.timeout(3):
            while await sql.fetchval(waiting):
                await asyncio.sleep(0.02)
    await holder.close()


async def test_a_stream_that_breaks_off_is_not_taken_for_whole(
    filled: Salon, server: tuple[str, int, str], sql: Connection
) -> None:
    url, _, token = server
    asked = {"from": "2020-01-01", "to": "2029-12-31"}
    async with aiohttp.ClientSession(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
        response = await http.get("/export/bookings.ndjson", params=asked)
        await response.content.readany()
        await sql.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and application_name = 'chairtime' and state in ('idle in transaction', 'active')"
        )

        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
