"""server.py with a version check as it must not be: who asks joins a query already sent. For `bench.consistency --mutant`.

The directory is checked the right way: all who wait for it would go on at the same time, and join nothing older.
Answers dawdle on their way, as from a Postgres far away; on one machine they are too quick for many to join them.
"""

from __future__ import annotations

import asyncio
import random
import runpy
from collections.abc import Collection
from pathlib import Path

from cache.freshness import NEVER, Checked, VersionCheck
from cache.keys import DayKey, Key

ROOT = Path(__file__).parents[1]
DAWDLE_MAX_S = 0.6

right_way = VersionCheck.ask
under_way: dict[asyncio.Task[Checked], set[Key]] = {}


async def ask_far_away(check: VersionCheck, keys: set[Key]) -> Checked:
    """The answer, up to 0.6 s after it was right."""
    checked = await right_way(check, keys)
    await asyncio.sleep(random.uniform(0, DAWDLE_MAX_S))
    return checked


def join_what_was_sent(self: VersionCheck, keys: Collection[Key], _state: int = NEVER) -> asyncio.Future[Checked]:
    """The answer of any query under way for these keys, however long ago it was sent."""
    wanted = set(keys)
    if not any(isinstance(key, DayKey) for key in wanted):
        return right_way(self, wanted)
    sent = next((task for task, asked in under_way.items() if wanted <= asked), None)
    if sent is None:
        sent = asyncio.create_task(ask_far_away(self, wanted))
        under_way[sent] = wanted
        sent.add_done_callback(under_way.pop)
    return asyncio.shield(sent)


setattr(VersionCheck, "ask", join_what_was_sent)  # noqa: B010 - mypy minds an assignment
runpy.run_path(str(ROOT / "server.py"), run_name="__main__")
