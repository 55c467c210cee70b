"""Every key, spelled once. Tenant first; parts length-prefixed, so that no two keys can run together."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

FORM = "1"  # of the entries' values: raise it when their shape changes


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
