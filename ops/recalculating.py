"""The next days computed anew, when somebody says so."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from db import ahead
from ops import parts, preparing
from ops.settings import Settings
from resolvers import nightly
from resolvers.context import Caller, Context, Role
from resolvers.nightly import Recalculated


async def recalculate(settings: Settings) -> Recalculated | None:
    """Has the next days of the default tenant's stylists computed anew: here, for Redis; or, without one, by whoever serves,
    within half a minute, and the answer is None. Raises BadRequest NOT_FOUND, Unavailable.
    """
    redis = parts.redis_of(settings.redis_url)
    async with (
        preparing.database_of(settings) as (url, database),
        parts.app_of(settings, url, database, redis, None) as (app, _),
    ):
        context = await Context.open(app, Caller(role=Role.SERVICE))
        tenant = context.directory.tenant
        if redis is None:
            async with database.transaction(tenant.id) as connection:
                await ahead.forget(connection, tenant.id)
            return None
        today = app.clock.now().astimezone(ZoneInfo(tenant.timezone)).date()
        found = await nightly.recalculate(context, None, [today + timedelta(n) for n in range(settings.days_ahead)])
        await redis.idle()
        return found
