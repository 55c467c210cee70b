"""Where a subscriber stopped: a cursor says which version of each stylist and date it has, and when that was so last.

A list that has the same version now as then is made of the same facts, so the list as it was then can be derived again, and
what time alone has changed since is an exact difference. Of another version the old list is not known: then a snapshot.
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from db.days import EXPIRED_KEPT
from domain import slots, versions
from domain.errors import BadRequest
from resolvers import availability
from resolvers.availability import Availability, Derived

Key = tuple[str, date]

FORM = "c1."
LENGTH_MAX = 60_000
PLAIN_MAX = 400_000
UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class Cursor:
    """about: a digest of what is watched. at: an instant at which these lists were true; None where only the version is known.
    versions: of each stylist and date; of those that were not true then, none.
    """

    about: str
    at: datetime | None
    versions: Mapping[Key, str | None]

    def without(self, keys: Iterable[Key]) -> Cursor:
        """The same with nothing said of these."""
        return replace(self, versions={**self.versions, **dict.fromkeys(keys)})

    def text(self) -> str:
        """As the client gets it. Opaque, except that of one stylist and date it begins with the version: `12.5@2026-…`."""
        found, at = [version or UNKNOWN for version in self.versions.values()], self.at.isoformat() if self.at else ""
        if len(found) == 1:
            return f"{found[0]}@{at}"
        plain = " ".join((self.about, at, *found))
        return FORM + urlsafe_b64encode(zlib.compress(plain.encode(), 1)).decode()


def about(watched: str) -> str:
    """A digest of what is watched: a cursor goes with that alone."""
    return hashlib.blake2s(watched.encode(), digest_size=6).hexdigest()


def cursor(about_: str, state: Mapping[Key, Availability]) -> Cursor:
    """Of lists as they were told."""
    at = max(one.now for one in state.values())
    return Cursor(
        about_,
        at,
        {key: one.version if one.true_until is None or at < one.true_until else None for key, one in state.items()},
    )


def parse(given: str, about_: str, keys: Sequence[Key]) -> Cursor | None:
    """The cursor of this text, or of a plain version where one stylist and date is watched. None: of something else.

    Raises BadRequest for what is no cursor.
    """
    if len(given) > LENGTH_MAX:
        raise _bad()
    try:
        if not given.startswith(FORM):
            version, _, at = given.partition("@")
            if version != UNKNOWN and not versions.is_version(version):
                raise _bad()
            found, about_then, then = [version], about_, (_instant(at) if at else None)
        else:
            unzip = zlib.decompressobj()
            plain = unzip.decompress(urlsafe_b64decode(given[len(FORM) :].encode()), PLAIN_MAX).decode()
            about_then, at, *found = plain.split(" ")
            then = _instant(at)
    except (ValueError, zlib.error, OverflowError):
        raise _bad() from None
    if about_then != about_ or len(found) != len(keys):
        return None
    return Cursor(about_, then, dict(zip(keys, found, strict=True)))


def as_it_was(cursor_: Cursor, key: Key, found: Availability) -> Availability | None:
    """The list that the cursor's owner has; None when that is not known any more."""
    known_from = (
        max(reading.entry.computed_at for reading in found.readings) - EXPIRED_KEPT
    )  # later ends are in the facts
    if cursor_.versions[key] != found.version or (cursor_.at is not None and cursor_.at < known_from):
        return None
    before = _at(found, min(cursor_.at or known_from, found.now))
    return None if cursor_.at is None and before.slots != found.slots else before


def _at(found: Availability, instant: datetime) -> Availability:
    """A list as it was at an earlier instant, of the same facts."""
    readings = [replace(reading, now=instant) for reading in found.readings]
    return availability.assemble(
        found.stylist_id,
        found.service_id,
        found.date,
        found.zone,
        readings,
        derive=lambda entry, service_id, now: Derived(now, slots.day_slots(entry.value, service_id, now), {}),
    )


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant has an offset")
    return at


def _bad() -> BadRequest:
    return BadRequest("BAD_INPUT", "sinceVersion: not a cursor; send back `cursor` as you got it")
