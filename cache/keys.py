"""Every key, spelled once. Tenant first; parts length-prefixed, so that no two keys can run together."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from domain.versions import DayVersion

# Of the entries' values. Raise it when their shape changes, or what facts are made of the same rows: programs of before and
# after share a Redis while one replaces the other.
FORM = "1"


class DirectoryKey(NamedTuple):
    """A tenant's directory."""

    tenant_id: str

    @property
    def group(self) -> tuple[str, ...]:
        """What is dropped together."""
        return (self.tenant_id,)

    @property
    def versioned(self) -> tuple[str, str | None, date | None]:
        """As the version query takes it."""
        return (self.tenant_id, None, None)


class DayKey(NamedTuple):
    """A stylist's local day."""

    tenant_id: str
    stylist_id: str
    day: date

    @property
    def group(self) -> tuple[str, ...]:
        """What is dropped together: all days of a stylist."""
        return (self.tenant_id, self.stylist_id)

    @property
    def versioned(self) -> tuple[str, str | None, date | None]:
        """As the version query takes it."""
        return self


Key = DirectoryKey | DayKey


def text(key: Key) -> str:
    """The key as the stores have it."""
    return FORM + "".join([f":{len(part)}:{part}" for part in map(str, key)])


def shared(key: Key, version: DayVersion, lineage: str) -> str:
    """The key as a store has it that processes share: one key means one value for ever, so the version is part of it.

    lineage: which database counted that version; a copy of it, or one set back, counts the same numbers again for other facts.
    """
    return text(key) + "".join([f":{len(part)}:{part}" for part in (*map(str, version), lineage)])
