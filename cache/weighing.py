"""How much memory a value takes, about."""

from __future__ import annotations

import sys
from dataclasses import fields, is_dataclass
from typing import Any

OBJECTS_MAX = 5_000  # looked at: more than a stylist's day has, and a millisecond's work


def weight(value: Any) -> int:
    """Bytes of a value and all that containers and data classes in it hold; what it shares with others counts as its own."""
    seen: set[int] = set()
    todo, found = [value], 0
    while todo and len(seen) < OBJECTS_MAX:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        found += sys.getsizeof(one)
        if isinstance(one, dict):
            todo += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple | set | frozenset):
            todo += one
        elif is_dataclass(one) and not isinstance(one, type):
            todo += [getattr(one, field.name) for field in fields(one)]
    return found
