"""Who is asking, and one operation's view of the world: a directory that does not change under it, and loaders."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cache.freshness import Checked
from cache.keys import DayKey, DirectoryKey
from cache.versioned import Entry, Freshness, Reading
from db import bookings, managing
from db import directory as db_directory
from domain.errors import BadRequest, Unavailable
from domain.model import Claim, DayFacts, Directory
from resolvers.app import App
from resolvers.loaders import Batch, DayLoader
from resolvers.offers import Shown


class Role(StrEnum):
    """What a token's bearer may do; PUBLIC is whoever has none."""

    PUBLIC = "public"
    CUSTOMER = "customer"
    STAFF = "staff"
    ADMIN = "admin"
    SERVICE = "service"


STAFF = frozenset({Role.STAFF, Role.ADMIN, Role.SERVICE})
ADMINS = frozenset({Role.ADMIN, Role.SERVICE})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. holder: the subject or session that owns holds and bookings, None for neither.

    expires_at: the token's; None without one.
    """

    holder: str | None = None
    role: Role = Role.PUBLIC
    tenant_slug: str | None = None
    expires_at: datetime | None = None

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF

    @property
    def actor(self) -> str:
        """As the audit log names them."""
        return f"{self.role}:{self.holder or 'unknown'}"


class Context:
    """One operation's. The directory it began with may turn out to be stale by the check that its days need anyway;
    then `is_stale` says so, and the operation is run again with a new one. Writes renew theirs before they begin.
    """

    def __init__(
        self, app: App, caller: Caller, directory: Entry[Directory], *, is_fresh: bool, remembers: bool = True
    ) -> None:
        self.app = app
        self.caller = caller
        self.asked = 0
        self.freshnesses: set[Freshness] = set()
        self.shown: list[Shown] = []
        self._remembers = remembers
        self._entry = directory
        self._is_fresh = is_fresh
        self._moved = False
        self._only_cached = False
        self.stylist_setups: Batch[str, dict[str, Any]] = Batch(self._stylist_setups, remembers=remembers)
        self.claims: Batch[str, Claim | None] = Batch(self._claims, remembers=remembers)
        self._loaders = {freshness: DayLoader(self._read, freshness, remembers=remembers) for freshness in Freshness}

    @classmethod
    async def open(cls, app: App, caller: Caller, *, fresh: bool = False, remembers: bool = True) -> Context:
        """A context for the caller's tenant. fresh: read the directory anew. Raises BadRequest NOT_FOUND, Unavailable."""
        slug = caller.tenant_slug or app.default_tenant
        for retry in (False, True):
            key = DirectoryKey(await _tenant_id(app, slug, anew=retry))
            entry = None if fresh or retry else await app.directories.peek(key)
            is_fresh = entry is None
            if entry is None:
                try:
                    entry = (await app.directories.load(key)).entry
                except KeyError:
                    continue
            if slug in ("", entry.value.tenant.slug):
                return cls(app, caller, entry, is_fresh=is_fresh, remembers=remembers)
        raise _no_tenant(slug)

    @classmethod
    async def of_tenant(cls, app: App, tenant_id: str, subject: str) -> Context:
        """A context of the server's own, with a directory that is certainly current. subject: as the audit log names who acts.

        Raises BadRequest NOT_FOUND, Unavailable.
        """
        key = DirectoryKey(tenant_id)
        try:
            entry = await app.directories.peek(key) or (await app.directories.load(key)).entry
        except KeyError:
            raise _no_tenant(tenant_id) from None
        caller = Caller(holder=subject, role=Role.SERVICE, tenant_slug=entry.value.tenant.slug)
        found = cls(app, caller, entry, is_fresh=False)
        await found.renew()
        return found

    @property
    def directory(self) -> Directory:
        """The tenant's names and lists, the same throughout the operation."""
        return self._entry.value

    @property
    def entry(self) -> Entry[Directory]:
        """The directory as the cache has it."""
        return self._entry

    @property
    def tenant_id(self) -> str:
        return self._entry.value.tenant.id

    def days(self, freshness: Freshness) -> DayLoader:
        """The loader that batches everything this operation asks for at one freshness."""
        self.freshnesses.add(freshness)
        return self._loaders[freshness]

    def show(self, shown: Shown) -> None:
        """Takes down what the operation's answer shows. Not where one context serves many answers, as a subscription's."""
        if self._remembers:
            self.shown.append(shown)

    def count(self, availabilities: int) -> None:
        """Counts stylist-days x services asked for. Raises BadRequest past the operation's limit."""
        self.asked += availabilities
        limit = self.app.limits.availabilities
        if self.asked > limit:
            raise BadRequest(
                "TOO_COMPLEX",
                f"availabilities: {self.asked:,} stylists x days x services; at most {limit:,}; ask for fewer at a time",
            )

    async def renew(self) -> None:
        """Makes sure of the directory before a write. Raises BadRequest NOT_FOUND, Unavailable."""
        if not self._is_fresh:
            key, slug = DirectoryKey(self.tenant_id), self.caller.tenant_slug or self.app.default_tenant
            try:
                readings, _ = await self.app.directories.read([key], Freshness.VERIFIED)
            except KeyError:
                raise _no_tenant(slug) from None
            if not readings[key].verified:
                raise Unavailable("the database is away")
            self._entry, self._is_fresh = readings[key].entry, True
            if slug not in ("", self.directory.tenant.slug):
                raise _no_tenant(slug)

    def seen_by(self, caller: Caller) -> Context:
        """The same view of the same tenant, for another caller."""
        other = copy.copy(self)
        other.caller = caller
        return other

    async def reload(self) -> None:
        """Reads the directory anew, after a change of it. Raises BadRequest NOT_FOUND, Unavailable."""
        try:
            self._entry = (await self.app.directories.load(DirectoryKey(self.tenant_id))).entry
        except KeyError:
            raise _no_tenant(self.directory.tenant.slug) from None
        self._is_fresh = True

    async def is_stale(self) -> bool:
        """Whether the answer was made with a directory that had already changed. Unknown while the database is away."""
        if self._moved:
            return True
        if self._is_fresh or self._only_cached:
            return False
        try:
            self._confirm(await self.app.check([DirectoryKey(self.tenant_id)]))
        except Unavailable:
            return False
        return self._moved

    async def _stylist_setups(self, stylist_ids: list[str]) -> list[dict[str, Any]]:
        async with self.app.database.transaction(self.tenant_id) as connection:
            return await managing.stylist_setups(connection, self.tenant_id, stylist_ids)

    async def _claims(self, claim_ids: list[str]) -> list[Claim | None]:
        async with self.app.database.transaction(self.tenant_id) as connection:
            return await bookings.by_id(connection, self.tenant_id, claim_ids)

    async def _read(self, keys: list[DayKey], freshness: Freshness) -> dict[DayKey, Reading[DayFacts]]:
        also = () if self._is_fresh or freshness is Freshness.CACHED else (DirectoryKey(self.tenant_id),)
        self.app.demand.add(keys)
        readings, checked = await self.app.days.read(keys, freshness, also)
        if also and checked:
            self._confirm(checked)
        elif freshness is Freshness.CACHED and not self._is_fresh:
            await self._confirm_cached()
        return readings

    async def _confirm_cached(self) -> None:
        """CACHED goes for the directory too: while changes are not heard, or were not, it is compared with Postgres's."""
        key = DirectoryKey(self.tenant_id)
        try:
            readings, _ = await self.app.directories.read([key], Freshness.CACHED)
            self._moved = self._moved or readings[key].entry.version != self._entry.version
        except KeyError:
            self._moved = True
        except Unavailable:
            pass
        self._only_cached = True

    def _confirm(self, checked: Checked) -> None:
        if checked.versions[DirectoryKey(self.tenant_id)] == self._entry.version:
            self._is_fresh = True
        else:
            self._moved = True


async def _tenant_id(app: App, slug: str, *, anew: bool) -> str:
    if anew or slug not in app.tenant_ids:
        async with app.database.connection() as connection:
            found = await db_directory.tenant_id_of(connection, slug)
        if found is None:
            app.tenant_ids.pop(slug, None)
            raise _no_tenant(slug)
        app.tenant_ids[slug] = found
    return app.tenant_ids[slug]


def _no_tenant(slug: str) -> BadRequest:
    return BadRequest(
        "NOT_FOUND", f"there is no tenant {slug[:80]!r}" if slug else "there is no tenant yet; import one"
    )
