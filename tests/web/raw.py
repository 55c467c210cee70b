"""Another program at the server's database: books a start by raw SQL. raw.py DATA_DIR STYLIST SERVICE START

Prints when it began to write, in ms since 1970. A hold that is in the way is released first, in the same transaction.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import datetime
from pathlib import Path

import asyncpg

from db import embedded

RELEASE = """
update bookings set status = 'RELEASED', ended_at = now() where stylist_id = $1::uuid and starts_at = $2 and status = 'HELD'
"""
BOOK = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
select o.tenant_id, s.id, v.id, s.home_location_id, 'CONFIRMED', t.starts, t.ends, tstzrange(t.starts, t.ends), 0
  from offerings o
  join stylists s on (s.tenant_id, s.id) = (o.tenant_id, o.stylist_id)
  join services v on (v.tenant_id, v.id) = (o.tenant_id, o.service_id)
 cross join lateral (
    select $3::timestamptz as starts, $3::timestamptz + v.duration_minutes * interval '1 minute' as ends
 ) t
 where s.id = $1::uuid and v.id = $2::uuid
"""


async def main(folder: Path, stylist: str, service: str, start: str) -> None:
    connection = await asyncpg.connect(embedded.start(folder / "postgres"))
    starts_at = datetime.fromisoformat(start)
    began = time.time()
    async with connection.transaction():
        await connection.execute(RELEASE, stylist, starts_at)
        await connection.execute(BOOK, stylist, service, starts_at)
    print(f"{began * 1000:.1f}")
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
