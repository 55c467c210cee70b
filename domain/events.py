"""What the database tells of its changes, and the JSON form in which it does (0002_versions.sql)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Change:
    """Versions that rose: of some of a stylist's days, of all of them (days is None), or (stylist_id None) of a directory.

    version: the new rules or directory version; None when only days rose.
    """

    tenant_id: str
    stylist_id: str | None
    version: int | None
    days: Mapping[date, int] | None


def parse(payload: str) -> Change:
    """The change that a notification carries. Raises ValueError, KeyError or TypeError for anything else."""
    found = json.loads(payload)
    days = found.get("d")
    return Change(
        tenant_id=found["t"],
        stylist_id=found.get("s"),
        version=found.get("v"),
        days=None if days is None else {date.fromisoformat(day): version for day, version in days.items()},
    )
