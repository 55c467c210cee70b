"""The next days computed anew on demand: by the command for Redis, or by whoever serves; and by a service over GraphQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from domain.errors import BadRequest
from ops import recalculating
from ops.settings import Settings
from resolvers import nightly
from resolvers.chores import Chores
from resolvers.context import Role
from resolvers.warming import Warming

if TYPE_CHECKING:
    from db.pool import Database
    from tests.conftest import RedisServer, Salon
    from tests.ops.conftest import Server

RECALCULATE = """mutation ($stylists: [ID!], $date: Date!) {
  availabilityRecalculate(stylistIds: $stylists, from: $date, to: $date) { days seconds }
}"""


def settings(url: str, folder: Path, **more: str) -> Settings:
    return Settings(url, folder, migrate=False, **more)  # type: ignore[arg-type]


async def test_the_command_puts_the_next_days_into_redis(
    database_url: str, salon: Salon, redis_server: RedisServer, tmp_path: Path
) -> None:
    found = await recalculating.recalculate(settings(database_url, tmp_path, redis_url=redis_server.url))

    assert found is not None
    assert found.days == 2 * 14
    assert redis_server.ask("DBSIZE") == b":29\r\n"  # and the directory


async def test_without_redis_whoever_serves_does_the_night_again(
    server: Server, database: Database, database_url: str, tmp_path: Path
) -> None:
    chore = nightly.chore(server.app, 14)
    chores = Chores(database, [chore])
    while await chores.step(chore) is not None:
        pass

    assert await recalculating.recalculate(settings(database_url, tmp_path)) is None
    assert await chores.step(chore) == 0.0


async def test_an_unknown_tenant_is_said_so(database_url: str, salon: Salon, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="no tenant 'nobody'"):
        await recalculating.recalculate(settings(database_url, tmp_path, default_tenant="nobody"))


async def test_a_service_asks_for_it_and_admins_see_what_is_ready(server: Server) -> None:
    asked = {"stylists": [server.salon.asha], "date": str(server.salon.day)}
    token = server.token(Role.SERVICE)
    found = (await server.client.data(RECALCULATE, asked, token=token))["availabilityRecalculate"]
    cold = await server.client.data("{ cacheStats { warmShare } }", token=token)
    await Warming(server.app, 14).fill()
    warm = await server.client.data("{ cacheStats { warmShare } }", token=token)
    shown = await server.metrics()

    assert found["days"] == 1
    assert await server.app.days.peek(server.key()) is not None
    assert await server.client.code(RECALCULATE, asked, token=server.token(Role.ADMIN)) == "FORBIDDEN"
    assert (cold["cacheStats"]["warmShare"], warm["cacheStats"]["warmShare"]) == (None, 1.0)
    assert shown["chairtime_days_ahead"] == shown["chairtime_days_ready"] == 28
    assert shown['chairtime_days_prepared_total{source="database",why="ahead"}'] == 27
