"""The text of a salon file as JSON: read exactly, so that no value is rounded, no key lost, and every fault has its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from resolvers import salon_faults
from resolvers.salon_faults import BadFile, Fault, Path

NUMBER_DIGITS_MAX = 30  # more than any number of the file may have, and few enough to be converted


def read(text: str | bytes) -> tuple[Any, list[Fault]]:
    """The text's value, fractions as Decimal, and a fault for each key that stands twice in its object.

    Raises BadFile when the text is not JSON in UTF-8, with the line, or nests too deeply.
    """
    try:
        found = json.loads(
            _decoded(text),
            object_pairs_hook=_object,
            parse_int=_int,
            parse_float=_decimal,
            parse_constant=_decimal,
        )
        return found, [Fault(salon_faults.path_text(path), "stands twice in this object") for path in _repeats(found)]
    except json.JSONDecodeError as error:
        fault = Fault(f"line {error.lineno}, column {error.colno}", f"this is not JSON: {error.msg.lower()}")
    except RecursionError:
        fault = Fault("the file", "is nested too deeply")
    raise BadFile([fault])


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise BadFile([Fault(f"line {line}", f"the byte 0x{text[error.start]:02X} is not UTF-8")]) from None


class _Object(dict[str, Any]):
    """An object of the text. twice: its keys that stand there more than once, of which the last counts."""

    twice: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object((_key(key), value) for key, value in pairs)
    if len(found) < len(pairs):
        keys = [_key(key) for key, _ in pairs]
        found.twice = tuple(key for key in found if keys.count(key) > 1)
    return found


def _key(key: str) -> str:
    """Lone surrogates spelled out: pydantic cannot name them in a path. No known key has any."""
    return key.encode(errors="backslashreplace").decode()


def _int(digits: str) -> int:
    """One too long is cut to one that is still out of every range."""
    return int(digits[:NUMBER_DIGITS_MAX])


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond counting
        return Decimal("Infinity")


def _repeats(value: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of keys that stand twice in their object, objects before what is in them."""
    if isinstance(value, _Object):
        yield from ((*path, key) for key in value.twice)
        inner: Any = value.items()
    else:
        inner = enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _repeats(one, (*path, key))
